"""Two servers: what one confirmed the other has, and one can take the other's place."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from huying.config import embedded
from tests.integration.config.commands import County

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backups")]


@pytest.fixture
def county() -> Iterator[County]:
    # Not tmp_path: the address of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hy-"))
    found = County("", folder / "data", "county")
    yield found
    embedded.stop_all(found.data_dir)
    shutil.rmtree(folder)


def _wait(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def _kill(pgdata: Path) -> None:
    os.kill(int((pgdata / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    _wait(lambda: embedded.url_if_running(pgdata) is None)


def _ask(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


WAITS = "SELECT current_setting('synchronous_standby_names')"


def test_a_standby_is_watched_takes_over_and_gets_a_standby_of_its_own(county: County) -> None:
    county.do("migrate")
    none = county.run("promote")
    assert none.returncode == 1
    assert "huying down --first" in none.stderr
    county.do("backup")
    first, second = county.data_dir / "postgres", county.data_dir / "postgres-standby"
    assert county.do("standby").strip() == str(second)
    assert county.do("standby").strip() == str(second), "there is one already"
    url = embedded.url_if_running(first)
    assert url
    assert _ask(url, WAITS) == "huying_standby"

    # One that dies is started again; one that cannot be holds nobody up for long.
    watching = county.background([sys.executable, "-m", "huying.config.cli", "standby", "--watch"])
    try:
        _kill(second)
        _wait(lambda: embedded.url_if_running(second) is not None)
        (second / "PG_VERSION").rename(second / "PG_VERSION.away")
        _kill(second)
        _wait(lambda: _ask(url, WAITS) == "")
        (second / "PG_VERSION.away").rename(second / "PG_VERSION")
        _wait(lambda: _ask(url, WAITS) == "huying_standby")
    finally:
        watching.terminate()
        watching.wait()

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE confirmed AS SELECT 42 AS answer")
    _kill(first)
    county.do("promote")
    assert first.is_symlink()
    assert list(county.data_dir.glob("postgres.replaced-*"))
    assert _ask(county.url, "SELECT answer FROM confirmed") == 42
    assert _ask(county.url, WAITS) == ""
    # The copied log goes on without a gap, in its new history.
    assert _ask(county.url, "SELECT count(*) FROM pg_replication_slots") == 1
    # Everything finds the one that writes, and it is started and stopped as the first was.
    county.do("down")
    county.do("verify")
    county.do("backup")
    assert county.do("standby").strip() == f"{second}-2"
    county.do("backup", "--check")


def test_a_broken_standby_is_set_aside_and_one_not_wanted_any_more_leaves_nothing(
    county: County,
) -> None:
    county.do("migrate")
    second = Path(county.do("standby").strip())
    url = county.url
    _kill(second)
    (second / "PG_VERSION").unlink()
    assert county.do("standby").strip() == str(second)
    (broken,) = county.data_dir.glob("postgres-standby.replaced-*")
    assert (broken / embedded.STANDBY_SIGNAL).exists()
    assert embedded.url_if_running(second)
    assert _ask(url, WAITS) == "huying_standby"

    assert Path(county.do("standby", "--remove").strip()).name.startswith(f"{second.name}.replaced")
    assert not second.exists()
    assert _ask(url, WAITS) == ""
    assert _ask(url, "SELECT count(*) FROM pg_replication_slots") == 0
    county.do("standby", "--remove")
