"""Two servers on one machine: each commit is in both before it is confirmed.

`huying standby` makes the second as a copy of the first and keeps it in step (streaming
replication); from then on the first confirms a commit only when the second has it on disk. When
the first is gone, `huying promote` lets the second take over; processes find it by themselves,
since they know both addresses and ask which one takes writes. Guards against a server that
dies, not against a machine that does: for that, a PostgreSQL of one's own on two machines.
"""

import logging
import shutil
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg
from django.conf import settings
from psycopg import sql

from huying.config import embedded, turns
from huying.config.backups import ProgramFailed
from huying.config.copies import archive
from huying.config.embedded import aside
from huying.directory.permissions import DomainError

NAME: Final = "huying_standby"
WATCH_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


class NoStandby(DomainError):
    """There is no second server that could take over."""

    code = "NO_STANDBY"
    status = 409


class SlotInUse(DomainError):
    """Something takes the log kept for the standby."""

    code = "SLOT_IN_USE"
    status = 409


def ensure_standby() -> str:
    """Make the standby where there is none that follows, and let commits wait for it; its folder.

    One that is there and does not follow is set aside.
    """
    folder, first = embedded.standby_folder(settings.DATA_DIR), _first()
    with psycopg.connect(first, autocommit=True) as connection:
        if not _starts_and_follows(connection, folder):
            with turns.servers(settings.DATA_DIR):
                _set_aside(folder)
            _copy(first, connection, folder)
            with turns.servers(settings.DATA_DIR):
                embedded.start(folder)
        _let_commits_wait(connection)
    return str(folder)


def remove_standby() -> Path | None:
    """Go on with one server: commits wait for no other, no log is kept for one, and its folder
    is set aside; where it lies now, None where there was none."""
    with (
        turns.servers(settings.DATA_DIR),
        psycopg.connect(_first(), autocommit=True) as connection,
    ):
        _let_commits_wait(connection, wait=False)
        gone = _set_aside(embedded.standby_folder(settings.DATA_DIR))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _drop_slot(connection):
            if time.monotonic() > deadline:
                raise SlotInUse(
                    zh="还有程序用着热备库的日志，稍后再试",
                    en="Something still takes the standby's log; try again later",
                )
            time.sleep(0.1)
    return gone


def _first() -> str:
    """The URL of the server that takes writes; raises NoStandby where it is not ours."""
    url = embedded.url_if_running(settings.POSTGRES_DIR)
    if url is None:
        raise NoStandby(
            zh="只有内嵌的数据库能这样做热备；自己的 PostgreSQL 见 docs/operators.md",
            en="This is for the embedded server; for one of your own see docs/operators.md",
        )
    return url


def _starts_and_follows(connection: psycopg.Connection, folder: Path) -> bool:
    if not (folder / embedded.STANDBY_SIGNAL).exists():
        return False
    try:
        with turns.servers(settings.DATA_DIR):
            embedded.start(folder)
    except (OSError, subprocess.SubprocessError, embedded.ServerEnded):
        _logger.exception("standby: it does not start")
        return False
    deadline = time.monotonic() + PATIENCE_SECONDS
    # One that catches up is well, too.
    while not _is_connected(connection):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _set_aside(folder: Path) -> Path | None:
    if not folder.exists():
        return None
    embedded.stop(folder)
    return folder.rename(aside(folder))


def _drop_slot(connection: psycopg.Connection) -> bool:
    """Whether it is gone: as long as somebody takes the log through it, it cannot go."""
    with suppress(psycopg.errors.ObjectInUse):
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = %s",
            [NAME],
        )
        return True
    return False


