"""Readings as JSON, the same over MQTT and HTTP.

{"device": "MN…", "time": "2026-11-22T20:00:00+08:00", "period": "REALTIME",
 "values": [{"property": "a34004", "value": 182, "unit": "µg/m³", "flag": "N"}]}

`time` without an offset is China's time. `period` is REALTIME where it is missing. `values`
may be an object {"a34004": 182} as well. `unit` and `flag` may be missing.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import orjson

from huying.sensing.rules.readings import KINDS, Reading, Refusal, aligned

MOST_VALUES: Final = 200
_BEIJING: Final = timezone(timedelta(hours=8))
_FLAGS: Final = frozenset("NFMSDCTB")


class Unreadable(ValueError):
    """A payload that is no reading; `refusal` says why."""

    def __init__(self, reason: str, **detail: object) -> None:
        super().__init__(reason)
        self.refusal = Refusal(reason, detail)


def parse_time(text: object) -> int:
    """Seconds since 1970 of an ISO 8601 time; `Unreadable`."""
    try:
        moment = datetime.fromisoformat(str(text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=_BEIJING)
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        raise Unreadable("BAD_TIME", time=str(text)[:40]) from None


def reading_of(
    payload: Mapping[str, Any], *, listener: str, peer: str, raw: bytes = b""
) -> Reading:
    """The reading in one JSON object; `Unreadable` says what is missing."""
    mn = payload.get("device")
    if not isinstance(mn, str) or not 0 < len(mn) <= 64:
        raise Unreadable("MALFORMED", problem="device")
    kind = payload.get("period") or "REALTIME"
    if kind not in KINDS:
        raise Unreadable("MALFORMED", problem="period")
    at = aligned(kind, parse_time(payload.get("time")))
    items = _items(payload.get("values"))
    codes: list[str] = []
    values: list[float] = []
    written: list[str] = []
    flags = ""
    units: dict[str, str] = {}
    for item in items:
        code = item.get("property")
        if not isinstance(code, str) or not 0 < len(code) <= 32:
            raise Unreadable("MALFORMED", problem="property")
        if code in codes:
            raise Unreadable("MALFORMED", problem=f"{code} 重复 / twice")
        codes.append(code)
        values.append(_number(item.get("value")))
        written.append(str(item.get("value"))[:40])
        flag = item.get("flag") or "N"
        flags += flag if flag in _FLAGS else "D"
        if item.get("unit"):
            units[code] = str(item["unit"])
    return Reading(
        mn, kind, at, tuple(codes), values, flags, raw or orjson.dumps(payload, default=str), peer,
        listener, units=units or None, written=written,
    )  # fmt: skip


def object_in(raw: bytes) -> dict[str, Any]:
    """The one JSON object in `raw`; `Unreadable` if it is anything else."""
    body = _json(raw)
    if not isinstance(body, dict):
        raise Unreadable("MALFORMED", problem="JSON")
    return body


def readings_of(raw: bytes, *, listener: str, peer: str) -> list[Reading | Refusal]:
    """The readings of a message: one JSON object or a list of them. `Unreadable` if neither."""
    body = _json(raw)
    items = body if isinstance(body, list) else [body]
    found: list[Reading | Refusal] = []
    for item in items:
        try:
            if not isinstance(item, dict):
                raise Unreadable("MALFORMED", problem="JSON")
            found.append(reading_of(item, listener=listener, peer=peer))
        except Unreadable as error:
            found.append(error.refusal)
    return found


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Unreadable("MALFORMED", problem="JSON") from None


def _items(values: object) -> list[Mapping[str, Any]]:
    if isinstance(values, Mapping):
        items: list[Any] = [{"property": code, "value": value} for code, value in values.items()]
    elif isinstance(values, list):
        items = values
    else:
        raise Unreadable("MALFORMED", problem="values")
    if not 0 < len(items) <= MOST_VALUES or not all(isinstance(item, Mapping) for item in items):
        raise Unreadable("MALFORMED", problem="values")
    return items


def _number(value: object) -> float:
    """A JSON number, or text that is one; everything else is NaN and refused as such."""
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        return float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return math.nan
