"""The clock of the machine stops, jumps a day ahead, jumps back, and is half a day slow.

Twice: first the clock of our processes alone, while the database's goes right (two machines, one
of which is wrong); then of both (a machine that slept, or whose battery is empty). Devices keep
the true time. A small library is preloaded that tells the time otherwise; it is compiled here.

While the clock is ahead nothing may be warned of, escalated or passed on; once it is right, what is
due must be, although the time jumped once more.
"""

import mmap
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.faults.county_under_load import Template, go_on, loading, running, wait_for
from tests.faults.reckoning import Outcome, Skipped, reckon
from tests.integration.config.commands import County

DAY: Final = 86_400.0
SECONDS: Final = 12.0
# Instead of fifteen minutes; longer than the clock is ahead.
WAIT_SECONDS: Final = 40
AHEAD, SLOW = "is a day ahead", "is half a day slow"
MATTERS: Final = 5
_SOURCE: Final = Path(__file__).with_name("shifted_clock.c")
_REPLAY: Final = """
from huying.directory.permissions import Actor
from huying.sensing import actions
try:
    done = actions.replay_quarantine(by=Actor.system("faults"), reason="FUTURE")
    print(done.accepted, done.refused)
except actions.NothingToReplay:
    print(0, 0)
"""
# Matters nobody answers, whose clock runs for two hours.
_OPEN: Final = """
from datetime import timedelta
from django.utils import timezone
from huying.cases import actions
from huying.directory import queries
from huying.directory.permissions import Actor
grid = queries.grids()[0]
for number in range({matters}):
    actions.open_case(
        by=Actor.system("sensing"), procedure="environmental_alert", category="ALERT",
        title=f"监测点 {{number}} 达到预警值", urgency="URGENT",
        lon=grid.center_lon, lat=grid.center_lat,
        now=timezone.now() - timedelta(hours={hours_ago}),
    )
"""
_DEFERRED: Final = """
SELECT max(id) FROM county_jobs.procrastinate_periodic_defers WHERE task_name = 'cases.run_clocks'
"""
_HELD: Final = """
SELECT EXISTS (SELECT FROM county.directory_timecheck WHERE wait_s > 0 OR apart_at IS NOT NULL)
"""
_RUNNING_OUT: Final = """
SELECT count(*) FROM county.cases_clock WHERE stopped_at IS NULL AND paused_at IS NULL
 AND escalated_at IS NULL AND due_at > %(from)s AND due_at <= %(to)s
"""
# What is done by a clock that is a day ahead is dated by it.
_DONE: Final = """
SELECT (SELECT count(*) FROM county.cases_clock WHERE warned_at > %(from)s),
       (SELECT count(*) FROM county.cases_clock WHERE escalated_at > %(from)s),
       (SELECT count(*) FROM county.cases_act WHERE action = 'clock_ran_out' AND at > %(from)s),
       (SELECT count(*) FROM county.notices_escalation WHERE at > %(from)s)
"""


def run(template: Template, *, seconds: float = SECONDS) -> Outcome:
    outcome = _run(template, "clocks", seconds, database_too=False)
    both = _run(template, "clocks", seconds, database_too=True)
    outcome.remarks += both.remarks
    outcome.wrong += both.wrong
    outcome.missing += both.missing
    outcome.twice += both.twice
    outcome.fsck += both.fsck
    outcome.verify += both.verify
    outcome.repeated += both.repeated
    outcome.seconds = round(outcome.seconds + both.seconds, 1)
    outcome.confirmed = {
        kind: number + both.confirmed[kind] for kind, number in outcome.confirmed.items()
    }
    return outcome


def _run(template: Template, name: str, seconds: float, *, database_too: bool) -> Outcome:
    began, outcome = time.monotonic(), Outcome(name)
    whose = "all clocks" if database_too else "our clock"
    with template.copied() as county, _clock(county.folder) as clock:
        if not database_too:
            county.do("migrate")  # its server runs on afterwards, with the true time
        settings = {**clock.environment, "HUYING_TIME_WAIT_SECONDS": str(WAIT_SECONDS)}
        with running(county, template.token, **settings) as site, loading(site) as load:
            for what, standing, shift in (
                ("stands still", True, 0.0),
                (AHEAD, False, DAY),
                ("is right again", False, 0.0),
                (SLOW, False, -DAY / 2),
                ("is right again", False, 0.0),
            ):
                if what == AHEAD:
                    county.shell(_OPEN.format(matters=MATTERS, hours_ago=0))
                    threatened = _threatened(county)
                clock.set(standing=standing, shift=shift)
                right_at = datetime.now(UTC)
                if what == SLOW:
                    county.shell(_OPEN.format(matters=MATTERS, hours_ago=3))
                until, times = time.monotonic() + seconds, 0
                while time.monotonic() < until:
                    try:
                        go_on(load, seconds=60)
                        times += 1
                    except TimeoutError:
                        outcome.wrong.append(f"{whose} {what}: nothing was confirmed in 60 s")
                        break
                if what == AHEAD:
                    _held(county, outcome, whose, threatened)
            took = _jobs_go_on(county, outcome, whose)
            _what_is_due_is_done(county, outcome, whose, right_at)
            _nothing_early(county, outcome, whose)
            accepted = county.shell(_REPLAY).split()
            outcome.remarks.append(
                f"{whose}: jobs of the minute {took:.0f} s after; "
                f"{accepted[0]} readings came out of quarantine (FUTURE)"
            )
        return reckon(county, load, outcome, began)


