"""The demonstration county 清和县, built into an empty database; up to a million of everything.

Everything goes in through the rooms' own actions, which make the same rows, records and counts
as daily work would; only many at a time. The same seed and end give the same county, however many
processes build it and however often they are broken off; only ids that sequences give (of
reports, acts, alerts and the cases of these) follow who came first.
"""

import datetime as dt
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np
from django.db import connection
from django.utils import timezone
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from huying.cases import actions as cases_actions
from huying.directory import actions as directory_actions
from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError
from huying.ledger import sequencer
from huying.simulation.building import parts, past, places, stations
from huying.simulation.building.residents import Residents, build_residents
from huying.simulation.fiction import air, grammar, land, matters, offices
from huying.simulation.fiction import residents as people
from huying.simulation.fiction.sizes import Size
from huying.standards.deadlines import SHANGHAI

SIMULATION = Actor.system("simulation")
HOURS_LEFT_FOR_THE_STORY = (4, 4, 4, 1, 1, 1, 1, 1, 1)
"""Of the first air stations: so many hours before now their history ends, for the demonstration to
tell. Three climb through four hours; the next six can climb when it is told again within the hour.
"""
SEED = 2026
LOG_SECONDS = 30
_FEWEST_STATIONS = 3


class CountyNotEmpty(DomainError):
    """A county that holds data is never mixed with a simulated one."""

    code = "COUNTY_NOT_EMPTY"
    status = 409


@dataclass(frozen=True, slots=True)
class Built:
    """What there is now."""

    townships: int
    villages: int
    grids: int
    staff: int
    residents: int
    stations: int
    alerts: int
    cases: int
    ledger_size: int
    seconds: float


class CountyUnfinished(DomainError):
    """A build that was broken off can only be gone on with as it was asked for."""

    code = "COUNTY_UNFINISHED"
    status = 409


@dataclass(frozen=True, slots=True)
class Asked:
    """What county is wanted; `until` is an aware moment in ISO 8601."""

    residents: int
    cases: int
    days: int
    observations: int
    seed: int
    until: str

    @property
    def end(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.until)

    @property
    def size(self) -> Size:
        """With as many air stations as it takes to measure so many values in so many days."""
        size = Size.of(self.residents)
        if not self.observations:
            return size
        an_hour = self.observations / (self.days * 24)
        others = air.WATER_STATIONS * len(air.WATER_CODES)
        others += air.NOISE_STATIONS * len(air.NOISE_CODES)
        wanted = math.ceil((an_hour - others) / len(air.AIR_CODES))
        return replace(size, stations=max(_FEWEST_STATIONS, wanted))


def is_empty() -> bool:
    """Whether there is no county in the database yet."""
    return directory.county() is None


def is_unfinished() -> bool:
    """Whether a build was begun here and broken off: `build` goes on with it."""
    return parts.facts_of("asked") is not None and parts.facts_of("finished") is None


def build(
    *,
    residents: int = 60_000,
    cases: int = 6_000,
    days: int = 365,
    observations: int = 0,
    seed: int = SEED,
    until: dt.datetime | None = None,
    processes: int | None = None,
    console: Console | None = None,
) -> Built:
    """Build the county with `days` days of history up to `until` (now); a bar for each part.

    `cases` counts residents' matters; cases from air quality alerts come on top. `observations`
    measured values are made by as many air stations as that takes (0 = 40 stations).
    `processes` share the work (None = one for each core). Not in a transaction: each part is
    committed, and what was broken off goes on with the next call for the same county. Raises
    `CountyUnfinished` if another was begun, `CountyNotEmpty` if there is one that is finished
    or not of this making: nothing is changed then.
    """
    began = timezone.now()
    asked = _asked(
        Asked(residents, cases, days, observations, seed, (until or began).isoformat()),
        any_end=until is None,
    )
    with _progress(console) as part, parts.patient():
        parts.once("asked", lambda: asdict(asked))
        return _build(asked, processes or len(os.sched_getaffinity(0)), began, part)


