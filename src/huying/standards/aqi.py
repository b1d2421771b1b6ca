"""Air quality index: HJ 633-2012, and HJ 633-2026 in force since 2026-03-01.

Concentrations in µg/m³, CO in mg/m³, rounded before use (GB/T 8170: to integers, CO to one
decimal). The index of one pollutant (IAQI) is interpolated between break points and
rounded up; the AQI is the largest. Hourly reports use the one-hour mean of PM10 and PM2.5
against their 24-hour column.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Final

from huying.standards.errors import InvalidInput
from huying.standards.rounding import Number, round_to


class Pollutant(StrEnum):
    """The six basic pollutants of ambient air."""

    SO2 = "SO2"
    NO2 = "NO2"
    CO = "CO"
    O3 = "O3"
    PM10 = "PM10"
    PM25 = "PM2.5"

    @property
    def hj212_code(self) -> str:
        """Its code in HJ 212 and HJ 524."""
        return _HJ212[self]


_HJ212: Final = {
    Pollutant.SO2: "a21026",
    Pollutant.NO2: "a21004",
    Pollutant.CO: "a21005",
    Pollutant.O3: "a05024",
    Pollutant.PM10: "a34002",
    Pollutant.PM25: "a34004",
}


class Averaging(StrEnum):
    """Over what time a concentration is averaged."""

    HOUR = "1H"
    EIGHT_HOURS = "8H"
    DAY = "24H"


class AirLevel(StrEnum):
    """The six levels."""

    EXCELLENT = "EXCELLENT"
    GOOD = "GOOD"
    LIGHT = "LIGHT"
    MODERATE = "MODERATE"
    HEAVY = "HEAVY"
    SEVERE = "SEVERE"

    @property
    def zh(self) -> str:
        """The standard's word."""
        return _LEVELS[self][1]

    @property
    def en(self) -> str:
        """The usual English word."""
        return _LEVELS[self][2]

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The standard's colour."""
        return _LEVELS[self][3]


_LEVELS: Final = {
    AirLevel.EXCELLENT: (50, "优", "Excellent", (0, 228, 0)),
    AirLevel.GOOD: (100, "良", "Good", (255, 255, 0)),
    AirLevel.LIGHT: (150, "轻度污染", "Lightly polluted", (255, 126, 0)),
    AirLevel.MODERATE: (200, "中度污染", "Moderately polluted", (255, 0, 0)),
    AirLevel.HEAVY: (300, "重度污染", "Heavily polluted", (153, 0, 76)),
    AirLevel.SEVERE: (500, "严重污染", "Severely polluted", (126, 0, 35)),
}
_IAQI: Final = (0, 50, 100, 150, 200, 300, 400, 500)
_Column = tuple[Pollutant, Averaging]


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of the table: break points per pollutant and averaging time."""

    name: str
    in_force: dt.date
    break_points: Mapping[_Column, tuple[int, ...]]


_UNCHANGED: Final[dict[_Column, tuple[int, ...]]] = {
    (Pollutant.SO2, Averaging.DAY): (0, 50, 150, 475, 800, 1600, 2100, 2620),
    (Pollutant.SO2, Averaging.HOUR): (0, 150, 500, 650, 800),
    (Pollutant.NO2, Averaging.DAY): (0, 40, 80, 180, 280, 565, 750, 940),
    (Pollutant.NO2, Averaging.HOUR): (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    (Pollutant.CO, Averaging.DAY): (0, 2, 4, 14, 24, 36, 48, 60),
    (Pollutant.CO, Averaging.HOUR): (0, 5, 10, 35, 60, 90, 120, 150),
    (Pollutant.O3, Averaging.EIGHT_HOURS): (0, 100, 160, 215, 265, 800),
    (Pollutant.O3, Averaging.HOUR): (0, 160, 200, 300, 400, 800, 1000, 1200),
}
EDITIONS: Final = (
    Edition(
        "HJ 633-2026",
        dt.date(2026, 3, 1),
        {
            **_UNCHANGED,
            (Pollutant.PM10, Averaging.DAY): (0, 50, 120, 250, 350, 420, 500, 600),
            (Pollutant.PM25, Averaging.DAY): (0, 35, 60, 115, 150, 250, 350, 500),
        },
    ),
    Edition(
        "HJ 633-2012",
        dt.date(2016, 1, 1),
        {
            **_UNCHANGED,
            (Pollutant.PM10, Averaging.DAY): (0, 50, 150, 250, 350, 420, 500, 600),
            (Pollutant.PM25, Averaging.DAY): (0, 35, 75, 115, 150, 250, 350, 500),
        },
    ),
)
"""The newest first."""


class NoIndex(InvalidInput):
    """An index cannot be computed from this."""

    code = "NO_INDEX"


@dataclass(frozen=True, slots=True)
class Aqi:
    """An index: its value, its level, what it is due to, and each pollutant's share."""

    value: int
    level: AirLevel
    primary: tuple[Pollutant, ...]
    iaqi: Mapping[Pollutant, int]
    edition: str


