"""Hours and days that are not what the observations make them are named, and made anew."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from huying.ledger.models import Record
from huying.sensing import actions
from huying.sensing.models import DailyMean, HourlyMean, HourTally
from tests.factories.sensing import SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db


@pytest.fixture
def device() -> str:
    """A device with a closed hour of its minutes, an hour it sent itself, and a running hour."""
    found = make_device(minute_interval=5)
    for hour in (this_hour(30), this_hour(2)):
        take(
            *[
                make_reading(found.mn, {"a34004": 10.0 + n, "a21026": 3.3 * n}, at=hour + 60 * n)
                for n in range(60)
            ],
            make_reading(found.mn, {"a34004": 9000.0}, at=hour + 30, flags="D"),
        )
    take(
        make_reading(found.mn, {"a34004": 44.0}, at=this_hour(29), kind="HOUR"),
        make_reading(found.mn, {"a34004": 50.0}, at=this_hour(28), kind="MINUTE"),
        make_reading(found.mn, {"a34004": 80.0}, at=this_hour()),
    )
    actions.close_hours(now=timezone.now(), by=SYSTEM)
    return found.mn


def _found(*, repair: bool = False) -> list[tuple[str, bool]]:
    rows = actions.recount_observations(by=SYSTEM, repair=repair)
    return sorted((row.kind, row.repaired) for row in rows)


def _damage(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount


def test_what_ingestion_left_is_right(device: str) -> None:
    assert HourTally.objects.count() == 4
    assert _found() == []


@pytest.mark.parametrize(
    ("damage", "kinds"),
    [
        (
            "UPDATE sensing_hour_tally SET counts[1] = counts[1] + 1",
            {"RUNNING_HOUR", "HOURLY_MEAN"},
        ),
        ("UPDATE sensing_hour_tally SET maxima[1] = maxima[1] + 1", {"RUNNING_HOUR"}),
        ("DELETE FROM sensing_hour_tally", {"RUNNING_HOUR"}),
        ("UPDATE sensing_hourly_mean SET means[1] = means[1] + 1", {"HOURLY_MEAN", "DAILY_MEAN"}),
        ("DELETE FROM sensing_hourly_mean", {"HOURLY_MEAN", "DAILY_MEAN"}),
        ("UPDATE sensing_daily_mean SET hours[1] = 24", {"DAILY_MEAN"}),
        ("DELETE FROM sensing_daily_mean", {"DAILY_MEAN"}),
    ],
)
def test_damage_is_named_and_mended(device: str, damage: str, kinds: set[str]) -> None:
    before = _rows()
    _damage(damage)
    assert {kind for kind, _ in _found()} == kinds
    assert _found(), "looking changes nothing"
    assert all(repaired for _, repaired in _found(repair=True))
    assert _found() == []
    assert Record.objects.filter(kind="observation.recounted").exists()
    assert _rows() == before


def _rows() -> list[list[dict[str, Any]]]:
    kept: list[Any] = [
        HourlyMean.objects.order_by("at").values("at", "properties", "origins"),
        DailyMean.objects.order_by("date").values("date", "properties", "hours"),
        HourTally.objects.order_by("at").values("at", "properties", "counts", "minutes"),
    ]
    return [[_plain(row) for row in rows] for rows in kept]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row whatever the order of its properties."""
    properties: list[int] = row["properties"]
    order = sorted(range(len(properties)), key=properties.__getitem__)
    return {
        name: [value[place] for place in order] if isinstance(value, list | str) else value
        for name, value in row.items()
    }


_TOUCH = "UPDATE sensing_hour_tally SET dirty = dirty WHERE device_id = -1"


def _repaired() -> list[tuple[str, bool]]:
    try:
        return _found(repair=True)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_repair_stops_no_intake_even_while_it_waits_for_a_long_one(
    catalogue: None, device: str
) -> None:
    _damage("UPDATE sensing_hour_tally SET counts[1] = counts[1] + 1")
    connection.ensure_connection()
    options = f"-c search_path={settings.COUNTY_SCHEMA} -c statement_timeout=5000"
    info = connection.connection.info
    dsn = psycopg.conninfo.make_conninfo(info.dsn, options=options)
    with (
        psycopg.connect(dsn) as slow,
        psycopg.connect(dsn, autocommit=True) as others,
        ThreadPoolExecutor(1) as pool,
    ):
        slow.execute(_TOUCH)
        repair = pool.submit(_repaired)
        _wait_for_lock(others)
        others.execute(_TOUCH)  # within the time-out of the statement
        assert not repair.done()
        slow.commit()
        assert all(repaired for _kind, repaired in repair.result(30))
    assert _found() == []


def _wait_for_lock(other: psycopg.Connection) -> None:
    deadline = time.monotonic() + 30
    asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareRowExclusiveLock'"
    while other.execute(asked).fetchone() == (0,):
        assert time.monotonic() < deadline
