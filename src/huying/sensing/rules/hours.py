"""Hours and days of a device: which value counts.

GB 3095-2026: an hour needs at least 45 minutes of data, a day at least 20 hourly values.
A value the device itself reports for the hour (HJ 212 CN 2061) always prevails: the instrument
averages over all its samples, we only over those that arrived.
"""

from typing import Final, NamedTuple

from huying.standards.air_quality import is_valid_hour

HOUR: Final = 3600


class Tally(NamedTuple):
    """The running hour of one property from one kind of data."""

    kind: str
    total: float
    samples: int
    minimum: float
    maximum: float
    minutes: int
    """One bit for each minute with a valid value."""


class Mean(NamedTuple):
    mean: float
    minimum: float
    maximum: float


def minutes_covered(at: int, span: int) -> int:
    """The bits of the minutes from `at` (seconds since 1970) on, `span` minutes within the hour."""
    first = at % HOUR // 60
    return ((1 << min(span, 60 - first)) - 1) << first


def closed_mean(tallies: list[Tally]) -> Mean | None:
    """The mean of a closed hour, or None with fewer than 45 valid minutes.

    Minute averages are preferred to real-time values: each stands for its whole interval.
    """
    for kind in ("MINUTE", "REALTIME"):
        for tally in tallies:
            if tally.kind == kind and tally.samples and is_valid_hour(tally.minutes.bit_count()):
                return Mean(tally.total / tally.samples, tally.minimum, tally.maximum)
    return None
