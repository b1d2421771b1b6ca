"""A year of hourly air, water and noise data, and where the instruments stand.

PM2.5 is a county-wide background (season, hour, a slow random walk, haze episodes of some days)
times the place of each station, plus short local plumes: burning, dust, a factory. The other
values follow it as they do in the real world. Units: µg/m³, CO mg/m³, ℃, %, kPa, m/s, degrees.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huying.simulation.fiction.land import GridPlace, Land
from huying.simulation.fiction.offices import demo_grid
from huying.standards.deadlines import SHANGHAI

AIR_CODES = (
    "a34004",
    "a34002",
    "a21026",
    "a21004",
    "a21005",
    "a05024",
    "a01001",
    "a01002",
    "a01006",
    "a01007",
    "a01008",
)
WATER_CODES = ("w01001", "w01009", "w01010", "w21003", "w21011", "w01019")
NOISE_CODES = ("Leq",)
WATER_STATIONS, NOISE_STATIONS = 3, 4
_PASSWORD = "123456"  # noqa: S105  # the default of HJ 212 devices everywhere; these are fictional

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A device: `grid` is an index into the land's grids."""

    mn: str
    name: str
    kind: str  # AIR | WATER | NOISE
    codes: tuple[str, ...]
    password: str
    grid: int
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Plume:
    """A true local source: the alerts it causes are true alarms."""

    station: int
    start: int  # hour from the beginning
    hours: int
    height: float  # µg/m³ at its peak
    cause: str  # a choice of the environmental alert's `cause`


@dataclass(frozen=True, slots=True)
class Weather:
    """Hourly values, shape (hours, stations, codes); `plumes` and `spikes` are the truth."""

    first_hour: dt.datetime
    values: Values
    haze: npt.NDArray[np.bool_]
    plumes: list[Plume]
    spikes: list[tuple[int, int]]  # (station, hour) where the instrument lied

    @property
    def hours(self) -> int:
        return len(self.values)


def instruments(land: Land, stations: int, rng: np.random.Generator) -> list[Instrument]:
    """Air stations over the whole county, three at least, the first in the demonstration's grid."""
    special = demo_grid(land)
    order = [at for at, g in enumerate(land.grids) if g.code == special.code]
    town = [at for at, g in enumerate(land.grids) if g.urban and at not in order]
    country = [at for at, g in enumerate(land.grids) if not g.urban]
    # Three neighbours of the first: one place that several instruments watch.
    near = sorted(town, key=lambda at: _apart(land.grids[at], special))[:2]
    rest_town = [town[i] for i in rng.permutation(len(town)) if town[i] not in near]
    rest_country = [country[i] for i in rng.permutation(len(country))]
    wanted_town = max(0, round(stations * 0.45) - 3)
    order += near + _as_many(rest_town, wanted_town)
    order += _as_many(rest_country, stations - len(order))
    found: list[Instrument] = []
    for number, at in enumerate(order, start=1):
        lon, lat = land.random_point(land.grids[at], rng)
        bare = land.village(land.grids[at].village_code).name
        bare = bare.removesuffix("社区").removesuffix("村")
        ordinal = len([one for one in found if one.name.startswith(f"{bare}空气站")]) + 1
        suffix = f"{ordinal}号" if ordinal > 1 else ""
        found.append(
            Instrument(
                mn=f"990101A34004{number:012X}",
                name=f"{bare}空气站{suffix}",
                kind="AIR",
                codes=AIR_CODES,
                password=_PASSWORD,
                grid=at,
                lon=lon,
                lat=lat,
            )
        )
    for number in range(1, WATER_STATIONS + 1):
        at = rest_country[-number]
        lon, lat = land.random_point(land.grids[at], rng)
        place = land.village(land.grids[at].village_code).name.removesuffix("村")
        found.append(
            Instrument(
                mn=f"990101C01001{number:012X}",
                name=f"清河{place}断面水质站",
                kind="WATER",
                codes=WATER_CODES,
                password=_PASSWORD,
                grid=at,
                lon=lon,
                lat=lat,
            )
        )
    for number in range(1, NOISE_STATIONS + 1):
        at = town[number * 5 % len(town)]
        lon, lat = land.random_point(land.grids[at], rng)
        place = land.village(land.grids[at].village_code).name.removesuffix("社区")
        found.append(
            Instrument(
                mn=f"990101B00000{number:012X}",
                name=f"{place}噪声站",
                kind="NOISE",
                codes=NOISE_CODES,
                password=_PASSWORD,
                grid=at,
                lon=lon,
                lat=lat,
            )
        )
    return found


def _as_many(grids: list[int], count: int) -> list[int]:
    """So many of them; round again where there are fewer."""
    return [grids[at % len(grids)] for at in range(count)]


