"""A year of air: plausible values, known causes, valid device numbers."""

import datetime as dt
import re

import numpy as np
import pytest

from huying.simulation.fiction import air, land
from huying.simulation.fiction.offices import demo_grid
from huying.simulation.fiction.sizes import Size

LAST = dt.datetime(2026, 11, 22, 6, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def county() -> land.Land:
    return land.build(Size.of(1_000), np.random.default_rng(3))


@pytest.fixture(scope="module")
def devices(county: land.Land) -> list[air.Instrument]:
    return air.instruments(county, 40, np.random.default_rng(4))


@pytest.fixture(scope="module")
def weather(devices: list[air.Instrument]) -> air.Weather:
    rng = np.random.default_rng(5)
    stations = sum(one.kind == "AIR" for one in devices)
    return air.weather(air.sky(LAST, 365, rng), stations, rng)


def test_forty_air_stations_and_some_of_water_and_noise(devices: list[air.Instrument]) -> None:
    kinds = [one.kind for one in devices]
    assert kinds.count("AIR") == 40
    assert kinds.count("WATER") == air.WATER_STATIONS
    assert kinds.count("NOISE") == air.NOISE_STATIONS
    assert all(re.fullmatch(r"[0-9A-F]{24}", one.mn) for one in devices)
    assert len({one.mn for one in devices}) == len({one.name for one in devices}) == len(devices)


def test_the_first_station_stands_in_the_demonstrations_grid(
    county: land.Land, devices: list[air.Instrument]
) -> None:
    assert county.grids[devices[0].grid].code == demo_grid(county).code


def test_stations_stand_in_their_grids(county: land.Land, devices: list[air.Instrument]) -> None:
    from shapely.geometry import Point

    for one in devices:
        assert county.grids[one.grid].polygon.contains(Point(one.lon, one.lat))


def test_hours_are_complete_and_values_possible(weather: air.Weather) -> None:
    assert weather.values.shape == (365 * 24, 40, len(air.AIR_CODES))
    assert weather.first_hour + dt.timedelta(hours=weather.hours - 1) == LAST
    assert np.isfinite(weather.values).all()
    of = dict(zip(air.AIR_CODES, np.moveaxis(weather.values, 2, 0), strict=True))
    assert of["a34004"].min() >= 0
    assert (of["a34002"] > of["a34004"] * 0.8).all()
    assert 0 <= of["a01002"].min() <= of["a01002"].max() <= 100
    assert 0 <= of["a01008"].min() <= of["a01008"].max() <= 360


def test_winter_is_worse_than_summer(weather: air.Weather) -> None:
    months = np.array(
        [(weather.first_hour + dt.timedelta(hours=h)).month for h in range(weather.hours)]
    )
    pm25 = weather.values[:, :, 0].mean(axis=1)
    assert pm25[np.isin(months, [12, 1])].mean() > 1.5 * pm25[np.isin(months, [6, 7])].mean()


def test_plumes_raise_their_station(weather: air.Weather) -> None:
    raised = 0
    for one in weather.plumes:
        middle = min(one.start + one.hours // 2, weather.hours - 13)
        others = np.delete(weather.values[middle, :, 0], one.station)
        raised += bool(weather.values[middle, one.station, 0] > np.median(others) + one.height / 2)
    assert raised > 0.9 * len(weather.plumes)


def test_the_history_ends_clean(weather: air.Weather) -> None:
    assert weather.values[-12:, :, 0].max() < 115


def _few(days: int) -> air.Weather:
    rng = np.random.default_rng(8)
    return air.weather(air.sky(LAST, days, rng), 5, rng)


def test_a_seed_reproduces() -> None:
    assert (_few(10).values == _few(10).values).all()


@pytest.mark.parametrize("days", [1, 2, 3])
def test_a_history_may_be_short(days: int) -> None:
    assert _few(days).values.shape == (days * 24, 5, len(air.AIR_CODES))
