"""The one door: what is stored, dropped, merged, refused."""

import math
import re
import time

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from huying.sensing import actions
from huying.sensing.models import DeviceState, Observation, Property, Quarantine
from huying.sensing.rules.readings import DUPLICATE, QUARANTINED, STORED
from tests.factories.sensing import INGEST, SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db


def only_observation() -> Observation:
    return Observation.objects.get()


def code_of(number: int) -> str:
    return Property.objects.get(id=number).code


def test_a_reading_is_stored_in_the_units_of_the_county() -> None:
    device = make_device(units={"a34004": "mg/m³"})

    result = take(make_reading(device.mn, {"a34004": 0.035, "a21005": 0.8}))

    row = only_observation()
    assert result.outcomes[0].result == STORED
    assert {code_of(n): v for n, v in zip(row.properties, row.values, strict=True)} == {
        "a34004": 35.0,
        "a21005": 0.8,
    }
    assert row.flags == "NN"


def test_annex_b_is_taken_where_no_unit_is_registered() -> None:
    device = make_device(units={})

    take(make_reading(device.mn, {"a34004": 35_000.0, "a21026": 0.058}))

    assert only_observation().values == [35.0, 58.0]


def test_the_same_reading_again_changes_nothing() -> None:
    device = make_device()
    reading = make_reading(device.mn, {"a34004": 35.0})

    assert take(reading, reading).outcomes[1].result == DUPLICATE
    assert take(reading).outcomes[0].result == DUPLICATE
    actions.forget_everything()  # as after a restart
    assert take(reading).outcomes[0].result == DUPLICATE

    assert Observation.objects.count() == 1
    assert Quarantine.objects.count() == 0


def test_other_properties_for_the_same_time_are_merged() -> None:
    device = make_device()
    take(make_reading(device.mn, {"a34004": 35.0}))

    result = take(make_reading(device.mn, {"a34004": 35.0, "a34002": 60.0}))

    row = only_observation()
    assert result.outcomes[0].result == STORED
    assert row.values == [35.0, 60.0]
    assert row.flags == "NN"


def test_minima_of_a_merged_frame_stay_beside_their_values() -> None:
    device = make_device()
    take(make_reading(device.mn, {"a34004": 35.0}, kind="MINUTE"))

    take(make_reading(device.mn, {"a34002": 60.0}, kind="MINUTE", minima=[50.0], maxima=[70.0]))

    row = only_observation()
    assert row.minima == [None, 50.0]
    assert row.maxima == [None, 70.0]


def test_a_contradiction_replaces_nothing_and_is_kept() -> None:
    device = make_device()
    take(make_reading(device.mn, {"a34004": 35.0}))

    result = take(make_reading(device.mn, {"a34004": 99.0}))

    assert only_observation().values == [35.0]
    assert result.outcomes[0].result == QUARANTINED
    item = Quarantine.objects.get()
    assert item.reason == "CONFLICT"
    assert item.detail == {"code": "a34004", "stored": 35.0, "value": 99.0}


@pytest.mark.parametrize(
    ("value", "reason"),
    [(math.nan, "NOT_A_NUMBER"), (math.inf, "NOT_A_NUMBER"), (-3.0, "NEGATIVE"), (1e6, "ABSURD")],
)
def test_an_impossible_value_is_refused_and_the_rest_is_stored(value: float, reason: str) -> None:
    device = make_device()

    result = take(make_reading(device.mn, {"a34004": value, "a34002": 60.0}))

    assert only_observation().values == [60.0]
    assert result.outcomes[0].result == STORED
    assert [refusal.reason for refusal in result.outcomes[0].refusals] == [reason]
    item = Quarantine.objects.get()
    assert (item.reason, bytes(item.raw), item.mn) == (reason, b"##raw", device.mn)


def test_a_reading_with_nothing_usable_is_not_stored() -> None:
    device = make_device()

    result = take(make_reading(device.mn, {"a34004": -1.0}))

    assert result.outcomes[0].result == QUARANTINED
    assert not Observation.objects.exists()