def _asked(asked: Asked, *, any_end: bool) -> Asked:
    """What is to be built: as it was begun, where it was."""
    begun = parts.facts_of("asked")
    if begun is not None and parts.facts_of("finished") is None:
        earlier = Asked(**begun)
        if earlier == (replace(asked, until=earlier.until) if any_end else asked):
            return earlier
        options = " ".join(f"--{name} {begun[name]}" for name in begun if name != "until")
        raise CountyUnfinished(
            f"这个库里有一个没有建完的演示县。要接着建，请运行 huying simulate {options}；"
            "要建别的县，请换一个空库（HUYING_DATA_DIR 或 HUYING_DATABASE_URL）。",
            f"A county is unfinished in this database. Go on with `huying simulate {options}`, "
            "or use an empty one (HUYING_DATA_DIR or HUYING_DATABASE_URL).",
        )
    if begun is not None or not is_empty():
        raise CountyNotEmpty(
            "数据库里已经有一个县的数据，不能再生成演示县。请换一个空库（HUYING_DATA_DIR 或 "
            "HUYING_DATABASE_URL），或者直接运行 huying demo。",
            "The database holds a county already. Use an empty one (HUYING_DATA_DIR or "
            "HUYING_DATABASE_URL), or just run `huying demo`.",
        )
    return asked


Part = Callable[[str, int], Callable[[int], None]]


def _build(asked: Asked, processes: int, began: dt.datetime, part: Part) -> Built:
    size, until = asked.size, asked.end
    # One generator a part: a change in one leaves the others as they were.
    streams = iter(np.random.default_rng(asked.seed).spawn(8))
    today = until.astimezone(SHANGHAI).date()

    advance = part("区划人员 places, staff", 1)
    county = land.build(size, next(streams))
    rng = next(streams)
    workers = offices.workers(county, rng)
    units = offices.offices(county, rng)
    rng_of_people = next(streams)
    rng_of_air = next(streams)
    instruments = air.instruments(county, size.stations, rng_of_air)
    ground = parts.once(
        "ground", lambda: _ground(asked, county, units, workers, instruments, today)
    )
    staff = places.Staff(
        {one.code: one.id for one in directory.organisations()}, ground["account_ids"], workers
    )
    advance(1)

    chunks = list(people.generate(county, size.residents, today, rng_of_people))
    register = Residents.of(chunks, ground["first_person"])
    starts = np.cumsum([0, *map(len, chunks)]).tolist()

    def residents_of(number: int) -> int:
        ids = register.ids[starts[number] : starts[number + 1]]
        build_residents(county, chunks[number], ids, SIMULATION)
        return len(ids)

    parts.share(
        "residents",
        len(chunks),
        residents_of,
        processes=processes,
        advance=part("居民入库 residents", size.residents),
        meanwhile=_seal,
    )
    chunks.clear()
    cast = past.Cast(county, staff, register)

    last_hour = until.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=1)
    sky = air.sky(last_hour, asked.days, rng_of_air)
    stations.make_room(sky, SIMULATION)
    blocks = stations.blocks(instruments, rng_of_air, next(streams))
    mns = [one.mn for one in instruments if one.kind == "AIR"]
    left = dict(zip(mns, HOURS_LEFT_FOR_THE_STORY, strict=False))

    def block(number: int) -> int:
        one = blocks[number]
        weather, alerts, values = stations.build_hours(one, sky, left, SIMULATION)
        of_air = [each.mn for each in one.of("AIR")]
        past.build_alerts(cast, alerts, weather, of_air, until, one.rng_of_cases, SIMULATION)
        return values

    parts.share(
        "hours",
        len(blocks),
        block,
        processes=processes,
        advance=part(
            "观测预警 observations",
            sum(len(one.codes) * (len(sky.hour) - left.get(one.mn, 0)) for one in instruments),
        ),
        meanwhile=_seal,
    )

    year = matters.Year(county, asked.cases, size.residents, until, asked.days, next(streams))
    # After those of the alerts: what is latest in a list, residents said.
    numbers = parts.once(
        "numbers",
        lambda: {"first": _first(cases_actions.reserve_cases(count=asked.cases, by=SIMULATION))},
    )
    case_ids = range(numbers["first"], numbers["first"] + asked.cases)

    def chunk(number: int) -> int:
        one = year.chunk(number)
        ids = case_ids[one.first : one.first + len(one)]
        return past.build_matters(cast, one, ids, until, SIMULATION)

    parts.share(
        "matters",
        len(year),
        chunk,
        processes=processes,
        advance=part("群众诉求 matters", asked.cases),
        meanwhile=_seal,
    )

    advance = part("存证统计 ledger", 1)
    cases_actions.fold_tallies(least=1)
    sealed = sequencer.seal_all()
    _settle()
    parts.once("finished", dict)
    advance(1)
    alerts, cases = _counted()
    return Built(
        townships=len(county.townships),
        villages=len(county.villages),
        grids=len(county.grids),
        staff=len(workers),
        residents=size.residents,
        stations=len(mns),
        alerts=alerts,
        cases=cases,
        ledger_size=sealed,
        seconds=(timezone.now() - began).total_seconds(),
    )


