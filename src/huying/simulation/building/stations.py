"""Instruments and a year of their hours."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from huying.directory.permissions import Actor
from huying.sensing import actions
from huying.simulation.fiction import air
from huying.simulation.fiction.air import Instrument, Sky, Weather
from huying.simulation.fiction.land import Land
from huying.standards.deadlines import SHANGHAI

STATIONS_A_BLOCK = 40

# Devices of the field send µg/m³ whatever annex B of HJ 212-2017 says.
_UNITS = {
    "AIR": {
        "a34004": "µg/m³",
        "a34002": "µg/m³",
        "a21026": "µg/m³",
        "a21004": "µg/m³",
        "a21005": "mg/m³",
        "a05024": "µg/m³",
    },
    "WATER": {},
    "NOISE": {},
}


def register(land: Land, instruments: Sequence[Instrument], ecology_id: int, by: Actor) -> None:
    """The devices, with the units they send."""
    actions.register_devices(
        devices=[
            actions.NewDevice(
                mn=one.mn,
                name=one.name,
                kind=one.kind,
                password=one.password,
                grid_code=land.grids[one.grid].code,
                division_code=land.grids[one.grid].village_code,
                organisation_id=ecology_id,
                lon=one.lon,
                lat=one.lat,
                units=_UNITS[one.kind],
            )
            for one in instruments
        ],
        by=by,
    )


@dataclass(frozen=True, slots=True)
class Block:
    """Instruments whose past is made together, with random numbers of their own."""

    instruments: Sequence[Instrument]
    rng: np.random.Generator
    rng_of_cases: np.random.Generator

    def of(self, kind: str) -> list[Instrument]:
        return [one for one in self.instruments if one.kind == kind]


def blocks(
    instruments: Sequence[Instrument], rng: np.random.Generator, rng_of_cases: np.random.Generator
) -> list[Block]:
    """All instruments in blocks of air stations; those of water and noise are in the first."""
    air_stations = [one for one in instruments if one.kind == "AIR"]
    others = [one for one in instruments if one.kind != "AIR"]
    starts = range(0, len(air_stations), STATIONS_A_BLOCK)
    streams = [rng, *rng.spawn(len(starts) - 1)]
    of_cases = [rng_of_cases, *rng_of_cases.spawn(len(starts) - 1)]
    return [
        Block(
            air_stations[start : start + STATIONS_A_BLOCK] + (others if start == 0 else []),
            streams[number],
            of_cases[number],
        )
        for number, start in enumerate(starts)
    ]


def make_room(sky: Sky, by: Actor) -> None:
    """The partitions for all hours, before several processes write into them."""
    first = int(sky.first_hour.timestamp())
    actions.ensure_partitions(
        times=range(first, first + (len(sky.hour) + 25) * 3600, 86_400), by=by
    )


def build_hours(
    block: Block, sky: Sky, left: Mapping[str, int], by: Actor
) -> tuple[Weather, list[actions.PastAlert], int]:
    """Hourly values of a block's instruments: the weather, its alerts, how many values.

    `left`: so many hours of a device (MN) are not there yet.
    """
    rng, first = block.rng, sky.first_hour
    weather = air.weather(sky, len(block.of("AIR")), rng)
    places = {"AIR": weather.values}
    if block.of("WATER"):
        places["WATER"] = air.water(weather.hours, len(block.of("WATER")), rng)
    if block.of("NOISE"):
        hour = first.astimezone(SHANGHAI).hour
        places["NOISE"] = air.noise(weather.hours, len(block.of("NOISE")), hour, rng)
    series = []
    counted = dict.fromkeys(places, 0)
    for one in block.instruments:
        at = counted[one.kind]
        counted[one.kind] += 1
        known = weather.hours - left.get(one.mn, 0)
        series.append(actions.HourSeries(one.mn, one.codes, first, places[one.kind][:known, at, :]))
    alerts = actions.import_hours(series=series, by=by)
    end = first + dt.timedelta(hours=weather.hours, seconds=8)
    actions.note_last_heard(
        heard=[
            (one.mn, end - dt.timedelta(hours=late), weather.hours - late)
            for one in block.instruments
            for late in (left.get(one.mn, 0),)
        ],
        by=by,
    )
    return weather, alerts, sum(one.values.size for one in series)
