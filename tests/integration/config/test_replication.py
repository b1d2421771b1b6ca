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

from huying.config import embedded, turns
from tests.integration.config.commands import County

pytestmark = pytest.mark.slow


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


# A `huying promote` that gets SIGKILL before or after what `at` says.
_KILLED = """
import os, signal
from pathlib import Path
import psycopg
from huying.config import cli, embedded

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(words):
    def execute(self, statement, *parameters):
        done = usual(self, statement, *parameters)
        return die() if words in statement else done
    usual, psycopg.Connection.execute = psycopg.Connection.execute, execute

{at}
cli.app(["promote"])
"""


@pytest.mark.parametrize(
    ("at", "resumed_by"),
    [
        ("die_after('primary_conninfo')", "promote"),
        ("die_after('pg_promote')", "migrate"),
        ("Path.symlink_to = die", "migrate"),
        ("Path.unlink = die", "promote"),
    ],
)
def test_a_promotion_that_is_killed_is_finished_and_never_undone(
    county: County, at: str, resumed_by: str
) -> None:
    """Wherever it dies: whoever comes next finishes it, and the old server stays out."""
    county.do("migrate")
    first, second = county.data_dir / "postgres", Path(county.do("standby").strip())
    _kill(first)
    killed = county.background([sys.executable, "-c", _KILLED.format(at=at)])
    assert killed.wait() == -signal.SIGKILL
    county.do(resumed_by)
    assert first.is_symlink()
    assert first.resolve() == second
    assert _ask(county.url, "SELECT pg_is_in_recovery()") is False
    with psycopg.connect(county.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE written (number integer)")
    (old,) = county.data_dir.glob("postgres.replaced-*")
    assert embedded.url_if_running(old) is None
    assert not (county.data_dir / embedded.PROMOTING).exists()
    county.do("down")
    county.do("verify")  # and so it stays


def test_a_promotion_that_is_killed_is_finished_by_those_who_watch_the_server(
    county: County,
) -> None:
    county.do("migrate")
    first, second = county.data_dir / "postgres", Path(county.do("standby").strip())
    _kill(first)
    killed = county.background([sys.executable, "-c", _KILLED.format(at="Path.symlink_to = die")])
    killed.wait()
    _kill(second)
    embedded.Keeper(county.data_dir).tend()
    assert embedded.url_if_running(first) == embedded.url_if_running(second) is not None
    assert first.is_symlink()


# A command that does not wait for its turn, beside a server that is there already.
_IMPATIENT = """
import os, sys
from huying.config import cli, turns
turns.servers.__wrapped__.__kwdefaults__["patience"] = 0.0
os.environ["HUYING_DATABASE_URL"] = {url!r}
sys.argv = ["huying", *{command}]
cli.main()
"""


def test_while_a_command_is_at_the_servers_no_other_starts_stops_or_exchanges_them(
    county: County,
) -> None:
    county.do("migrate")
    county.do("standby")
    url = county.url
    with turns.servers(county.data_dir):
        waiting = [
            county.background([sys.executable, "-c", _IMPATIENT.format(command=command, url=url)])
            for command in (["promote"], ["down"], ["down", "--first"], ["standby", "--remove"])
        ]
        assert [one.wait() for one in waiting] == [1] * 4
        assert embedded.url_if_running(county.data_dir / "postgres") == url
    assert _ask(url, WAITS) == "huying_standby"


def test_a_slot_that_was_lost_is_made_anew(county: County) -> None:
    """The log kept for a standby that stayed away was given up: it gets a new copy by itself."""
    county.do("migrate")
    first, second = county.data_dir / "postgres", Path(county.do("standby").strip())
    embedded.stop(second)
    with psycopg.connect(county.url, autocommit=True) as connection:
        # Commits wait for nobody, and hardly any log is kept.
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        connection.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        connection.execute("SELECT pg_reload_conf()")
        for _number in range(4):
            connection.execute("SELECT pg_logical_emit_message(true, 'some', 'log')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")
        state = connection.execute("SELECT wal_status FROM pg_replication_slots").fetchone()
        assert state == ("lost",)
        connection.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        connection.execute("SELECT pg_reload_conf()")
    assert county.do("standby").strip() == str(second)
    assert list(county.data_dir.glob("postgres-standby.replaced-*"))
    assert _ask(county.url, "SELECT wal_status FROM pg_replication_slots") != "lost"
    assert _ask(county.url, WAITS) == "huying_standby"
    assert _ask(county.url, "SELECT count(*) FROM pg_stat_replication") == 1
    assert embedded.url_if_running(first)


def test_a_standby_that_never_follows_holds_nobody_up(county: County) -> None:
    """The command says so instead of waiting, and commits go on with one server."""
    county.do("migrate")
    second = Path(county.do("standby").strip())
    embedded.stop(second)
    with (second / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("primary_conninfo = 'host=/nowhere user=nobody'\n")
    # Starting everything: it starts and does not follow, so commits are told not to wait for it.
    began = time.monotonic()
    county.do("down")
    county.do("migrate")
    assert time.monotonic() - began < 60
    assert _ask(county.url, WAITS) == ""
    # One whose replacement cannot be copied either: the command ends with an error.
    with psycopg.connect(county.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_wal_senders = 0")
    county.do("down")
    assert county.run("standby").returncode == 1
    assert _ask(county.url, WAITS) == ""
    assert _ask(county.url, "SELECT 1") == 1
