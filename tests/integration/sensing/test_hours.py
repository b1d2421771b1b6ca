"""Hours and days in step with what was stored."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from huying.sensing import actions, queries
from huying.sensing.models import Alert, DailyMean, HourlyMean, HourTally
from tests.factories.sensing import SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db
HOUR = 3600


def close() -> int:
    return actions.close_hours(now=timezone.now(), by=SYSTEM)


def minutes(device_mn: str, hour: int, count: int, value: float) -> None:
    take(*[make_reading(device_mn, {"a34004": value}, at=hour + 60 * n) for n in range(count)])


def hours_of(device_id: int, hour: int) -> list[queries.HourRow]:
    begin = datetime.fromtimestamp(hour, UTC)
    return queries.station_hours(device_id, since=begin, until=begin + timedelta(hours=1))


def test_an_hour_with_45_minutes_is_closed() -> None:
    device = make_device()
    hour = this_hour(2)
    minutes(device.mn, hour, 45, 80.0)

    assert close() == 1

    row = hours_of(device.id, hour)[0]
    assert row.means == {"a34004": 80.0}
    assert row.origins == {"a34004": "C"}


def test_an_hour_with_44_minutes_is_not() -> None:
    device = make_device()
    minutes(device.mn, this_hour(2), 44, 80.0)

    assert close() == 0
    assert not HourlyMean.objects.exists()


def test_the_running_hour_is_left_alone() -> None:
    device = make_device()
    take(make_reading(device.mn, {"a34004": 80.0}, at=this_hour()))

    assert close() == 0
    assert HourTally.objects.get().dirty


def test_batches_add_up_and_flags_are_respected() -> None:
    device = make_device()
    hour = this_hour(2)
    take(*[make_reading(device.mn, {"a34004": 10.0}, at=hour + 60 * n) for n in range(30)])
    take(*[make_reading(device.mn, {"a34004": 40.0}, at=hour + 60 * n) for n in range(30, 60)])
    take(make_reading(device.mn, {"a34004": 9000.0}, at=hour + 30, flags="D"))

    tally = HourTally.objects.get()
    assert (tally.sums, tally.counts, tally.minima, tally.maxima) == (
        [1500.0],
        [60],
        [10.0],
        [40.0],
    )
    close()
    assert hours_of(device.id, hour)[0].means == {"a34004": 25.0}


def test_late_data_opens_the_hour_again() -> None:
    device = make_device()
    hour = this_hour(3)
    minutes(device.mn, hour, 50, 80.0)
    close()
    take(make_reading(device.mn, {"a34004": 131.0}, at=hour + 55 * 60))

    assert close() == 1
    assert hours_of(device.id, hour)[0].means == {"a34004": 81.0}
    assert close() == 0


def test_minute_averages_are_preferred_and_cover_their_interval() -> None:
    device = make_device(minute_interval=5)
    hour = this_hour(2)
    minutes(device.mn, hour, 60, 500.0)
    take(
        *[
            make_reading(device.mn, {"a34004": 50.0}, at=hour + 300 * n, kind="MINUTE")
            for n in range(9)
        ]
    )

    close()

    assert hours_of(device.id, hour)[0].means == {"a34004": 50.0}


def test_the_devices_own_hour_prevails_whenever_it_comes() -> None:
    device = make_device()
    hour = this_hour(2)
    minutes(device.mn, hour, 60, 80.0)
    take(make_reading(device.mn, {"a34004": 77.0}, at=hour, kind="HOUR"))
    close()
    assert hours_of(device.id, hour)[0].means == {"a34004": 77.0}

    other = this_hour(3)
    minutes(device.mn, other, 60, 80.0)
    close()
    take(make_reading(device.mn, {"a34004": 76.0}, at=other, kind="HOUR"))
    assert hours_of(device.id, other)[0].means == {"a34004": 76.0}
    assert hours_of(device.id, other)[0].origins == {"a34004": "D"}


def test_manual_values_count_only_where_allowed() -> None:
    strict, lenient = make_device(), make_device(manual_counts=True)
    for device in (strict, lenient):
        take(make_reading(device.mn, {"a34004": 70.0}, kind="HOUR", flags="S"))

    assert [row.device_id for row in HourlyMean.objects.all()] == [lenient.id]


def test_the_day_follows_its_hours_and_is_one_of_the_county() -> None:
    device = make_device()
    midnight_in_china = 1_767_196_800  # 2026-01-01 00:00 +08:00
    take(
        *[
            make_reading(
                device.mn, {"a34004": float(n)}, kind="HOUR", at=midnight_in_china + n * HOUR
            )
            for n in range(-1, 25)
        ]
    )

    days = [
        (row.date.isoformat(), row.means[0], row.hours[0])
        for row in DailyMean.objects.order_by("date")
    ]
    # The value before midnight was -1, which no instrument can show: it is in quarantine.
    assert days == [("2026-01-01", 11.5, 24), ("2026-01-02", 24.0, 1)]


def test_rules_are_evaluated_on_a_computed_hour() -> None:
    device = make_device()
    minutes(device.mn, this_hour(2), 50, 180.0)

    close()

    alert = Alert.objects.get()
    assert (alert.value, alert.rule.code) == (180.0, "pm25_hour")