def test_what_the_device_marks_as_faulty_is_kept_but_not_judged() -> None:
    device = make_device()

    result = take(make_reading(device.mn, {"a34004": 999_999.0}, flags="D"))

    assert result.outcomes[0].result == STORED
    assert only_observation().flags == "D"


def test_a_foreign_device_is_quarantined() -> None:
    result = take(make_reading("NOBODY", {"a34004": 1.0}))

    assert result.outcomes[0].result == QUARANTINED
    assert Quarantine.objects.get().reason == "UNKNOWN_DEVICE"


def test_a_wrong_password_and_a_disabled_device_are_refused() -> None:
    device = make_device()
    wrong = make_reading(device.mn, {"a34004": 1.0}, password="000000")
    assert take(wrong).outcomes[0].refusals[0].reason == "WRONG_PASSWORD"

    actions.change_device(mn=device.mn, enabled=False, by=SYSTEM)
    right = make_reading(device.mn, {"a34004": 1.0}, password="123456")
    assert take(right).outcomes[0].refusals[0].reason == "DEVICE_DISABLED"


@pytest.mark.parametrize(("offset", "reason"), [(700, "FUTURE"), (-1_000_000_000, "TOO_OLD")])
def test_a_wrong_clock_is_refused(offset: int, reason: str) -> None:
    device = make_device()
    at = this_hour() + 3600 + offset if offset > 0 else this_hour() + offset

    assert take(make_reading(device.mn, {"a34004": 1.0}, at=at)).outcomes[0].refusals[0].reason == (
        reason
    )


def test_a_code_nobody_listed_gets_an_entry() -> None:
    device = make_device()

    take(make_reading(device.mn, {"xyz01": 4.5, "w21017": 0.3}))

    assert only_observation().values == [4.5, 0.3]
    assert not Property.objects.get(code="xyz01").is_listed
    assert Property.objects.get(code="w21017").name_zh == "氟化物"


def test_new_codes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huying.sensing.actions.checking.UNLISTED_LIMIT", 2)
    device = make_device()

    result = take(make_reading(device.mn, {f"zz{n}": 1.0 for n in range(4)}))

    assert Property.objects.filter(is_listed=False).count() == 2
    assert [r.reason for r in result.outcomes[0].refusals] == ["TOO_MANY_CODES"] * 2


def test_last_heard_is_written_down() -> None:
    device = make_device()

    take(make_reading(device.mn, {"a34004": 1.0}))

    state = DeviceState.objects.get(device=device)
    assert state.last_heard_at is not None
    assert state.frames == 1


def test_a_failed_commit_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    device = make_device()
    reading = make_reading(device.mn, {"a34004": 35.0})

    def broken(rows: object) -> None:
        raise DatabaseError("lost")

    with monkeypatch.context() as patched:
        patched.setattr("huying.sensing.actions.ingest.add_to_hours", broken)
        with pytest.raises(DatabaseError):
            actions.ingest_batch(readings=[reading], by=INGEST)

    assert not Observation.objects.exists()
    assert take(reading).outcomes[0].result == STORED
    assert Observation.objects.count() == 1


def test_data_of_any_month_finds_its_partition() -> None:
    device = make_device()
    times = [1_362_067_200, 1_488_297_600, this_hour(1)]  # 2013-03-01, 2017-03-01 in China

    take(*[make_reading(device.mn, {"a34004": 1.0}, at=at) for at in times])

    assert Observation.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_the_first_batch_asks_no_more_than_the_next(catalogue: None) -> None:
    device = make_device()
    actions.forget_everything()
    actions.make_ready(by=SYSTEM)
    asked = []
    for second in range(2):
        actions.heard_log.clear()
        with CaptureQueriesContext(connection) as captured:
            take(make_reading(device.mn, {"a34004": 35.0}, at=int(time.time()) - second))
        asked.append([re.sub(r"s\d+_x\d+", "", query["sql"]).split()[:3] for query in captured])

    assert asked[0] == asked[1]
    assert Observation.objects.count() == 2