def edition_on(on: dt.date) -> Edition:
    """The edition in force on a date (the oldest here also serves earlier dates)."""
    return next((edition for edition in EDITIONS if edition.in_force <= on), EDITIONS[-1])


def iaqi(pollutant: Pollutant, averaging: Averaging, concentration: Number, on: dt.date) -> int:
    """The index of one concentration, 0 … 500.

    Above its last break point a pollutant stays at that break point's index: 200 for
    SO₂ over one hour, 300 for O₃ over eight, else 500. Particulate matter over one hour
    is held against the 24-hour column. ``NoIndex`` for a negative concentration or a pair
    the table does not have.
    """
    rounded = round_to(concentration, 1 if pollutant is Pollutant.CO else 0)
    if rounded < 0:
        raise NoIndex(
            f"{pollutant} 浓度为负值，不能计算指数，请核对数据。",
            f"The concentration of {pollutant} is negative; check the data.",
        )
    particulate = pollutant in (Pollutant.PM10, Pollutant.PM25)
    column = Averaging.DAY if particulate and averaging is Averaging.HOUR else averaging
    points = edition_on(on).break_points.get((pollutant, column))
    if points is None:
        raise NoIndex(
            f"标准没有规定 {pollutant} 的 {averaging} 平均浓度限值。",
            f"The standard has no {averaging} column for {pollutant}.",
        )
    value = Fraction(rounded)
    for index in range(1, len(points)):
        low, high = points[index - 1], points[index]
        if value <= high:
            slope = Fraction(_IAQI[index] - _IAQI[index - 1], high - low)
            return ceil(slope * (value - low) + _IAQI[index - 1])
    return _IAQI[len(points) - 1]


def aqi(concentrations: Mapping[tuple[Pollutant, Averaging], Number], on: dt.date) -> Aqi:
    """The index of a place from concentrations averaged over the given times.

    Where a pollutant comes with several averaging times its largest index counts. The
    primary pollutants are those at the maximum, if it is above 50. ``NoIndex`` if empty.
    """
    found: dict[Pollutant, int] = {}
    for (pollutant, averaging), concentration in concentrations.items():
        index = iaqi(pollutant, averaging, concentration, on)
        found[pollutant] = max(index, found.get(pollutant, 0))
    if not found:
        raise NoIndex("没有可用的浓度数据。", "There are no concentrations to use.")
    value = max(found.values())
    primary = tuple(p for p in Pollutant if found.get(p) == value) if value > _IAQI[1] else ()
    return Aqi(value, level(value), primary, found, edition_on(on).name)


def level(value: int) -> AirLevel:
    """The level of an index."""
    return next((lv for lv, row in _LEVELS.items() if value <= row[0]), AirLevel.SEVERE)


def hourly_aqi(means: Mapping[Pollutant, Number], on: dt.date) -> Aqi:
    """The real-time index from one-hour means."""
    return aqi({(pollutant, Averaging.HOUR): mean for pollutant, mean in means.items()}, on)


def daily_aqi(means: Mapping[Pollutant, Number], on: dt.date) -> Aqi:
    """The daily index from 24-hour means; of O₃ the largest eight-hour mean."""
    return aqi(
        {
            (p, Averaging.EIGHT_HOURS if p is Pollutant.O3 else Averaging.DAY): mean
            for p, mean in means.items()
        },
        on,
    )
