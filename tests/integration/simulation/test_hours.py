"""Hours that are imported leave the rows that the same hours leave when devices send them."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from huying.directory.permissions import Actor
from huying.sensing import actions
from huying.sensing.actions import HourSeries, NewDevice

pytestmark = pytest.mark.django_db

BY = Actor.system("tests")
CODES = ("a34004", "a34002", "a01001")
UNITS = {"a34004": "µg/m³", "a34002": "µg/m³"}


def _registered(*mns: str) -> list[int]:
    return actions.register_devices(
        devices=[NewDevice(mn=mn, name=f"站{mn[-1]}", units=UNITS) for mn in mns], by=BY
    )


def _rows(table: str, device: int, columns: str, order: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM sensing_{table} WHERE device_id = %s ORDER BY {order}", [device]
        )
        return list(cursor.fetchall())


def test_importing_equals_sending(settings: Any) -> None:
    actions.ensure_catalogue(by=BY)
    imported, sent = _registered("9901010000000000000000AA", "9901010000000000000000AB")
    hours = 24 * 5
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    first = now - dt.timedelta(hours=hours + 2)
    rng = np.random.default_rng(7)
    values = np.round(
        np.stack(
            [
                np.abs(120 + 60 * np.sin(np.arange(hours) / 6) + rng.normal(0, 14, hours)),
                rng.uniform(60, 300, hours),
                rng.uniform(-8, 31, hours),
            ],
            axis=1,
        ),
        1,
    )

    alerts = actions.import_hours(
        series=[HourSeries("9901010000000000000000AA", CODES, first, values)], by=BY
    )
    actions.ingest_batch(
        readings=[
            actions.Reading(
                mn="9901010000000000000000AB",
                kind="HOUR",
                at=int(first.timestamp()) + 3600 * hour,
                codes=CODES,
                values=row,
                flags="NNN",
                units=UNITS,
            )
            for hour, row in enumerate(values.tolist())
        ],
        by=BY,
    )

    for table, columns, order in (
        ("observation", 'kind, at, properties, "values", flags, minima, maxima', "at"),
        ("hourly_mean", "at, properties, means, minima, maxima, origins", "at"),
        (
            "alert",
            "rule_id, rule_version, property_id, severity, opened_at, closed_at, value, peak_value,"
            " peak_at, last_value, last_at, threshold",
            "opened_at",
        ),
    ):
        one, other = (_rows(table, device, columns, order) for device in (imported, sent))
        assert one == other, table
        assert one, table
    days, sent_days = (
        _rows("daily_mean", device, "date, properties, means, minima, maxima, hours", "date")
        for device in (imported, sent)
    )
    assert len(days) == len(sent_days) >= 5
    for day, other_day in zip(days, sent_days, strict=True):
        by_property = dict(zip(day[1], zip(*day[2:], strict=True), strict=True))
        for number, row in zip(other_day[1], zip(*other_day[2:], strict=True), strict=True):
            assert by_property[number] == pytest.approx(row)
    assert len(alerts) > 3
    assert [alert.value > 150 for alert in alerts] == [True] * len(alerts)


def test_unknown_devices_and_properties_are_refused() -> None:
    actions.ensure_catalogue(by=BY)
    _registered("9901010000000000000000AC")
    values = np.ones((3, 1))
    first = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=1)
    for mn, codes in (("no such device", ("a34004",)), ("9901010000000000000000AC", ("zzz",))):
        with pytest.raises(actions.UnknownSeries):
            actions.import_hours(series=[HourSeries(mn, codes, first, values)], by=BY)


def test_judgements_are_noted_and_sealed() -> None:
    actions.ensure_catalogue(by=BY)
    (device,) = _registered("9901010000000000000000AD")
    first = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=1)
    values = np.array([[90.0, 150.0, 20.0], [180.0, 240.0, 20.0], [80.0, 120.0, 20.0]])
    (alert,) = actions.import_hours(
        series=[HourSeries("9901010000000000000000AD", CODES, first, values)], by=BY
    )
    at = timezone.now()
    actions.import_judgements(
        judgements=[actions.PastJudgement(alert.id, True, at, "staff:1")], by=BY
    )
    assert _rows("alert", device, "true_alarm, true_alarm_by", "id") == [(True, "staff:1")]
    assert alert.summary.startswith("站D")
