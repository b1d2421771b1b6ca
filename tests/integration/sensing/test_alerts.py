"""Rules on what comes in: alerts open once, close, and are told once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from huying.ledger import queries as ledger
from huying.sensing import actions, events, queries
from huying.sensing.actions import RuleWording
from huying.sensing.models import Alert, DeviceState
from huying.sensing.queries.registry import registry
from tests.factories.sensing import HOUR, SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened() -> Iterator[list[events.AlertOpened]]:
    heard: list[events.AlertOpened] = []

    def receive(event: events.AlertOpened, **_: Any) -> None:
        heard.append(event)

    receivers = events.alert_opened.receivers
    events.alert_opened.receivers = []
    events.alert_opened.sender_receivers_cache.clear()
    events.alert_opened.connect(receive, weak=False)
    yield heard
    events.alert_opened.receivers = receivers
    events.alert_opened.sender_receivers_cache.clear()


def hourly(mn: str, *values: float, start: int = 10, code: str = "a34004") -> None:
    """Hourly values from `start` hours ago on, one batch each."""
    for n, value in enumerate(values):
        take(make_reading(mn, {code: value}, kind="HOUR", at=this_hour(start - n)))


def rule(code: str, **wording: Any) -> None:
    wording = {"name": code, "test": "THRESHOLD", "property_code": "a34002", **wording}
    actions.save_rule(code=code, wording=RuleWording(**wording), by=SYSTEM)


def test_150_is_not_above_150_and_151_is(opened: list[events.AlertOpened]) -> None:
    device = make_device(name="东门站")
    hourly(device.mn, 150.0)
    assert not Alert.objects.exists()

    hourly(device.mn, 151.0, start=9)

    alert = Alert.objects.get()
    assert alert.opened_at == datetime.fromtimestamp(this_hour(9), UTC)
    assert alert.handed_over_at is not None
    assert opened[0].summary == "东门站：PM2.5 小时均值 151 µg/m³，达到预警值（150 µg/m³）"
    assert "超标" not in opened[0].summary
    assert [record.kind for record in ledger.records_of(f"alert:{alert.id}")] == ["alert.opened"]


def test_one_alert_while_it_lasts_and_another_after_it_ended(
    opened: list[events.AlertOpened],
) -> None:
    device = make_device()
    hourly(device.mn, 160.0, 180.0, 140.0, 170.0, 115.0, 155.0)

    alerts = list(Alert.objects.order_by("id"))
    assert [a.peak_value for a in alerts] == [180.0, 155.0]
    assert alerts[0].closed_at == datetime.fromtimestamp(this_hour(6), UTC)
    assert alerts[1].closed_at is None
    assert len(opened) == 2


def test_all_of_it_in_one_batch_gives_the_same() -> None:
    device = make_device()
    values = [160.0, 180.0, 140.0, 170.0, 115.0, 155.0]
    take(
        *[
            make_reading(device.mn, {"a34004": value}, kind="HOUR", at=this_hour(10 - n))
            for n, value in enumerate(values)
        ]
    )

    assert [(a.peak_value, a.closed_at is None) for a in Alert.objects.order_by("id")] == [
        (180.0, False),
        (155.0, True),
    ]


def test_a_repeated_frame_opens_nothing_again() -> None:
    device = make_device()
    hourly(device.mn, 160.0, 100.0)
    hourly(device.mn, 160.0)

    assert Alert.objects.count() == 1


def test_late_data_does_not_reopen_the_past() -> None:
    device = make_device()
    hourly(device.mn, 90.0, start=2)

    hourly(device.mn, 300.0, start=8)

    assert not Alert.objects.exists()
    assert queries.station_hours(
        device.id,
        since=timezone.now() - timedelta(hours=9),
        until=timezone.now(),
    )[0].means == {"a34004": 300.0}


def test_values_marked_as_faulty_raise_no_alarm() -> None:
    device = make_device()
    take(make_reading(device.mn, {"a34004": 400.0}, kind="HOUR", flags="D"))

    assert not Alert.objects.exists()


def test_held_for_two_hours() -> None:
    rule("pm10_long", threshold=200, for_seconds=2 * HOUR)
    device = make_device()
    hourly(device.mn, 210.0, 150.0, 220.0, code="a34002")
    assert not Alert.objects.exists()

    hourly(device.mn, 230.0, start=7, code="a34002")

    assert Alert.objects.get().value == 230.0


def test_a_real_time_rule_with_duration() -> None:
    rule("pm10_now", threshold=500, period="REALTIME", for_seconds=120)
    device = make_device()
    at = this_hour(1)
    take(*[make_reading(device.mn, {"a34002": 600.0}, at=at + n) for n in (0, 60)])
    assert not Alert.objects.exists()

    take(make_reading(device.mn, {"a34002": 600.0}, at=at + 120))

    assert Alert.objects.count() == 1


def test_rate_of_change() -> None:
    rule("pm10_jump", test="RATE", threshold=100, window_seconds=HOUR)
    device = make_device()
    hourly(device.mn, 50.0, 140.0, code="a34002")
    assert not Alert.objects.exists()

    hourly(device.mn, 260.0, start=8, code="a34002")

    alert = Alert.objects.get()
    assert alert.value == 120.0
    view = queries.alert(alert.id)
    assert view is not None
    assert view.finding == "PM10 1 小时内升高 120 µg/m³，达到预警幅度（100 µg/m³）"


@pytest.mark.parametrize(
    ("values", "threshold", "opens_with"),
    [
        # Rises: against the lowest of the two hours before.
        ([150, 60, 200], 100, 140),  # rose 140, though only 50 above the first
        ([50, 140, 160], 100, 110),
        ([50, 100, 150], 100, None),  # exactly 100
        ([50, 100, 150, 200], 100, None),  # slowly: the 50 is out of the window
        ([300, 60, 61], 100, None),  # fell
        ([200], 100, None),  # nothing to compare with
        # Falls: against the highest.
        ([60, 200, 90], -100, -110),  # fell 110, though it stands above the first
        ([200, 150, 100], -100, None),
        ([60, 200, 190], -100, None),  # rose
    ],
)
def test_a_rate_is_against_the_extreme_of_its_window(
    values: list[float], threshold: float, opens_with: float | None
) -> None:
    comparison = "ABOVE" if threshold > 0 else "BELOW"
    rule("jump", test="RATE", threshold=threshold, comparison=comparison, window_seconds=2 * HOUR)
    device, at_once = make_device(), make_device()
    hourly(device.mn, *values, code="a34002")
    take(
        *[
            make_reading(at_once.mn, {"a34002": value}, kind="HOUR", at=this_hour(10 - n))
            for n, value in enumerate(values)
        ]
    )

    opened = [] if opens_with is None else [opens_with]
    for one in (device, at_once):
        assert [alert.value for alert in Alert.objects.filter(device=one)] == opened


def test_a_rate_of_real_time_values_leaves_out_what_does_not_count() -> None:
    rule("jump", test="RATE", threshold=100, window_seconds=600, period="REALTIME")
    device = make_device()
    at = this_hour(1)
    for second, value, flag in ((0, 150.0, "N"), (60, 10.0, "C"), (120, 200.0, "N")):
        take(make_reading(device.mn, {"a34002": value}, at=at + second, flags=flag))
    assert not Alert.objects.exists()

    take(make_reading(device.mn, {"a34002": 260.0}, at=at + 180))

    assert Alert.objects.get().value == 110.0


def test_aqi_level_uses_the_table_of_the_date() -> None:
    rule("aqi", test="AQI", property_code="", threshold=101, clear_threshold=101)
    device = make_device()
    hourly(device.mn, 60.0)  # 2026: PM2.5 60 is 100, the last of level 2
    assert not Alert.objects.exists()

    hourly(device.mn, 61.0, start=9)

    alert = Alert.objects.get()
    assert alert.property is not None
    assert (alert.value, alert.property.code) == (101.0, "a34004")  # level 3 is reached
    view = queries.alert(alert.id)
    assert view is not None
    assert view.finding == "空气质量指数（AQI）101，达到预警值（101）"

    hourly(device.mn, 61.0, 60.0, start=8)
    alert.refresh_from_db()
    assert alert.closed_at == datetime.fromtimestamp(this_hour(7), UTC)

    old = make_device()
    take(make_reading(old.mn, {"a34004": 61.0}, kind="HOUR", at=1_483_225_200))  # 2017
    assert not Alert.objects.filter(device=old).exists()


def test_silence_opens_and_ends() -> None:
    rule("silent", test="SILENCE", property_code="", for_seconds=3600)
    device = make_device()
    take(make_reading(device.mn, {"a34002": 1.0}))
    make_device()  # never heard of: not yet connected
    now = timezone.now()
    actions.evaluate_silence(now=now, by=SYSTEM)
    assert not Alert.objects.exists()

    later = now + timedelta(hours=2)
    actions.evaluate_silence(now=later, by=SYSTEM)
    actions.evaluate_silence(now=later, by=SYSTEM)
    alert = Alert.objects.get()
    assert (alert.device, alert.value) == (device, None)

    DeviceState.objects.filter(device=device).update(last_heard_at=later)
    actions.evaluate_silence(now=later, by=SYSTEM)
    alert.refresh_from_db()
    assert alert.closed_at is not None


def test_no_alert_from_a_maintenance_window() -> None:
    device, other = make_device(), make_device()
    actions.plan_maintenance(
        mn=device.mn,
        starts_at=timezone.now() - timedelta(days=1),
        ends_at=timezone.now() + timedelta(days=1),
        reason="校准",
        by=SYSTEM,
    )
    hourly(device.mn, 300.0)
    hourly(other.mn, 300.0)

    assert [alert.device for alert in Alert.objects.all()] == [other]


def test_a_rule_can_be_for_some_devices() -> None:
    device, other = make_device(), make_device()
    rule("mine", threshold=100, device_mns=(device.mn,))
    for mn in (device.mn, other.mn):
        hourly(mn, 120.0, code="a34002")

    assert [alert.device for alert in Alert.objects.all()] == [device]


def test_below() -> None:
    rule("low", property_code="w01009", comparison="BELOW", threshold=3, clear_threshold=5)
    device = make_device(kind="WATER", units={})
    hourly(device.mn, 2.0, 4.0, code="w01009")
    assert Alert.objects.get().closed_at is None

    hourly(device.mn, 5.5, start=8, code="w01009")
    assert Alert.objects.get().closed_at is not None


def test_a_receiver_that_fails_loses_nothing(opened: list[events.AlertOpened]) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("the room above is ill")

    events.alert_opened.connect(broken)
    device = make_device()
    hourly(device.mn, 200.0)
    assert Alert.objects.get().handed_over_at is None
    assert opened == [] or len(opened) == 1
    opened.clear()

    events.alert_opened.disconnect(broken)
    assert actions.hand_over_alerts(now=timezone.now(), by=SYSTEM) == 1
    assert len(opened) == 1
    assert actions.hand_over_alerts(now=timezone.now(), by=SYSTEM) == 0


def test_an_alert_is_handed_over_though_its_rule_was_disabled_meanwhile(
    opened: list[events.AlertOpened],
) -> None:
    device = make_device()
    hourly(device.mn, 200.0)
    alert = Alert.objects.get()
    Alert.objects.update(handed_over_at=None)
    opened.clear()
    rule("pm25_hour", property_code="a34004", threshold=150, enabled=False)

    assert alert.rule_id not in {one.id for one in registry().rules}
    assert actions.hand_over_alerts(now=timezone.now(), by=SYSTEM) == 1
    assert [event.alert_id for event in opened] == [alert.pk]


def test_true_alarms_are_counted_beside_the_rule() -> None:
    one, two = make_device(), make_device()
    for device in (one, two):
        hourly(device.mn, 200.0)
    first, second = Alert.objects.order_by("id")
    actions.record_true_alarm(alert_id=first.id, was_true=True, by=SYSTEM)
    actions.record_true_alarm(alert_id=second.id, was_true=False, by=SYSTEM)

    row = next(row for row in queries.rule_rows() if row.rule.code == "pm25_hour")
    assert (row.opened, row.open_now, row.true_share) == (2, 2, 50.0)


def test_the_database_allows_one_open_alert_a_device_and_rule() -> None:
    device = make_device()
    hourly(device.mn, 200.0)
    alert = Alert.objects.get()
    alert.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        alert.save(force_insert=True)

    alert.closed_at = alert.opened_at
    alert.save(force_insert=True)


def test_every_wording_of_a_rule_is_kept() -> None:
    rule("x", threshold=100)
    rule("x", threshold=120)

    versions = queries.rule_versions("x")
    assert [(v.version, v.body["threshold"]) for v in versions] == [(2, 120), (1, 100)]
    assert [r.kind for r in ledger.records_of("alert_rule:x")] == ["rule.changed"] * 2
    with pytest.raises(actions.StaleRule):
        actions.save_rule(
            code="x",
            wording=RuleWording(name="x", test="THRESHOLD", property_code="a34002", threshold=1),
            by=SYSTEM,
            version=1,
        )


@pytest.mark.parametrize(
    "wording",
    [
        {"threshold": None},
        {"threshold": 100, "property_code": ""},
        {"threshold": 100, "clear_threshold": 120},
        {"threshold": 100, "property_code": "nothing"},
        {"test": "SILENCE", "property_code": ""},
        {"threshold": 100, "device_mns": ("nobody",)},
        {"threshold": -100, "test": "RATE"},
        {"threshold": 100, "test": "RATE", "comparison": "BELOW"},
    ],
)
def test_a_rule_that_does_not_hold_together_is_refused(wording: dict[str, Any]) -> None:
    with pytest.raises(actions.RuleRefused):
        rule("x", **wording)
