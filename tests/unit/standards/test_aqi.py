"""HJ 633: break points, caps, rounding, levels, and the change of 2026-03-01."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.aqi import (
    EDITIONS,
    AirLevel,
    Averaging,
    NoIndex,
    Pollutant,
    aqi,
    daily_aqi,
    edition_on,
    hourly_aqi,
    iaqi,
    level,
)
from huying.standards.rounding import NotANumber

OLD, NEW = dt.date(2026, 2, 28), dt.date(2026, 3, 1)
INDEX = (0, 50, 100, 150, 200, 300, 400, 500)
COLUMNS = sorted(EDITIONS[0].break_points)


@pytest.mark.parametrize(
    ("pollutant", "value", "on", "expected"),
    [
        (Pollutant.PM25, 60, NEW, 100),
        (Pollutant.PM25, 75, NEW, 114),
        (Pollutant.PM10, 150, NEW, 112),
        (Pollutant.PM25, 75, OLD, 100),
        (Pollutant.PM10, 150, OLD, 100),
        (Pollutant.PM25, 35.5, NEW, 52),
        (Pollutant.PM25, 34.5, NEW, 49),
        (Pollutant.CO, 2.05, NEW, 50),
        (Pollutant.CO, 2.06, NEW, 53),
        (Pollutant.PM25, 0, NEW, 0),
        (Pollutant.PM25, 0.4, NEW, 0),
        (Pollutant.PM25, 1, NEW, 2),
    ],
)
def test_vectors(pollutant: Pollutant, value: float, on: dt.date, expected: int) -> None:
    assert iaqi(pollutant, Averaging.DAY, value, on) == expected


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda e: e.name)
def test_every_break_point_has_its_index(edition: object) -> None:
    for chosen in (e for e in EDITIONS if e is edition):
        for (pollutant, averaging), points in chosen.break_points.items():
            assert all(a < b for a, b in pairwise(points))
            for index, point in zip(INDEX, points, strict=False):
                assert iaqi(pollutant, averaging, point, chosen.in_force) == index


@pytest.mark.parametrize(
    ("pollutant", "averaging", "value", "expected"),
    [
        (Pollutant.SO2, Averaging.HOUR, 801, 200),
        (Pollutant.SO2, Averaging.HOUR, 5000, 200),
        (Pollutant.O3, Averaging.EIGHT_HOURS, 801, 300),
        (Pollutant.O3, Averaging.HOUR, 5000, 500),
        (Pollutant.PM25, Averaging.DAY, 501, 500),
        (Pollutant.PM25, Averaging.HOUR, 75, 114),
    ],
)
def test_caps_and_hourly_particulates(
    pollutant: Pollutant, averaging: Averaging, value: float, expected: int
) -> None:
    assert iaqi(pollutant, averaging, value, NEW) == expected


def test_what_has_no_index() -> None:
    with pytest.raises(NoIndex, match="负值"):
        iaqi(Pollutant.PM25, Averaging.DAY, -3, NEW)
    with pytest.raises(NoIndex, match="没有规定"):
        iaqi(Pollutant.CO, Averaging.EIGHT_HOURS, 1, NEW)
    with pytest.raises(NotANumber):
        iaqi(Pollutant.CO, Averaging.DAY, float("nan"), NEW)
    with pytest.raises(NoIndex):
        aqi({}, NEW)


def test_the_maximum_and_its_causes() -> None:
    result = daily_aqi({Pollutant.PM25: 75, Pollutant.PM10: 100, Pollutant.O3: 160}, NEW)
    assert (result.value, result.level, result.primary) == (114, AirLevel.LIGHT, (Pollutant.PM25,))
    assert result.iaqi[Pollutant.O3] == 100
    assert result.edition == "HJ 633-2026"
    tied = daily_aqi({Pollutant.PM25: 60, Pollutant.O3: 160}, NEW)
    assert tied.primary == (Pollutant.O3, Pollutant.PM25)
    clean = daily_aqi({Pollutant.PM25: 35}, NEW)
    assert (clean.value, clean.level, clean.primary) == (50, AirLevel.EXCELLENT, ())


def test_several_averaging_times_of_one_pollutant_and_the_hourly_report() -> None:
    both = {
        (Pollutant.O3, Averaging.HOUR): 100,
        (Pollutant.O3, Averaging.EIGHT_HOURS): 160,
    }
    assert aqi(both, NEW).iaqi == {Pollutant.O3: 100}
    assert hourly_aqi({Pollutant.O3: 200, Pollutant.PM10: 120}, NEW).primary == (
        Pollutant.O3,
        Pollutant.PM10,
    )


@pytest.mark.parametrize(
    ("value", "zh", "rgb"),
    [
        (0, "优", (0, 228, 0)),
        (50, "优", (0, 228, 0)),
        (51, "良", (255, 255, 0)),
        (101, "轻度污染", (255, 126, 0)),
        (151, "中度污染", (255, 0, 0)),
        (201, "重度污染", (153, 0, 76)),
        (300, "重度污染", (153, 0, 76)),
        (301, "严重污染", (126, 0, 35)),
        (500, "严重污染", (126, 0, 35)),
    ],
)
def test_levels(value: int, zh: str, rgb: tuple[int, int, int]) -> None:
    assert (level(value).zh, level(value).rgb) == (zh, rgb)
    assert level(value).en


def test_editions_by_date() -> None:
    assert edition_on(OLD).name == "HJ 633-2012"
    assert edition_on(NEW).name == "HJ 633-2026"
    assert edition_on(dt.date(2013, 1, 1)).name == "HJ 633-2012"
    assert Pollutant.PM25.hj212_code == "a34004"


@given(
    column=st.sampled_from(COLUMNS),
    value=st.floats(0, 5000),
    more=st.floats(0, 100),
    on=st.sampled_from([OLD, NEW]),
)
def test_more_pollution_never_lowers_the_index(
    column: tuple[Pollutant, Averaging], value: float, more: float, on: dt.date
) -> None:
    low, high = iaqi(*column, value, on), iaqi(*column, value + more, on)
    assert 0 <= low <= high <= 500