def _apart(one: GridPlace, other: GridPlace) -> float:
    (x0, y0), (x1, y1) = one.centre, other.centre
    return float(np.hypot(x0 - x1, y0 - y1))


@dataclass(frozen=True, slots=True)
class Sky:
    """What all stations share, hour by hour: season, haze, the background of PM2.5."""

    first_hour: dt.datetime
    hour: npt.NDArray[np.int64]  # of the local day
    day: Values  # of the year
    cold: Values  # +1 in mid-January, −1 in mid-July
    haze: npt.NDArray[np.bool_]
    background: Values


def sky(last_hour: dt.datetime, days: int, rng: np.random.Generator) -> Sky:
    """Every hour of `days` days up to `last_hour` (inclusive)."""
    hours = days * 24
    first = last_hour - dt.timedelta(hours=hours - 1)
    local = first.astimezone(SHANGHAI)
    hour = (local.hour + np.arange(hours)) % 24
    day = (local.timetuple().tm_yday - 1 + (local.hour + np.arange(hours)) / 24.0) % 365.25
    cold = np.cos((day - 15) / 365.25 * 2 * np.pi)
    haze, episode = _haze(hours, cold, rng)
    background = np.clip(38 + 22 * cold, 12, None) * (
        1 + 0.22 * np.cos((hour - 7) / 24 * 2 * np.pi)
    )
    background = background * np.exp(_walk(hours, 0.985, 0.055, rng)) + episode
    return Sky(first, hour, day, cold, haze, background)


