"""Instruments and a year of their hours."""

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np

from huying.directory.permissions import Actor
from huying.sensing import actions
from huying.simulation.fiction import air
from huying.simulation.fiction.air import Instrument, Weather
from huying.simulation.fiction.land import Land
from huying.standards.deadlines import SHANGHAI

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


def build_hours(
    instruments: Sequence[Instrument],
    last_hour: dt.datetime,
    days: int,
    left: Mapping[str, int],
    rng: np.random.Generator,
    by: Actor,
) -> tuple[Weather, list[actions.PastAlert]]:
    """Hourly values up to `last_hour` (inclusive, start of the hour) and the alerts of them.

    `left`: so many hours of a device (MN) are not there yet.
    """
    weather = air.weather(list(instruments), last_hour, days, rng)
    first = weather.first_hour
    waters = [one for one in instruments if one.kind == "WATER"]
    noises = [one for one in instruments if one.kind == "NOISE"]
    of_water = air.water(weather.hours, len(waters), rng)
    of_noise = air.noise(weather.hours, len(noises), first.astimezone(SHANGHAI).hour, rng)
    series = []
    places = {"AIR": weather.values, "WATER": of_water, "NOISE": of_noise}
    counted = dict.fromkeys(places, 0)
    for one in instruments:
        at = counted[one.kind]
        counted[one.kind] += 1
        known = weather.hours - left.get(one.mn, 0)
        series.append(actions.HourSeries(one.mn, one.codes, first, places[one.kind][:known, at, :]))
    alerts = actions.import_hours(series=series, by=by)
    heard = last_hour + dt.timedelta(hours=1, seconds=8)
    actions.note_last_heard(
        heard=[
            (one.mn, heard - dt.timedelta(hours=late), weather.hours - late)
            for one in instruments
            for late in (left.get(one.mn, 0),)
        ],
        by=by,
    )
    return weather, alerts