def _ground(
    asked: Asked,
    county: land.Land,
    units: list[offices.Office],
    workers: list[offices.Worker],
    instruments: list[air.Instrument],
    today: dt.date,
) -> parts.Facts:
    """What all other parts stand on: places, staff, devices, and the ids still to be used."""
    places.build_places(county, SIMULATION)
    staff = places.build_staff(units, workers, today, SIMULATION)
    _responsibilities(county, staff)
    stations.register(county, instruments, staff.office_ids["ECOLOGY"], SIMULATION)
    return {
        "account_ids": staff.account_ids,
        "first_person": _first(
            directory_actions.reserve_people(count=asked.residents, by=SIMULATION)
        ),
    }


def _first(ids: Sequence[int]) -> int:
    """The first of ids that follow one another: nobody else writes into an empty county."""
    if ids and ids[-1] - ids[0] != len(ids) - 1:
        raise AssertionError("somebody else writes into this database")
    return ids[0] if ids else 0


def _seal() -> None:
    """Seal what is committed so far: the last part has less to wait for."""
    while (batch := sequencer.seal_pending()) is not None and batch.more:
        pass


def _counted() -> tuple[int, int]:
    """How many alerts and cases there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM sensing_alert), (SELECT count(*) FROM cases_case)"
        )
        alerts, cases = cursor.fetchone()
        return int(alerts), int(cases)


def _responsibilities(county: land.Land, staff: places.Staff) -> None:
    """The table by which cases are dispatched; urgent where the matter cannot wait."""
    words = grammar.load()
    cases_actions.set_responsibilities(
        rules=[
            cases_actions.NewResponsibility(
                category=category,
                division_prefix=prefix,
                organisation_id=staff.office_ids[office],
                urgency="URGENT" if category in {"GAS_SUPPLY", "ALERT"} else "NORMAL",
                source="清和县部门权责清单（2026 年版）",
            )
            for category, prefix, office in words.responsibilities(county)
        ],
        by=SIMULATION,
    )


class _Rate(ProgressColumn):
    """How many a second of late."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text(f"{rate:>9,.0f}/s" if rate else " " * 11)


@contextmanager
def _progress(console: Console | None) -> Iterator[Part]:
    """A bar for each part, with rate and time to go; drawn by this thread alone (see `parts`).

    Where the output is a file and no bar can move, a line now and then instead.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),
        TextColumn("{task.completed:>11,.0f} {task.percentage:>3.0f}%"),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        auto_refresh=False,
        speed_estimate_period=120,
    ) as progress:

        def part(name: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(name, total=total)
            progress.refresh()
            said_at = time.monotonic()

            def advance(count: int) -> None:
                nonlocal said_at
                progress.update(task, advance=count, refresh=True)
                if not progress.console.is_terminal and time.monotonic() - said_at > LOG_SECONDS:
                    said_at = time.monotonic()
                    done = progress.tasks[task]
                    progress.console.print(f"{name} {done.completed:,.0f} {done.percentage:.0f}%")

            return advance

        yield part


def _settle() -> None:
    """What the database would do by itself some minutes later: statistics for the planner, and
    which pages everybody sees, so that counts are read from indexes alone."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM (ANALYZE)")
