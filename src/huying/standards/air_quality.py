"""Ambient air: limits and valid data of GB 3095-2012 and GB 3095-2026, means of HJ 663.

Concentrations in µg/m³, CO in mg/m³. Neither edition has an hourly limit for PM2.5 or
PM10: an hourly value above a county's own rule reaches a warning level (达到预警值), it
does not exceed the standard (超标).
"""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from statistics import fmean
from typing import Final

from huying.standards.aqi import Pollutant
from huying.standards.errors import InvalidInput
from huying.standards.rounding import exact, round_to

HOURS_OF_A_DAY: Final = 20
HOURS_OF_EIGHT: Final = 6
MINUTES_OF_AN_HOUR: Final = 45
DAYS_OF_A_YEAR: Final = 324
_EIGHT_HOUR_MEANS_OF_A_DAY: Final = 14


class UnknownUnit(InvalidInput):
    """A unit that cannot be turned into µg/m³."""

    code = "UNKNOWN_UNIT"


_TO_MICROGRAMS: Final = {
    "ng/m³": Decimal("0.001"),
    "µg/m³": Decimal(1),
    "mg/m³": Decimal(1000),
    "g/m³": Decimal(1_000_000),
}


def to_standard_unit(pollutant: Pollutant, value: float, unit: str) -> float:
    """A concentration in the standard's unit: µg/m³, for CO mg/m³."""
    name = unit.strip().replace("μ", "µ").replace("ug", "µg").replace("m3", "m³")
    factor = _TO_MICROGRAMS.get(name)
    if factor is None:
        raise UnknownUnit(
            f"单位 {unit!r} 无法换算，请用 {'、'.join(_TO_MICROGRAMS)}。",
            f"The unit {unit!r} is not known; use one of {', '.join(_TO_MICROGRAMS)}.",
        )
    micrograms = exact(value) * factor
    return float(micrograms / 1000 if pollutant is Pollutant.CO else micrograms)


def is_valid_hour(minutes: int) -> bool:
    """An hourly mean of a gas needs 45 minutes of data."""
    return minutes >= MINUTES_OF_AN_HOUR


def is_valid_eight_hours(hours: int) -> bool:
    """An eight-hour mean needs six hourly ones."""
    return hours >= HOURS_OF_EIGHT


def is_valid_day(hours: int) -> bool:
    """A daily mean needs 20 hourly ones."""
    return hours >= HOURS_OF_A_DAY


def is_valid_year(days: int) -> bool:
    """A yearly mean needs 324 daily ones."""
    return days >= DAYS_OF_A_YEAR


def daily_mean(hours: Sequence[float | None], pollutant: Pollutant) -> Decimal | None:
    """The mean of up to 24 hourly values, rounded; ``None`` if too few are there."""
    values = [value for value in hours if value is not None]
    if len(hours) > 24 or not is_valid_day(len(values)):
        return None
    return round_to(fmean(values), _places(pollutant))


def daily_largest_eight_hour_mean(hours: Sequence[float | None]) -> Decimal | None:
    """The largest moving eight-hour mean of a day's 24 hourly values (O₃).

    Hours 1–8 to 17–24 give 17 means; each needs six values and the day 14 means.
    """
    means = []
    for end in range(8, len(hours) + 1):
        values = [value for value in hours[end - 8 : end] if value is not None]
        if is_valid_eight_hours(len(values)):
            means.append(fmean(values))
    if len(hours) != 24 or len(means) < _EIGHT_HOUR_MEANS_OF_A_DAY:
        return None
    return round_to(max(means), _places(Pollutant.O3))


def _places(pollutant: Pollutant) -> int:
    return 1 if pollutant is Pollutant.CO else 0


_Limits = dict[Pollutant, int]
_DAILY_LIMITS: Final[tuple[tuple[dt.date, _Limits], ...]] = (
    (
        dt.date(2031, 1, 1),
        {
            Pollutant.PM25: 50,
            Pollutant.PM10: 100,
            Pollutant.SO2: 50,
            Pollutant.NO2: 50,
            Pollutant.O3: 160,
            Pollutant.CO: 4,
        },
    ),
    (
        dt.date(2026, 3, 1),
        {
            Pollutant.PM25: 60,
            Pollutant.PM10: 120,
            Pollutant.SO2: 150,
            Pollutant.NO2: 80,
            Pollutant.O3: 160,
            Pollutant.CO: 4,
        },
    ),
    (
        dt.date(2016, 1, 1),
        {
            Pollutant.PM25: 75,
            Pollutant.PM10: 150,
            Pollutant.SO2: 150,
            Pollutant.NO2: 80,
            Pollutant.O3: 160,
            Pollutant.CO: 4,
        },
    ),
)
_YEARLY_LIMITS: Final[tuple[tuple[dt.date, _Limits], ...]] = (
    (
        dt.date(2031, 1, 1),
        {Pollutant.PM25: 25, Pollutant.PM10: 50, Pollutant.SO2: 20, Pollutant.NO2: 30},
    ),
    (
        dt.date(2026, 3, 1),
        {Pollutant.PM25: 30, Pollutant.PM10: 60, Pollutant.SO2: 60, Pollutant.NO2: 40},
    ),
    (
        dt.date(2016, 1, 1),
        {Pollutant.PM25: 35, Pollutant.PM10: 70, Pollutant.SO2: 60, Pollutant.NO2: 40},
    ),
)


def daily_limit(pollutant: Pollutant, on: dt.date) -> int:
    """The class 2 limit of a 24-hour mean (O₃: of the largest eight-hour mean)."""
    return _in_force(_DAILY_LIMITS, on)[pollutant]


def yearly_limit(pollutant: Pollutant, on: dt.date) -> int | None:
    """The class 2 limit of a yearly mean; ``None`` for CO and O₃, which have none."""
    return _in_force(_YEARLY_LIMITS, on).get(pollutant)


def _in_force(table: tuple[tuple[dt.date, _Limits], ...], on: dt.date) -> _Limits:
    return next((limits for since, limits in table if since <= on), table[-1][1])