def weather(over: Sky, stations: int, rng: np.random.Generator) -> Weather:
    """Values of so many air stations under one sky."""
    hours = len(over.background)
    factor = rng.uniform(0.86, 1.16, stations)
    drift = np.exp(_walks(hours, 0.97, 0.035, stations, rng))
    pm25 = over.background[:, None] * factor * drift
    plumes = _plumes(stations, hours, over.cold, rng)
    for one in plumes:
        shape = np.sin(np.linspace(0.35, np.pi - 0.35, one.hours))
        end = min(one.start + one.hours, hours)
        pm25[one.start : end, one.station] += one.height * shape[: end - one.start]
    # Not in the first and the last day, where the history is long enough for that.
    margin = min(24, hours // 3)
    spikes = [
        (int(rng.integers(stations)), int(rng.integers(margin, hours - margin)))
        for _ in range(max(1, hours // 400))
    ]
    for station, at in spikes:
        pm25[at, station] = rng.uniform(260, 620)
    # The evening of the demonstration begins clean: nothing is open when it starts.
    pm25[-12:] = np.minimum(pm25[-12:], 84)
    pm25 = np.clip(pm25, 4, 900)
    values = _others(pm25, over.hour, over.cold, over.day, rng)
    return Weather(over.first_hour, np.round(values, 3), over.haze, plumes, spikes)


def _walks(count: int, keep: float, step: float, walkers: int, rng: np.random.Generator) -> Values:
    """`_walk` of several side by side, shape (count, walkers)."""
    result = rng.normal(0, step, (walkers, count)).T.copy()
    for at in range(1, count):
        result[at] += keep * result[at - 1]
    return result


def _walk(count: int, keep: float, step: float, rng: np.random.Generator) -> Values:
    """An autoregressive random walk around 0."""
    result = rng.normal(0, step, count)
    for at in range(1, count):
        result[at] += keep * result[at - 1]
    return result


def _haze(
    hours: int, cold: Values, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], Values]:
    """Some episodes of one to four days, most in winter: (when, how much more PM2.5)."""
    extra = np.zeros(hours)
    for _ in range(max(1, hours // 900)):
        start = int(rng.integers(0, max(1, hours - 120)))
        if rng.random() > 0.25 + 0.75 * max(0.0, float(cold[start])):
            continue
        length = int(rng.integers(24, 84))
        rise = np.sin(np.linspace(0, np.pi, length)) ** 1.3 * rng.uniform(45, 105)
        end = min(start + length, hours)
        extra[start:end] = np.maximum(extra[start:end], rise[: end - start])
    return extra > 25, extra


_CAUSES = (
    ("OPEN_BURNING", 0.34),
    ("CONSTRUCTION_DUST", 0.20),
    ("FACTORY", 0.16),
    ("COAL_FIRES", 0.14),
    ("ROAD_DUST", 0.10),
    ("COOKING", 0.06),
)


def _plumes(stations: int, hours: int, cold: Values, rng: np.random.Generator) -> list[Plume]:
    """Local sources: about four a station and year, short and strong."""
    count = max(2, round(stations * hours / 24 / 365 * 3.6))
    names = [name for name, _ in _CAUSES]
    shares = np.array([share for _, share in _CAUSES])
    found = []
    for _ in range(count):
        start = int(rng.integers(0, max(1, hours - 30)))
        found.append(
            Plume(
                station=int(rng.integers(stations)),
                start=start,
                hours=int(rng.integers(3, 9)),
                height=float(rng.uniform(90, 260) * (1 + 0.2 * max(0.0, float(cold[start])))),
                cause=str(rng.choice(names, p=shares / shares.sum())),
            )
        )
    return sorted(found, key=lambda one: (one.start, one.station))


def _others(
    pm25: Values,
    hour: npt.NDArray[np.int64],
    cold: Values,
    day: Values,
    rng: np.random.Generator,
) -> Values:
    """All codes of AIR_CODES, from PM2.5, season and hour."""
    hours, stations = pm25.shape

    def noise(scale: float) -> Values:
        return np.exp(rng.normal(0, scale, (hours, stations)))

    sun = np.clip(np.cos((hour - 14) / 24 * 2 * np.pi), 0, None)
    warm = (1 - cold) / 2
    dust = np.where((day > 70) & (day < 135), rng.random(hours) < 0.012, False)
    dusty = np.convolve(dust, np.ones(10), "same") > 0
    pm10 = pm25 * rng.uniform(1.35, 1.7, stations) * noise(0.06) + np.where(dusty, 160, 0)[:, None]
    so2 = np.clip(6 + 9 * np.clip(cold, 0, 1)[:, None] * noise(0.2) + pm25 * 0.03, 2, None)
    no2 = np.clip(14 + 12 * (1 - sun)[:, None] + pm25 * 0.13, 4, None) * noise(0.12)
    co = np.clip(0.35 + pm25 * 0.0062, 0.2, None) * noise(0.08)
    o3 = np.clip(22 + 165 * (sun * (0.25 + warm))[:, None] * noise(0.12) - no2 * 0.25, 3, None)
    mean_temperature = 13.5 - 15.5 * cold + 4.6 * np.cos((hour - 15) / 24 * 2 * np.pi)
    temperature = (mean_temperature + _walk(hours, 0.99, 0.35, rng))[:, None]
    temperature = temperature + rng.normal(0, 0.25, (hours, stations))
    humidity = np.clip(62 - 14 * sun[:, None] + 12 * warm[:, None] + pm25 * 0.06, 12, 99)
    pressure = (101.6 + 0.9 * cold + _walk(hours, 0.99, 0.03, rng))[:, None] + np.zeros_like(pm25)
    wind = np.clip(2.6 - pm25 * 0.008 + sun[:, None] * 0.9, 0.2, None) * noise(0.2)
    direction = (180 + 90 * _walk(hours, 0.98, 0.2, rng))[:, None] + rng.normal(
        0, 8, (hours, stations)
    )
    return np.stack(
        [
            np.round(pm25),
            np.round(pm10),
            np.round(so2),
            np.round(no2),
            np.round(co, 1),
            np.round(o3),
            np.round(temperature, 1),
            np.round(humidity),
            np.round(pressure, 2),
            np.round(wind, 1),
            np.round(direction % 360),
        ],
        axis=2,
    )


def water(hours: int, stations: int, rng: np.random.Generator) -> Values:
    """Hourly values of WATER_CODES, shape (hours, stations, codes)."""
    season = np.sin(np.arange(hours) / 8766 * 2 * np.pi)
    ph = 7.8 + 0.15 * rng.standard_normal((hours, stations)).cumsum(axis=0) / 90
    oxygen = 8.4 - 1.6 * season[:, None] + rng.normal(0, 0.2, (hours, stations))
    temperature = 14 + 10 * season[:, None] + rng.normal(0, 0.4, (hours, stations))
    ammonia = np.clip(0.35 + rng.normal(0, 0.06, (hours, stations)), 0.03, None)
    phosphorus = np.clip(0.09 + rng.normal(0, 0.012, (hours, stations)), 0.01, None)
    permanganate = np.clip(4.1 + rng.normal(0, 0.3, (hours, stations)), 0.5, None)
    stacked = [np.clip(ph, 6.4, 8.9), oxygen, temperature, ammonia, phosphorus, permanganate]
    return np.asarray(np.round(np.stack(stacked, axis=2), 3), dtype=np.float64)


def noise(hours: int, stations: int, first_local_hour: int, rng: np.random.Generator) -> Values:
    """Hourly Leq in dB, shape (hours, stations, 1)."""
    hour = (first_local_hour + np.arange(hours)) % 24
    day = 52 + 7 * np.clip(np.cos((hour - 15) / 24 * 2 * np.pi), -0.9, None)
    level: Values = np.round(day[:, None] + rng.normal(0, 2.2, (hours, stations)), 1)
    return level[:, :, None]
