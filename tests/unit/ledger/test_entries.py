import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.ledger.rules.entries import LARGEST_ENTRY, Entry, Json, commitment, prepare
from huying.ledger.rules.errors import EntryRefused

NOW = datetime(2026, 11, 22, 10, 30, 47, 123456, tzinfo=UTC)
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {"kind": "case.act", "subject": "case:1", "by": "staff:1", "body": {}}
    return Entry(**{**values, **changes})


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_bytes_are_canonical_and_hold_everything(body: dict[Any, Any]) -> None:
    data = prepare(entry(body=body), NOW).data
    read = orjson.loads(data)
    assert read["body"] == body
    assert orjson.dumps(read, option=orjson.OPT_SORT_KEYS) == data


def test_the_order_of_keys_does_not_matter() -> None:
    one = prepare(entry(body={"a": 1, "b": {"c": 1, "d": 2}}), NOW).data
    other = prepare(entry(body={"b": {"d": 2, "c": 1}, "a": 1}), NOW).data
    assert one == other


def test_time_is_utc_with_microseconds() -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    assert prepare(entry(at=shanghai), NOW).data == prepare(entry(), NOW).data
    assert b'"at":"2026-11-22T10:30:47.123456Z"' in prepare(entry(), NOW).data
    even = prepare(entry(at=NOW.replace(microsecond=0)), NOW).data
    assert b'"at":"2026-11-22T10:30:47.000000Z"' in even


def test_a_commitment_is_what_the_documentation_says() -> None:
    salt = bytes(range(32))
    message = b"huying/ledger/commitment/v1\x00phone\x00" + b"13800000000"
    expected = hmac.new(salt, message, hashlib.sha256).digest()
    assert commitment(salt, "phone", "13800000000") == expected
    assert commitment(salt, "phon", "e13800000000") != expected
    assert commitment(bytes(32), "phone", "13800000000") != expected


def test_equal_values_are_not_linkable() -> None:
    one, other = (prepare(entry(personal={"name": "张三"}), NOW) for _ in range(2))
    assert one.data != other.data
    assert len(one.salts["name"]) == 32


@pytest.mark.parametrize("body", [{"x": {1, 2}}, {1: "x"}, {"x": 2**70}, {"x": "\ud800"}])
def test_what_is_not_json_is_refused(body: dict[Any, Any]) -> None:
    with pytest.raises(EntryRefused, match="JSON"):
        prepare(entry(body=body), NOW)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(EntryRefused, match="时区"):
        prepare(entry(at=datetime(2026, 1, 1)), NOW)  # noqa: DTZ001 - what is refused here


def test_the_largest_entry_fits_and_one_more_byte_does_not() -> None:
    room = LARGEST_ENTRY - len(prepare(entry(body={"x": ""}), NOW).data)
    assert len(prepare(entry(body={"x": "a" * room}), NOW).data) == LARGEST_ENTRY
    with pytest.raises(EntryRefused, match="65535"):
        prepare(entry(body={"x": "a" * (room + 1)}), NOW)
