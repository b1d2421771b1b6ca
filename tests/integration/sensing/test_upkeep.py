"""What sensing does by itself: partitions, retention, counters, periodic jobs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from huying.directory.permissions import Actor, NotAllowed
from huying.sensing import actions, queries, tasks
from huying.sensing.actions import Counters
from huying.sensing.models import Alert, HourlyMean, Observation, Quarantine
from tests.factories.sensing import HOUR, SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db


def partitions(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}


def test_partitions_are_made_ahead() -> None:
    now = datetime(2031, 11, 22, tzinfo=UTC)
    assert actions.ensure_partitions_ahead(now=now, by=SYSTEM, months=2) > 0
    assert partitions("sensing_observation") >= {
        "sensing_observation_p203111",
        "sensing_observation_p203112",
        "sensing_observation_p203201",
    }
    assert "sensing_hourly_mean_p2032" in partitions("sensing_hourly_mean")
    actions.forget_everything()
    assert actions.ensure_partitions_ahead(now=now, by=SYSTEM, months=2) == 0


def test_every_partition_has_the_index_of_its_table() -> None:
    actions.ensure_partitions_ahead(now=datetime(2031, 11, 22, tzinfo=UTC), by=SYSTEM, months=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'sensing_observation_p203111'"
        )
        (definition,) = [line[0] for line in cursor.fetchall()]
    assert "UNIQUE" in definition
    assert "(device_id, kind, at)" in definition


def test_what_is_past_its_time_goes_and_the_means_stay() -> None:
    device = make_device()
    old = 1_483_225_200  # 2017-01-01 in China
    take(
        make_reading(device.mn, {"a34004": 35.0}, kind="HOUR", at=old),
        make_reading(device.mn, {"a34004": 35.0}, at=this_hour(1)),
    )

    dropped = actions.drop_old_partitions(now=timezone.now(), by=SYSTEM)

    assert {"sensing_observation_p201612", "sensing_hour_tally_p201612"} <= set(dropped)
    assert Observation.objects.count() == 1
    assert HourlyMean.objects.count() == 1
    with pytest.raises(NotAllowed):
        actions.drop_old_partitions(now=timezone.now(), by=Actor.device("x"))

    # A late frame of that month still finds a place.
    take(make_reading(device.mn, {"a34004": 36.0}, kind="HOUR", at=old + HOUR))
    assert Observation.objects.count() == 2


def test_quarantine_ends_after_180_days() -> None:
    take(make_reading("NOBODY", {"a34004": 1.0}), make_reading("NOBODY", {"a34004": 2.0}))
    first = Quarantine.objects.order_by("id")[0]
    Quarantine.objects.filter(pk=first.pk).update(received_at=timezone.now() - timedelta(days=181))

    assert actions.drop_old_quarantine(now=timezone.now(), by=SYSTEM) == 1
    assert Quarantine.objects.count() == 1


def test_the_jobs_of_each_minute() -> None:
    device = make_device()
    begin = this_hour(2)
    take(*[make_reading(device.mn, {"a34004": 180.0}, at=begin + 60 * n) for n in range(50)])

    tasks.close_hours(0)
    tasks.hand_over_alerts(0)

    assert Alert.objects.get().value == 180.0


def test_the_job_of_each_night() -> None:
    tasks.keep_house(0)

    now = timezone.now()
    assert f"sensing_observation_p{now:%Y%m}" in partitions("sensing_observation")


def test_listener_health() -> None:
    now = timezone.now()
    actions.note_listener(
        name="one", kind="HJ212", started_at=now, counters=Counters(frames=7, stored=5), by=SYSTEM
    )
    actions.note_listener(
        name="two", kind="MQTT", started_at=now, counters=Counters(), by=SYSTEM, stopped=True
    )

    health = {row.name: row for row in queries.listener_health()}
    assert health["one"].is_alive
    assert (health["one"].frames, health["one"].stored) == (7, 5)
    assert not health["two"].is_alive
    assert actions.forget_old_listeners(now=now + timedelta(days=8), by=SYSTEM) == 2
