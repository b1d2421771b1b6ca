"""GB 3095: what data are valid, means, limits by date, units."""

import datetime as dt
from decimal import Decimal

import pytest

from huying.standards.air_quality import (
    UnknownUnit,
    daily_largest_eight_hour_mean,
    daily_limit,
    daily_mean,
    is_valid_day,
    is_valid_eight_hours,
    is_valid_hour,
    is_valid_year,
    to_standard_unit,
    yearly_limit,
)
from huying.standards.aqi import Pollutant


def test_thresholds_of_validity() -> None:
    assert (is_valid_hour(44), is_valid_hour(45)) == (False, True)
    assert (is_valid_eight_hours(5), is_valid_eight_hours(6)) == (False, True)
    assert (is_valid_day(19), is_valid_day(20)) == (False, True)
    assert (is_valid_year(323), is_valid_year(324)) == (False, True)


def test_daily_mean_needs_twenty_hours_and_rounds_once() -> None:
    assert daily_mean([10.0] * 19 + [None] * 5, Pollutant.PM25) is None
    assert daily_mean([10.0] * 10 + [11.0] * 10 + [None] * 4, Pollutant.PM25) == Decimal(10)
    assert daily_mean([1.0, 1.5] * 12, Pollutant.CO) == Decimal("1.2")
    assert daily_mean([1.0] * 25, Pollutant.CO) is None


def test_largest_eight_hour_mean() -> None:
    hours: list[float | None] = [20.0] * 24
    hours[10:18] = [180.0] * 8
    assert daily_largest_eight_hour_mean(hours) == Decimal(180)
    hours[12:14] = [None, None]
    assert daily_largest_eight_hour_mean(hours) == Decimal(180)
    hours[14] = None
    # Three of the eight are gone: windows that hold all three no longer count.
    assert daily_largest_eight_hour_mean(hours) is None
    assert daily_largest_eight_hour_mean([20.0] * 23) is None


def test_limits_follow_the_date() -> None:
    day = [daily_limit(Pollutant.PM25, dt.date(year, 6, 1)) for year in (2015, 2025, 2026, 2031)]
    assert day == [75, 75, 60, 50]
    year = [yearly_limit(Pollutant.PM10, dt.date(year, 6, 1)) for year in (2025, 2026, 2031)]
    assert year == [70, 60, 50]
    assert yearly_limit(Pollutant.CO, dt.date(2026, 6, 1)) is None
    assert daily_limit(Pollutant.PM25, dt.date(2026, 2, 28)) == 75


@pytest.mark.parametrize(
    ("pollutant", "value", "unit", "expected"),
    [
        (Pollutant.PM25, 35000, "ng/m³", 35.0),
        (Pollutant.PM25, 0.035, "mg/m3", 35.0),
        (Pollutant.SO2, 7, "ug/m3", 7.0),
        (Pollutant.SO2, 7, "μg/m³", 7.0),
        (Pollutant.CO, 1.1, "mg/m³", 1.1),
        (Pollutant.CO, 1100, "µg/m³", 1.1),
    ],
)
def test_units(pollutant: Pollutant, value: float, unit: str, expected: float) -> None:
    assert to_standard_unit(pollutant, value, unit) == expected


def test_an_unknown_unit_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownUnit, match="µg/m³"):
        to_standard_unit(Pollutant.CO, 1, "ppm")
