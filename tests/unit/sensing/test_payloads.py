"""JSON readings: what is taken, what is refused, and that nothing raises anything else."""

import math
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.sensing.rules import payloads
from huying.sensing.rules.payloads import Unreadable
from huying.sensing.rules.readings import Reading, Refusal

GOOD: dict[str, Any] = {
    "device": "QH01",
    "time": "2026-11-22T20:15:00+08:00",
    "values": {"a34004": 35, "a34002": "60.5"},
}


def test_both_forms_of_values() -> None:
    one = payloads.reading_of(GOOD, listener="MQTT", peer="x")
    many = {**GOOD, "values": [{"property": "a34004", "value": 35, "unit": "mg/m3", "flag": "D"}]}
    two = payloads.reading_of(many, listener="MQTT", peer="x")

    assert (one.codes, one.values, one.flags) == (("a34004", "a34002"), [35.0, 60.5], "NN")
    assert (two.flags, two.units) == ("D", {"a34004": "mg/m3"})
    assert one.at == 1_795_349_700


def test_a_time_without_offset_is_chinas() -> None:
    assert payloads.parse_time("2026-11-22T20:15:00") == payloads.parse_time(GOOD["time"])


def test_an_hour_is_aligned() -> None:
    one = payloads.reading_of({**GOOD, "period": "HOUR"}, listener="MQTT", peer="")
    assert one.at % 3600 == 0


@pytest.mark.parametrize("value", [None, True, "much", [], {}, "NaN"])
def test_what_is_no_number_is_nan(value: Any) -> None:
    one = payloads.reading_of({**GOOD, "values": {"a34004": value}}, listener="MQTT", peer="")
    assert math.isnan(one.values[0])


@pytest.mark.parametrize(
    "change",
    [
        {"device": ""}, {"device": 7}, {"device": "x" * 65}, {"time": "soon"}, {"time": None},
        {"period": "WEEK"}, {"values": {}}, {"values": None}, {"values": [1]},
        {"values": [{"property": "a", "value": 1}, {"property": "a", "value": 2}]},
        {"values": {"x" * 33: 1}},
    ],
)  # fmt: skip
def test_what_is_no_reading_says_why(change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        payloads.reading_of({**GOOD, **change}, listener="MQTT", peer="")
    assert raised.value.refusal.reason in ("MALFORMED", "BAD_TIME")


NAMES = st.sampled_from(["device", "time", "values", "property", "value"])
LEAVES = st.none() | st.booleans() | st.floats() | st.text()
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))


@given(ANYTHING)
def test_no_json_breaks_it(body: Any) -> None:
    try:
        found = payloads.readings_of(orjson.dumps(body), listener="MQTT", peer="")
    except Unreadable:
        return
    assert all(isinstance(one, Reading | Refusal) for one in found)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    with suppress(Unreadable):
        payloads.readings_of(data, listener="MQTT", peer="")
