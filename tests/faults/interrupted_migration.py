"""`huying migrate` is killed in its midst, or the database under it.

First of a fresh county beside one that holds data, then an upgrade of the one with data, to a
made-up later release. It is run again to its end; what comes out is what an undisturbed run makes,
and the other county is what it was.
"""

import random
import subprocess
import sys
import time
from typing import Any, Final

import psycopg

from huying.config import embedded
from tests.faults.county_under_load import Template, go_on, kill, loading, running, server_of
from tests.faults.reckoning import Outcome, reckon
from tests.integration.config.commands import ROOT, County, Machine

FRESH, UPGRADES, KILLS = 3, 3, 3
LATER: Final = {
    "DJANGO_SETTINGS_MODULE": "tests.faults.later_release.settings",
    "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
}
# Everything a schema is made of, but for what it holds.
_SHAPE: Final = """
SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
    SELECT format('%%s %%s %%s %%s %%s', table_name, column_name, data_type, is_nullable,
        column_default) AS line
    FROM information_schema.columns WHERE table_schema = ANY (%(names)s::text[])
    UNION ALL
    SELECT indexdef FROM pg_indexes
    WHERE schemaname = ANY (%(names)s::text[])
    UNION ALL
    SELECT format('%%s %%s', conname, pg_get_constraintdef(c.oid))
    FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace
    WHERE nspname = ANY (%(names)s::text[])
) shape
"""
_UPGRADED: Final = "SELECT count(*) = count(*) FILTER (WHERE later = 'filled') FROM notices_notice"


def run(template: Template, *, seed: int = 2026) -> Outcome:
    began, outcome, dice = time.monotonic(), Outcome("interrupted_migration"), random.Random(seed)
    with template.copied() as county:
        with running(county, template.token) as site, loading(site) as load:
            go_on(load, 20)
        held = _held(county)
        killed = _fresh(county, outcome, dice)
        if _held(county) != held:
            outcome.wrong.append("the county beside the fresh one changed")
        shape = _shape(county, "east")
        killed += _upgrade(county, outcome, dice)
        if _shape(county, "east") != shape:
            outcome.wrong.append("the county beside the upgraded one changed")
        # The release that runs goes on with what the upgrade left.
        with running(county, template.token) as site, loading(site) as again:
            go_on(again)
        for name in ("reports", "acts", "readings", "hours"):
            getattr(load, name).update(getattr(again, name))
        outcome.remarks.append(
            f"killed {killed} times; {FRESH} fresh counties, {UPGRADES} upgrades"
        )
        return reckon(county, load, outcome, began)


def _fresh(county: County, outcome: Outcome, dice: random.Random) -> int:
    """A fresh county, undisturbed and then disturbed; how often something was killed."""
    east = Machine(county.url, county.folder / "east", "east")
    wanted, took, killed = None, 0.0, 0
    for number in range(FRESH + 1):
        with psycopg.connect(county.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS east, east_jobs CASCADE")
        began = time.monotonic()
        for _ in range(KILLS if number else 0):
            killed += _interrupted(county, east, dice.uniform(0.5, took), dice)
        done = east.run("migrate")
        if done.returncode:
            outcome.wrong.append(f"a fresh county is not finished: {done.stderr[-300:]}")
        if number == 0:
            wanted, took = _shape(county, "east"), time.monotonic() - began
        elif _shape(county, "east") != wanted:
            outcome.wrong.append("a fresh county that was disturbed looks otherwise")
    return killed


def _upgrade(county: County, outcome: Outcome, dice: random.Random) -> int:
    machine = Machine(county.url, county.data_dir, county.county)
    took, killed = 8.0, 0
    for number in range(UPGRADES):
        for _ in range(KILLS):
            killed += _interrupted(county, machine, dice.uniform(1.0, took), dice, **LATER)
        began = time.monotonic()
        done = machine.run("migrate", **LATER)
        took = time.monotonic() - began
        if done.returncode or machine.ask(_UPGRADED) is not True:
            outcome.wrong.append(f"an upgrade is not finished: {done.stderr[-300:]}")
        if number < UPGRADES - 1:
            machine.run("django", "migrate", "notices", "0001", "--verbosity=0", **LATER)
    return killed


def _interrupted(
    county: County, machine: Machine, after: float, dice: random.Random, **environment: str
) -> bool:
    """Kill the command after so long, or the database under it; whether it still ran."""
    command = subprocess.Popen(
        [sys.executable, "-m", "huying.config.cli", "migrate"],
        env=machine.full_environment(**environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        command.wait(after)
    except subprocess.TimeoutExpired:
        server = server_of(county) if dice.random() < 0.3 else None
        if server is not None:
            kill(server)
            command.wait()
            embedded.start(county.data_dir / "postgres")
        else:
            command.kill()
            command.wait()
        return True
    return False


def _shape(county: County, schema: str) -> Any:
    with psycopg.connect(county.url) as connection:
        return connection.execute(_SHAPE, {"names": [schema, f"{schema}_jobs"]}).fetchone()


def _held(county: County) -> tuple[Any, ...]:
    """What the county looks like and holds."""
    with psycopg.connect(county.url) as connection:
        rows = connection.execute(
            "SELECT relname, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = 'county' AND relkind IN ('r', 'p') ORDER BY 1"
        ).fetchall()
        counts = [
            connection.execute(f'SELECT count(*) FROM county."{name}"').fetchone()
            for name, _ in rows
        ]
    return (_shape(county, "county"), rows, counts)