def _copy(first: str, connection: psycopg.Connection, folder: Path) -> None:
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    # One whose log was given up serves no copy any more.
    connection.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
        " WHERE slot_name = %s AND wal_status = 'lost'",
        [NAME],
    )
    connection.execute(
        "SELECT pg_create_physical_replication_slot(%s, true) WHERE NOT EXISTS"
        " (SELECT FROM pg_replication_slots WHERE slot_name = %s)",
        [NAME, NAME],
    )
    done = subprocess.run(
        [
            *(embedded.program("pg_basebackup"), "--wal-method=stream", "--checkpoint=fast"),
            *(f"--slot={NAME}", f"--pgdata={draft}", f"--dbname={first}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise ProgramFailed(
            zh=f"pg_basebackup 没有完成：{done.stderr.strip()[-500:]}",
            en=f"pg_basebackup did not finish: {done.stderr.strip()[-500:]}",
        )
    follow = psycopg.conninfo.make_conninfo(first, application_name=NAME)
    with (draft / "postgresql.auto.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(f"primary_conninfo = '{follow}'\nprimary_slot_name = '{NAME}'\n")
        configuration.write("synchronous_standby_names = ''\n")
    (draft / embedded.STANDBY_SIGNAL).touch()
    embedded.forget_running(draft)
    embedded.hand_over(draft)
    draft.rename(folder)


def _let_commits_wait(connection: psycopg.Connection, *, wait: bool = True) -> None:
    connection.execute(
        sql.SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(NAME if wait else "")
    )
    connection.execute("SELECT pg_reload_conf()")


def promote() -> str:
    """Let the standby take writes; the first server's folder is set aside. Returns its URL.

    One that was broken off is finished. Raises embedded.FirstStillRuns: two servers that both
    take writes could never be made one again.
    """
    data = settings.DATA_DIR
    with turns.servers(data):
        done = embedded.finish_promotion(data)
        if done is not None:
            return done
        if embedded.url_if_running(settings.POSTGRES_DIR) is not None:
            raise embedded.FirstStillRuns
        if not (embedded.standby_folder(data) / embedded.STANDBY_SIGNAL).exists():
            raise NoStandby(
                zh="没有热备库可以接替，请先执行 huying standby",
                en="There is no standby that could take over; `huying standby` makes one",
            )
        copied = archive.wal_folder(settings.BACKUP_DIR).exists()
        embedded.begin_promotion(data, archive.SLOT if copied else "")
        return embedded.finish_promotion(data) or ""


def watch(stopping: threading.Event) -> None:
    """Keep the standby running. Where it stays away commits stop waiting for it, so that the
    county goes on with one server, and wait again once it is back."""
    seen_at = time.monotonic()
    while not stopping.wait(WATCH_SECONDS):
        with suppress(turns.Busy), turns.servers(settings.DATA_DIR, patience=0):
            _keep_running()
        first = embedded.url_if_running(settings.POSTGRES_DIR)
        if first is None:
            continue
        with suppress(psycopg.Error), psycopg.connect(first, autocommit=True) as connection:
            follows, waits = _follows(connection), _commits_wait(connection)
            if follows:
                seen_at = time.monotonic()
            if follows and not waits:
                _let_commits_wait(connection)
            elif waits and time.monotonic() - seen_at > PATIENCE_SECONDS:
                _logger.error("standby: away; commits are confirmed by one server alone")
                _let_commits_wait(connection, wait=False)


def _keep_running() -> None:
    folder = embedded.standby_folder(settings.DATA_DIR)
    if (
        embedded.url_if_running(settings.POSTGRES_DIR) is None
        or not (folder / embedded.STANDBY_SIGNAL).exists()
        or embedded.url_if_running(folder) is not None
    ):
        return  # it took over, or will; or all is well
    _logger.error("standby: it ended; starting it again")
    try:
        embedded.start(folder)
    except (OSError, subprocess.SubprocessError, embedded.ServerEnded):
        _logger.exception("standby: it does not start")


def _commits_wait(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT current_setting('synchronous_standby_names') <> ''").fetchone()
    return row == (True,)


def _is_connected(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_replication WHERE application_name = %s", [NAME]
    ).fetchone()
    return bool(row and row[0])


def _follows(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_replication"
        " WHERE application_name = %s AND state = 'streaming'",
        [NAME],
    ).fetchone()
    return bool(row and row[0])
