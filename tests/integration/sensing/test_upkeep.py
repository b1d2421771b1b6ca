"""What sensing does by itself: partitions, retention, counters, periodic jobs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from huying.config.provision import provision
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


def own_parameters(folder: Path, text: str) -> None:
    (folder / "parameters").mkdir()
    (folder / "parameters" / "sensing.yaml").write_text(text, encoding="utf-8")


OWN = """
versions:
  - {in_force: 2026-01-01, source: 县里的制度, observations_months: 25,
     running_hours_months: 3, quarantine_days: 180}
  - {in_force: 2031-01-01, source: 县里的新制度, observations_months: 4,
     running_hours_months: 1, quarantine_days: 30}
"""


def test_the_county_says_how_long_and_from_when(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    own_parameters(tmp_path, OWN)
    for year in (2030, 2031):
        for month in (1, 6, 12):
            moment = datetime(year, month, 15, tzinfo=UTC)
            actions.ensure_partitions_ahead(now=moment, by=SYSTEM, months=0)

    before = actions.drop_old_partitions(now=datetime(2030, 12, 31, 12, tzinfo=UTC), by=SYSTEM)
    after = actions.drop_old_partitions(now=datetime(2031, 1, 1, 12, tzinfo=UTC), by=SYSTEM)

    assert not any("observation_p2030" in name for name in before)
    assert {"sensing_observation_p203001", "sensing_observation_p203006"} <= set(after)
    assert "sensing_observation_p203012" not in after

    take(make_reading("NOBODY", {"a34004": 1.0}))
    later = datetime(2031, 3, 1, tzinfo=UTC)
    Quarantine.objects.update(received_at=later - timedelta(days=31))
    assert actions.drop_old_quarantine(now=later, by=SYSTEM) == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (OWN.replace("observations_months: 4", "observations_months: 0"), "observations_months"),
        (OWN.replace("quarantine_days: 30", "quarantine_days: soon"), "quarantine_days"),
        (OWN.replace("source: 县里的制度, ", ""), "source"),
        (OWN.replace("2031-01-01", "2025-01-01"), "in_force"),
        (OWN.replace("quarantine_days: 30", "quarantine_days: 30, keep: 1"), "keep"),
        ("versions: []", "versions"),
        ("versions: [", "line 1"),
    ],
)
def test_a_faulty_file_is_named_and_nothing_dropped(
    settings: Any, tmp_path: Path, text: str, named: str
) -> None:
    settings.DATA_DIR = tmp_path
    own_parameters(tmp_path, text)
    actions.ensure_partitions_ahead(now=datetime(2017, 1, 1, tzinfo=UTC), by=SYSTEM, months=0)
    with pytest.raises(queries.ParametersRefused) as raised:
        actions.drop_old_partitions(now=timezone.now(), by=SYSTEM)
    assert "sensing.yaml" in raised.value.zh
    assert named in raised.value.en
    assert "sensing_observation_p201701" in partitions("sensing_observation")
    with pytest.raises(queries.ParametersRefused):
        provision()


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
