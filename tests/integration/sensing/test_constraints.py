"""What the database itself refuses, and what it lets through."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from huying.sensing.models import (
    Alert,
    AlertRule,
    AlertRuleVersion,
    Device,
    DeviceProperty,
    DeviceState,
    MaintenanceWindow,
    Property,
    Quarantine,
    RegistryEdition,
    RuleState,
)
from tests.factories.sensing import make_device

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)


def rule(**fields: Any) -> AlertRule:
    base: dict[str, Any] = {"code": "r", "name": "r", "test": "THRESHOLD", "threshold": 1.0}
    base["property"] = Property.objects.get(code="a34004")
    return AlertRule(**{**base, **fields})


def alert(device: Device, **fields: Any) -> Alert:
    known = AlertRule.objects.get(code="pm25_hour")
    base = {"rule_version": 1, "severity": "WARNING", "opened_at": NOW, "noticed_at": NOW}
    return Alert(device=device, rule=known, **{**base, **fields})


def quarantine(**fields: Any) -> Quarantine:
    return Quarantine(received_at=NOW, listener="HTTP", reason="JUNK", raw=b"x", **fields)


def edition(device: Device) -> RegistryEdition:
    """The one row, anew."""
    RegistryEdition.objects.all().delete()
    return RegistryEdition(id=1, number=2)


Maker = Callable[[Device], models.Model]
GOOD_AND_BAD: dict[str, tuple[Maker, Maker]] = {
    "mn given": (lambda d: Device(mn="A"), lambda d: Device(mn="")),
    "mn once": (lambda d: Device(mn="B"), lambda d: Device(mn=d.mn)),
    "place whole": (lambda d: Device(mn="C", lon=117, lat=39), lambda d: Device(mn="C", lon=117)),
    "place on earth": (lambda d: Device(mn="D"), lambda d: Device(mn="D", lon=200, lat=39)),
    "minute interval": (
        lambda d: Device(mn="E", minute_interval=60),
        lambda d: Device(mn="E", minute_interval=0),
    ),
    "frames": (lambda d: Device(mn="F"), lambda d: Device(mn="F", frames_per_minute=0)),
    "range": (
        lambda d: Property(code="x", minimum=0, maximum=1),
        lambda d: Property(code="x", minimum=1, maximum=1),
    ),
    "factor": (
        lambda d: DeviceProperty(device=d, property_id=10, factor=1),
        lambda d: DeviceProperty(device=d, property_id=10, factor=0),
    ),
    "property once": (
        lambda d: DeviceProperty(device=d, property_id=11, factor=1),
        lambda d: DeviceProperty(device=d, property_id=d.properties.all()[0].property_id, factor=1),
    ),
    "counts": (lambda d: DeviceState(device=d), lambda d: DeviceState(device=d, frames=-1)),
    "clock": (
        lambda d: DeviceState(device=d, clock_at=NOW, clock_result="DONE"),
        lambda d: DeviceState(device=d, clock_at=NOW, clock_result=""),
    ),
    "clock refused": (
        lambda d: DeviceState(device=d, clock_at=NOW, clock_result="REFUSED", clock_code=3),
        lambda d: DeviceState(device=d, clock_at=NOW, clock_result="REFUSED"),
    ),
    "one edition": (edition, lambda d: RegistryEdition(id=2, number=2)),
    "rule whole": (lambda d: rule(), lambda d: rule(threshold=None)),
    "rule of a property": (lambda d: rule(), lambda d: rule(property=None)),
    "silence has a time": (
        lambda d: rule(test="SILENCE", for_seconds=60, threshold=None, property=None),
        lambda d: rule(test="SILENCE", for_seconds=0, threshold=None, property=None),
    ),
    "rate has a window": (
        lambda d: rule(test="RATE", window_seconds=60),
        lambda d: rule(test="RATE", window_seconds=0),
    ),
    "a rise is positive": (
        lambda d: rule(test="RATE", threshold=1),
        lambda d: rule(test="RATE", threshold=-1),
    ),
    "a fall is negative": (
        lambda d: rule(test="RATE", comparison="BELOW", threshold=-1),
        lambda d: rule(test="RATE", comparison="BELOW", threshold=1),
    ),
    "hysteresis above": (lambda d: rule(clear_threshold=0.5), lambda d: rule(clear_threshold=2)),
    "hysteresis below": (
        lambda d: rule(comparison="BELOW", clear_threshold=2),
        lambda d: rule(comparison="BELOW", clear_threshold=0.5),
    ),
    "alert period": (
        lambda d: alert(d, closed_at=NOW),
        lambda d: alert(d, closed_at=NOW - HOUR),
    ),
    "true alarm has a time": (
        lambda d: alert(d, true_alarm=True, true_alarm_at=NOW),
        lambda d: alert(d, true_alarm=True),
    ),
    "settled has a time": (
        lambda d: quarantine(outcome="ACCEPTED", settled_at=NOW),
        lambda d: quarantine(outcome="ACCEPTED"),
    ),
    "waiting has none": (lambda d: quarantine(), lambda d: quarantine(settled_at=NOW)),
    "window": (
        lambda d: MaintenanceWindow(starts_at=NOW, ends_at=NOW + HOUR, reason="x"),
        lambda d: MaintenanceWindow(starts_at=NOW, ends_at=NOW, reason="x"),
    ),
}


@pytest.mark.parametrize("name", list(GOOD_AND_BAD))
def test_the_database_takes_the_good_and_refuses_the_bad(name: str) -> None:
    device = make_device()
    good, bad = GOOD_AND_BAD[name]
    with pytest.raises(IntegrityError), transaction.atomic():
        bad(device).save(force_insert=True)
    good(device).save(force_insert=True)


def test_what_comes_once_comes_once() -> None:
    device, known = make_device(), AlertRule.objects.get(code="pm25_hour")
    first = RuleState(rule=known, device=device, evaluated_at=NOW)
    first.save()
    for again in (
        RuleState(rule=known, device=device, evaluated_at=NOW),
        AlertRuleVersion(rule=known, version=1, body={}, changed_at=NOW),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            again.save()
    AlertRuleVersion(rule=known, version=2, body={}, changed_at=NOW).save()
