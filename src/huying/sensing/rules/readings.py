"""One reading, as every listener hands it in, and what becomes of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Final, NamedTuple

KINDS: Final = ("REALTIME", "MINUTE", "HOUR", "DAY")
FUTURE_SECONDS: Final = 600
OLDEST: Final = 1_104_508_800
"""2005-01-01 in China: the first edition of HJ 212. What is older has a wrong clock."""


class Refusal(NamedTuple):
    """Why a reading, or one value of it, was not taken; see `refusals`."""

    reason: str
    detail: Mapping[str, object]


class Reading(NamedTuple):
    """What one device measured at one time; values as sent, not converted.

    `at` is in whole seconds since 1970 (UTC): the start of the period (`aligned`), or the
    moment of capture. `codes`, `values` and `flags` are parallel; a value that is no number is
    NaN. `flags` has one letter each (HJ 212-2017 table 8: N normal, S manual, …). `minima` and
    `maxima` are parallel too, or None. `raw` is what came, for quarantine.
    """

    mn: str
    kind: str
    at: int
    codes: tuple[str, ...]
    values: Sequence[float]
    flags: str
    raw: bytes = b""
    peer: str = ""
    listener: str = "HTTP"
    password: str | None = None
    """What the device gave as its password; None where the listener authenticates otherwise."""
    minima: Sequence[float | None] | None = None
    maxima: Sequence[float | None] | None = None
    units: Mapping[str, str] | None = None
    written: Sequence[str] | None = None
    """The values as they were written, where they differ from the numbers: for messages."""
    troubles: Sequence[Refusal] = ()
    """What the listener could not understand of it; the rest is taken."""


def aligned(kind: str, at: int) -> int:
    """The start of the period a time lies in: devices are seen to send 21:00:01 for an hour."""
    if kind == "REALTIME":
        return at
    if kind == "DAY":
        return at - (at + _EIGHT_HOURS) % 86_400
    return at - at % (3600 if kind == "HOUR" else 60)


_EIGHT_HOURS: Final = 8 * 3600


STORED: Final = "STORED"
DUPLICATE: Final = "DUPLICATE"
QUARANTINED: Final = "QUARANTINED"


@dataclass(slots=True)
class Outcome:
    """What became of one reading: stored, seen before, or in quarantine with its reasons.

    A stored reading may have refusals too: single values that were not taken.
    """

    result: str
    refusals: list[Refusal] = field(default_factory=list)


class Measure(NamedTuple):
    """How one device's property is taken: where it goes, its factor and plausible range."""

    property_id: int
    factor: float
    minimum: float | None
    maximum: float | None
    unit: str
    wire_unit: str


def refusal_of(code: str, value: float, measure: Measure, written: str = "") -> Refusal | None:
    """Why a value (in stored units) cannot be counted, or None if it can."""
    if not isfinite(value):
        return Refusal("NOT_A_NUMBER", {"code": code, "value": written or str(value)})
    low, high = measure.minimum, measure.maximum
    if low is not None and value < low:
        if low == 0:
            return Refusal("NEGATIVE", {"code": code, "value": value, "unit": measure.unit})
    elif high is None or value <= high:
        return None
    return Refusal(
        "ABSURD",
        {
            "code": code,
            "value": value,
            "unit": measure.unit,
            "minimum": nan if low is None else low,
            "maximum": nan if high is None else high,
        },
    )


def refusal_of_time(at: int, now: float) -> Refusal | None:
    """Why a time cannot be right, or None."""
    if at > now + FUTURE_SECONDS:
        return Refusal("FUTURE", {"time": _in_china(at)})
    if at < OLDEST:
        return Refusal("TOO_OLD", {"time": _in_china(at)})
    return None


def _in_china(at: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at + _EIGHT_HOURS))
    except (OverflowError, ValueError, OSError):
        return str(at)
