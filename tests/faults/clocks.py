"""The clock of the machine stops, jumps a day ahead, jumps back, and is half a day slow.

Twice: first the clock of our processes alone, while the database's goes right (two machines, one
of which is wrong); then of both (a machine that slept, or whose battery is empty). Devices keep
the true time. A small library is preloaded that tells the time otherwise; it is compiled here.
"""

import mmap
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from tests.faults.county_under_load import Template, go_on, loading, running, wait_for
from tests.faults.reckoning import Outcome, Skipped, reckon
from tests.integration.config.commands import County

DAY: Final = 86_400.0
SECONDS: Final = 12.0
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
_DEFERRED: Final = """
SELECT max(id) FROM county_jobs.procrastinate_periodic_defers WHERE task_name = 'cases.run_clocks'
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
        with running(county, template.token, **clock.environment) as site, loading(site) as load:
            for what, standing, shift in (
                ("stands still", True, 0.0),
                ("is a day ahead", False, DAY),
                ("is right again", False, 0.0),
                ("is half a day slow", False, -DAY / 2),
                ("is right again", False, 0.0),
            ):
                clock.set(standing=standing, shift=shift)
                until, times = time.monotonic() + seconds, 0
                while time.monotonic() < until:
                    try:
                        go_on(load, seconds=60)
                        times += 1
                    except TimeoutError:
                        outcome.wrong.append(f"{whose} {what}: nothing was confirmed in 60 s")
                        break
            took = _jobs_go_on(county, outcome, whose)
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