def _jobs_go_on(county: County, outcome: Outcome, whose: str) -> float:
    """Jobs of each minute run again once the clock is right; after how many seconds."""
    began = time.time()
    with psycopg.connect(county.url, autocommit=True) as connection:
        before = connection.execute(_DEFERRED).fetchone()
        try:
            wait_for(lambda: connection.execute(_DEFERRED).fetchone() != before, 100)
        except TimeoutError:
            outcome.wrong.append(f"{whose}: no job ran in 100 s after it was right again")
    return time.time() - began


def _threatened(county: County) -> int:
    """How many clocks would run out if the time were a day ahead."""
    now = datetime.now(UTC)
    (number,) = _counted(county, _RUNNING_OUT, now, now + timedelta(seconds=DAY))
    return int(number)


def _held(county: County, outcome: Outcome, whose: str, threatened: int) -> None:
    """The jobs of the minute come while the clock is ahead."""
    with psycopg.connect(county.url, autocommit=True) as connection:
        try:
            wait_for(lambda: connection.execute(_HELD).fetchone() == (True,))
        except TimeoutError:
            outcome.wrong.append(f"{whose}: no job was held while it was ahead")
    if not threatened:
        outcome.wrong.append(f"{whose}: there was no clock that a day would have run out")
    outcome.remarks.append(f"{whose}: {threatened} clocks would have run out within the day ahead")


def _nothing_early(county: County, outcome: Outcome, whose: str) -> None:
    early = _counted(county, _DONE, datetime.now(UTC) + timedelta(hours=1))
    if any(early):
        outcome.wrong.append(
            f"{whose}: {early} clocks warned, clocks escalated, acts, notices passed on too early"
        )


def _what_is_due_is_done(county: County, outcome: Outcome, whose: str, right_at: datetime) -> None:
    """What came in while the clock was slow is due by now: once it is trusted it is escalated."""
    long_ago = right_at - timedelta(days=30)
    began = time.monotonic()
    try:
        wait_for(lambda: _counted(county, _RUNNING_OUT, long_ago, right_at) == (0,), 180)
    except TimeoutError:
        outcome.wrong.append(f"{whose}: what is due was not escalated once it was right")
    _warned, escalated, *_others = _counted(county, _DONE, right_at)
    if not escalated:
        outcome.wrong.append(f"{whose}: no clock ran out after it was right")
    outcome.remarks.append(
        f"{whose}: {escalated} clocks that were due escalated,"
        f" the last {time.monotonic() - began:.0f} s after the jobs went on"
    )


def _counted(
    county: County, statement: str, since: datetime, until: datetime | None = None
) -> tuple[Any, ...]:
    with psycopg.connect(county.url, autocommit=True) as connection:
        row = connection.execute(statement, {"from": since, "to": until}).fetchone()
    return row or ()


class _Clock:
    def __init__(self, library: Path, file: Path) -> None:
        self.environment = {"LD_PRELOAD": str(library), "HUYING_FAULT_CLOCK": str(file)}
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), 16)

    def set(self, *, standing: bool, shift: float) -> None:
        self._shared[:] = struct.pack("dd", time.time() if standing else 0.0, shift)


@contextmanager
def _clock(folder: Path) -> Iterator[_Clock]:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Skipped("no C compiler: the clock of a process cannot be shifted")
    library, file = folder / "clock.so", folder / "clock"
    with tempfile.TemporaryDirectory() as place:
        made = Path(place, "clock.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, _SOURCE], check=True)
        shutil.copyfile(made, library)
    file.write_bytes(bytes(16))
    # The database's server may run as somebody else.
    library.chmod(0o755)
    file.chmod(0o644)
    yield _Clock(library, file)
