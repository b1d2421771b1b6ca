"""The embedded server on a data directory of its own: started, stopped, killed, recovered."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from huying.config import embedded, turns

pytestmark = pytest.mark.slow


@pytest.fixture
def pgdata() -> Iterator[Path]:
    # Not tmp_path: the address of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hy-"))
    yield folder / "postgres"
    embedded.stop(folder / "postgres")
    shutil.rmtree(folder)


def _postmaster(pgdata: Path) -> int:
    return int((pgdata / "postmaster.pid").read_text().split()[0])


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").exists():
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_started_stopped_killed_and_started_again(pgdata: Path) -> None:
    assert embedded.url_if_running(pgdata) is None
    embedded.stop(pgdata)  # nothing runs: nothing happens

    url = embedded.start(pgdata)
    first = _postmaster(pgdata)
    assert embedded.start(pgdata) == url
    assert embedded.url_if_running(pgdata) == url
    assert _postmaster(pgdata) == first, "who runs is found, not started again"
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('committed')")
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)

    os.kill(first, signal.SIGKILL)
    _wait_until_gone(first)
    assert embedded.url_if_running(pgdata) is None
    url = embedded.start(pgdata)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("committed",)

    second = _postmaster(pgdata)
    embedded.stop(pgdata)
    assert embedded.url_if_running(pgdata) is None
    _wait_until_gone(second)
    with psycopg.connect(embedded.start(pgdata)) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("committed",)


def test_a_number_that_belongs_to_somebody_else_by_now_is_no_server(pgdata: Path) -> None:
    """After a power cut postmaster.pid is still there, and numbers are given out anew."""
    url = embedded.start(pgdata)
    number = _postmaster(pgdata)
    left_behind = (pgdata / "postmaster.pid").read_text()
    embedded.stop(pgdata)
    lines = left_behind.splitlines(keepends=True)
    (pgdata / "postmaster.pid").write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
    assert embedded.url_if_running(pgdata) is None
    assert embedded.start(pgdata) == url
    assert _postmaster(pgdata) not in (number, os.getpid())


def test_who_keeps_it_starts_it_again_when_it_died(pgdata: Path) -> None:
    keeper = embedded.Keeper(pgdata.parent)
    keeper.tend()
    assert embedded.url_if_running(pgdata) is None, "there is nothing to keep yet"
    embedded.start(pgdata)
    os.kill(_postmaster(pgdata), signal.SIGKILL)
    _wait_until_gone(_postmaster(pgdata))
    # Its children may hold the memory for a moment longer; then the keeper tries again.
    deadline = time.monotonic() + 60
    while (url := embedded.url_if_running(pgdata)) is None:
        assert time.monotonic() < deadline
        keeper.tend()
        time.sleep(0.1)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_beside_a_standby_a_person_decides(pgdata: Path) -> None:
    embedded.start(pgdata)
    standby = embedded.standby_folder(pgdata.parent)
    standby.mkdir()
    (standby / embedded.STANDBY_SIGNAL).touch()
    os.kill(_postmaster(pgdata), signal.SIGKILL)
    _wait_until_gone(_postmaster(pgdata))
    embedded.Keeper(pgdata.parent).tend()
    assert embedded.url_if_running(pgdata) is None
    # What lies there and follows nobody can take nothing over.
    (standby / embedded.STANDBY_SIGNAL).unlink()
    (standby / "PG_VERSION").write_text("18")
    embedded.Keeper(pgdata.parent).tend()
    assert embedded.url_if_running(pgdata)


def test_who_restores_is_not_disturbed(pgdata: Path) -> None:
    embedded.start(pgdata)
    embedded.stop(pgdata)
    keeper = embedded.Keeper(pgdata.parent)
    with turns.servers(pgdata.parent):
        keeper.tend()
        assert embedded.url_if_running(pgdata) is None
        with (
            pytest.raises(turns.Busy, match="starting, stopping or replacing"),
            turns.servers(pgdata.parent, patience=0.2),
        ):
            pass
    time.sleep(embedded.LOOK_SECONDS)
    keeper.tend()
    assert embedded.url_if_running(pgdata)


def test_a_restore_and_the_running_county_exclude_each_other(tmp_path: Path) -> None:
    with (
        turns.up(tmp_path),
        turns.up(tmp_path),
        pytest.raises(turns.Busy, match="stop it first"),
        turns.stopped(tmp_path),
    ):
        pass
    with turns.stopped(tmp_path), pytest.raises(turns.Busy, match="restored"), turns.up(tmp_path):
        pass


def test_a_standby_that_does_not_start_holds_no_commit_up(pgdata: Path) -> None:
    url = embedded.start(pgdata)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'huying_standby'")
        connection.execute("SELECT pg_reload_conf()")
    standby = embedded.standby_folder(pgdata.parent)
    standby.mkdir()
    (standby / embedded.STANDBY_SIGNAL).touch()
    assert embedded.start_all(pgdata.parent) == url
    with psycopg.connect(url) as connection:
        shown = connection.execute("SHOW synchronous_standby_names").fetchone()
        assert shown == ("",), "the next would wait for ever"
        connection.execute("CREATE TABLE goes_on ()")


def test_each_start_settles_what_an_older_folder_lacks(pgdata: Path) -> None:
    embedded.start(pgdata)
    embedded.stop(pgdata)
    configuration = pgdata / "postgresql.conf"
    # As it was before, and with a line of the operator's own.
    _, _, before = configuration.read_text().partition("\n")
    configuration.write_text(before + "log_error_verbosity = verbose\n")
    (pgdata / "huying.conf").unlink()
    for _ in range(2):
        with psycopg.connect(embedded.start(pgdata)) as connection:
            shown: dict[str, str] = dict(
                connection.execute(
                    "SELECT name, setting FROM pg_settings WHERE name LIKE 'log\\_%'"
                    " OR name = 'max_slot_wal_keep_size'"
                ).fetchall()
            )
        embedded.stop(pgdata)
        assert shown["log_parameter_max_length"] == "0"
        assert shown["log_parameter_max_length_on_error"] == "0"
        assert shown["log_error_verbosity"] == "verbose"
        room = shutil.disk_usage(pgdata).free // 3 // 2**20
        assert 0 < int(shown["max_slot_wal_keep_size"]) <= min(16 * 1024, room)
    assert configuration.read_text().count("huying.conf") == 1
