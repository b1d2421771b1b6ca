"""`huying rotate-keys --index` as an operator gives it, killed (SIGKILL) at one moment after the
other: everybody is found in between, and the same command again finishes what the first began."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest

from huying.config import processes
from huying.directory.actions.index_keys import BATCH
from tests.integration.config.commands import Machine, fresh_database

PEOPLE: Final = 2_400
HOUSEHOLDS: Final = PEOPLE // 3
WAIT_SECONDS: Final = 60.0
COUNTY: Final = "killed"
ROTATE: Final = ("rotate-keys", "--index")
HEAD: Final = "户号,姓名,身份证号,电话,户籍地,居住地,住址"
WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
# The number of the key is in the first two bytes of an index.
RAISED: Final = "SELECT count(*) FROM directory_person WHERE get_byte(phone_index, 1) = 2"
WRITTEN: Final = "SELECT number FROM directory_edition WHERE name = 'index_key'"
# Whom somebody holds is passed over, and tried again for many seconds.
ONE_OF_EACH: Final = """
    SELECT FROM (SELECT FROM directory_person ORDER BY id DESC LIMIT 1 FOR UPDATE) p,
    (SELECT FROM directory_household ORDER BY id DESC LIMIT 1 FOR UPDATE) h"""
NO_HOUSEHOLD: Final = "LOCK TABLE directory_household IN EXCLUSIVE MODE"
# Says who is not found, or twice, by telephone and by ID number, and how far the rotation is.
LOOK_FOR_ALL: Final = """
import sys
from huying.directory import queries
from huying.directory.permissions import Actor
from tests.integration.directory.test_index_rotation_killed import PEOPLE, identity, phone
by = Actor.system("tests")
wrong = [n for n in range(PEOPLE) if len(queries.find_people(by=by, phone=phone(n))) != 1
         or n % 10 == 0 and len(queries.find_people(by=by, id_number=identity(n))) != 1]
print("not found:", wrong, "unfinished:", queries.indexes_in_use().unfinished)
"""


def identity(number: int) -> str:
    digits = f"110105{1950 + number // 999}0101{number % 999:03d}"
    return digits + "10X98765432"[sum(map(int.__mul__, map(int, digits), WEIGHTS)) % 11]


def phone(number: int) -> str:
    return f"139{number:08d}"


@dataclass(frozen=True, slots=True)
class Moment:
    """When the command is killed; what another session `holds` keeps it from being done before."""

    name: str
    reached: Callable[[Machine], bool]
    holds: str = "SELECT 1"


MOMENTS: Final = (
    Moment("a key", lambda county: (county.data_dir / "keys" / "vault_index_2.key").exists()),
    Moment("everybody writes by it", lambda county: county.ask(WRITTEN) == 2, ONE_OF_EACH),
    Moment("some raised", lambda county: int(county.ask(RAISED)) >= BATCH, ONE_OF_EACH),
    Moment("all people raised", lambda county: county.ask(RAISED) == PEOPLE, NO_HOUSEHOLD),
)


@pytest.fixture
def county(tmp_path: Path) -> Iterator[Machine]:
    lines = [
        f"户{n // 3},居民{n},{identity(n)},{phone(n)},滑县,滑县,东门{n}号" for n in range(PEOPLE)
    ]
    (tmp_path / "底册.csv").write_text("\r\n".join((HEAD, *lines)), encoding="utf-8")
    with fresh_database(f"huying_killed_{os.getpid()}") as url:
        machine = Machine(url, tmp_path, COUNTY)
        _done(machine, "begin", "410526", "滑县")
        assert f"{PEOPLE:,} residents are new" in _residents(machine)
        yield machine


def _done(county: Machine, *arguments: str) -> str:
    done = county.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _residents(county: Machine) -> str:
    return _done(county, "residents", str(county.data_dir / "底册.csv"))


def _killed_at(county: Machine, moment: Moment) -> None:
    with psycopg.connect(county.database_url, options=f"-c search_path={COUNTY}") as session:
        session.execute(moment.holds.encode())
        process = subprocess.Popen(
            processes.huying(*ROTATE),
            env=county.full_environment(),
            stdout=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + WAIT_SECONDS
            while not moment.reached(county):
                assert process.poll() is None, "it ended by itself"
                assert time.monotonic() < until
                time.sleep(0.005)
        finally:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_killed_at_any_moment_everybody_is_found_and_the_same_command_finishes(
    county: Machine,
) -> None:
    look = ("django", "shell", "--verbosity=0", f"--command={LOOK_FOR_ALL}")
    for moment in MOMENTS:
        _killed_at(county, moment)
        said = _done(county, *look).strip()
        assert said == "not found: [] unfinished: True", f"{moment.name}: {said}"
    assert _done(county, *ROTATE).strip().splitlines() == [
        "index key 1: 0 indexes",
        f"index key 2: {3 * PEOPLE + HOUSEHOLDS:,} indexes  written now",
    ]
    assert _done(county, *look).strip() == "not found: [] unfinished: False"
    assert "0 residents are new" in _residents(county), "nobody is there twice"
    assert not (county.data_dir / "keys" / "vault_index_3.key").exists()
    told = "SELECT count(*) FROM ledger_record WHERE kind = 'vault.index_key_added'"
    assert county.ask(told) == 1
