"""The demonstration county 清和县, built whole into an empty database.

Everything goes in through the rooms' own actions, which make the same rows, records and counts
as daily work would; only many at a time. The same seed and end give the same county.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from huying.cases import actions as cases_actions
from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError
from huying.ledger import sequencer
from huying.simulation.building import past, places, stations
from huying.simulation.building.residents import build_residents
from huying.simulation.fiction import air, grammar, land, matters, offices
from huying.simulation.fiction.sizes import Size
from huying.standards.deadlines import SHANGHAI

SIMULATION = Actor.system("simulation")
HOURS_LEFT_FOR_THE_STORY = (4, 4, 4, 1, 1, 1, 1, 1, 1)
"""Of the first air stations: so many hours before now their history ends, for the demonstration to
tell. Three climb through four hours; the next six can climb when it is told again within the hour.
"""
SEED = 2026
_STATEMENT_SECONDS = 300


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


def is_empty() -> bool:
    """Whether there is no county in the database yet."""
    return directory.county() is None


def build(
    *,
    residents: int = 60_000,
    cases: int = 6_000,
    days: int = 365,
    seed: int = SEED,
    until: dt.datetime | None = None,
    console: Console | None = None,
) -> Built:
    """Build the county with `days` days of history up to `until` (now); a progress bar.

    `cases` counts residents' matters; cases from air quality alerts come on top. Raises
    `CountyNotEmpty` if there is a county already: nothing is changed then.
    """
    if not is_empty():
        raise CountyNotEmpty(
            "数据库里已经有一个县的数据，不能再生成演示县。请换一个空库（HUYING_DATA_DIR 或 "
            "HUYING_DATABASE_URL），或者直接运行 huying demo。",
            "The database holds a county already. Use an empty one (HUYING_DATA_DIR or "
            "HUYING_DATABASE_URL), or just run `huying demo`.",
        )
    until = until or timezone.now()
    began = timezone.now()
    with _progress(console) as part, _patient():
        # All or nothing: what is broken off leaves an empty county, not half of one.
        with transaction.atomic():
            result = _build(Size.of(residents), cases, days, seed, until, part)
        advance = part("存证封存 ledger", 1)
        sealed = sequencer.seal_all()
        _analyse()
        advance(1)
    seconds = (timezone.now() - began).total_seconds()
    return Built(**result, ledger_size=sealed, seconds=seconds)


Part = Callable[[str, int], Callable[[int], None]]


def _build(
    size: Size, cases: int, days: int, seed: int, until: dt.datetime, part: Part
) -> dict[str, int]:
    # One generator a part: a change in one leaves the others as they were.
    streams = iter(np.random.default_rng(seed).spawn(8))
    today = until.astimezone(SHANGHAI).date()
    advance = part("区划和网格 places", 1)
    county = land.build(size, next(streams))
    places.build_places(county, SIMULATION)
    advance(1)

    advance = part("单位和人员 staff", 1)
    rng = next(streams)
    workers = offices.workers(county, rng)
    staff = places.build_staff(offices.offices(county, rng), workers, today, SIMULATION)
    _responsibilities(county, staff)
    advance(1)

    people = build_residents(
        county,
        size.residents,
        today,
        next(streams),
        SIMULATION,
        part("居民入库加密 residents", size.residents),
    )
    cast = past.Cast(county, staff, people)

    advance = part("监测站和一年小时数据 stations", 1)
    rng = next(streams)
    instruments = air.instruments(county, size.stations, rng)
    stations.register(county, instruments, staff.office_ids["ECOLOGY"], SIMULATION)
    last_hour = until.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=1)
    mns = [one.mn for one in instruments if one.kind == "AIR"]
    left = dict(zip(mns, HOURS_LEFT_FOR_THE_STORY, strict=False))
    weather, alerts = stations.build_hours(instruments, last_hour, days, left, rng, SIMULATION)
    advance(1)

    advance = part("预警事项 alerts", 1)
    opened = past.build_alerts(cast, alerts, weather, mns, until, next(streams), SIMULATION)
    advance(1)

    made = past.build_matters(
        cast,
        matters.generate(county, cases, size.residents, until, days, next(streams)),
        until,
        SIMULATION,
        part("一年的群众诉求 matters", cases),
    )

    return {
        "townships": len(county.townships),
        "villages": len(county.villages),
        "grids": len(county.grids),
        "staff": len(workers),
        "residents": len(people.ids),
        "stations": len(mns),
        "alerts": len(alerts),
        "cases": made + opened,
    }


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


@contextmanager
def _progress(console: Console | None) -> Iterator[Part]:
    """A bar for each part; on a terminal that cannot draw, nothing but the last state."""
    with Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=28),
        TextColumn("{task.completed:>9,.0f}/{task.total:,.0f}"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:

        def part(name: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(name, total=total)

            def advance(count: int) -> None:
                progress.advance(task, count)

            return advance

        yield part


@contextmanager
def _patient() -> Iterator[None]:
    """Long statements are meant here; the usual time-out comes back afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (usual,) = cursor.fetchone()
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, false)", [f"{_STATEMENT_SECONDS}s"]
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [usual])


def _analyse() -> None:
    """The planner's statistics, at once: the demonstration starts right after."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
