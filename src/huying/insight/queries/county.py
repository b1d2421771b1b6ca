"""The county at a glance: the morning page and the command screen.

Every figure comes from the tallies of the cases room and the rollups of sensing; nothing here
reads history.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import orjson
from django.utils.translation import gettext as _

from huying.cases import queries as cases
from huying.cases.queries import CaseRow, DayFigures, QueueFilters
from huying.directory import queries as directory
from huying.directory.permissions import Actor, Permission
from huying.sensing import queries as sensing
from huying.sensing.queries import AlertView
from huying.standards.deadlines import SHANGHAI

MEASURES = ("OPEN", "OVERDUE", "RECEIVED_7_DAYS", "ALERTS")
# Drawn at the scale of a county: about 30 m is unseen.
MAP_TOLERANCE = 0.0003


@dataclass(frozen=True, slots=True)
class LateUnit:
    """Whose turn it is, and how many of its open cases are past due."""

    organisation_id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Morning:
    """Yesterday in three numbers, what to do first, what is late."""

    day: DayFigures
    on_time_percent: float | None  # None: nothing was closed
    overdue: int
    first: tuple[CaseRow, ...]
    late_units: tuple[LateUnit, ...]
    alerts: tuple[AlertView, ...]


def morning(actor: Actor, now: datetime) -> Morning:
    """The morning page of a leader. `first` holds at most three cases: what is overdue, the
    most urgent and the longest overdue first, then what will be due soonest."""
    today = now.astimezone(SHANGHAI).date()
    within = actor.reach(Permission.INDICATOR_VIEW)
    (day,) = cases.day_figures(today - timedelta(days=1), within=within)
    units = tuple(LateUnit(*row) for row in cases.overdue_by_unit(now, within))
    candidates = cases.queue(actor, QueueFilters(), limit=60, now=now).rows
    return Morning(
        day=day,
        on_time_percent=100 * day.closed_on_time / day.closed if day.closed else None,
        overdue=sum(unit.count for unit in units),
        first=tuple(sorted(candidates, key=_pressing)[:3]),
        late_units=units[:6],
        alerts=tuple(sensing.open_alerts(actor, limit=3)),
    )


_URGENCIES = {"EMERGENCY": 0, "URGENT": 1, "NORMAL": 2}


def _pressing(row: CaseRow) -> tuple[bool, int, int, float]:
    due = row.due_at.timestamp() if row.due_at else float("inf")
    return (
        row.status != "OVERDUE",
        _URGENCIES.get(row.urgency, 2),
        -row.people_involved,
        due,
    )


@dataclass(frozen=True, slots=True)
class CommandScreen:
    """The day so far on the left, what is late on the right."""

    received: int
    closed: int
    alerts: int
    open: int
    overdue: int
    newest: tuple[CaseRow, ...]
    late: tuple[CaseRow, ...]


def command_screen(actor: Actor, now: datetime) -> CommandScreen:
    today = now.astimezone(SHANGHAI).date()
    (day,) = cases.day_figures(today, within=actor.reach(Permission.INDICATOR_VIEW))
    counts = cases.queue_counts(actor, now=now)
    today_began = datetime.combine(today, time.min, SHANGHAI)
    # The latest few of all, not of today: early in the day the database would look through all
    # cases for as many of today.
    latest = cases.queue(actor, QueueFilters(closed=None), order="NEWEST", limit=6, now=now).rows
    newest = [row for row in latest if row.created_at >= today_began]
    late = cases.queue(actor, QueueFilters(overdue=True), limit=8, now=now).rows
    return CommandScreen(
        received=day.received,
        closed=day.closed,
        alerts=len(sensing.open_alerts(actor)),
        open=counts.open,
        overdue=counts.overdue,
        newest=tuple(newest),
        late=tuple(late),
    )


def grids_shaded(actor: Actor) -> bytes:
    """All grids as GeoJSON (EPSG:4490), each with every measure as a property in lower case;
    nothing is counted outside the territory in which the actor sees indicators."""
    within = actor.reach(Permission.INDICATOR_VIEW)
    document: dict[str, Any] = orjson.loads(directory.grids_geojson(tolerance=MAP_TOLERANCE))
    values = {
        measure.lower(): {
            row.grid_code: row.value for row in cases.grid_measures(measure, within=within)
        }
        for measure in MEASURES
    }
    for feature in document["features"]:
        properties = feature["properties"]
        for name, of_grid in values.items():
            properties[name] = of_grid.get(properties["code"], 0)
        properties["short_name"] = properties["name"]
        properties["url"] = f"/desk/?grid={properties['code']}"
    return orjson.dumps(document)


def open_alert_points(actor: Actor) -> dict[str, Any]:
    """Open alerts as GeoJSON points."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [alert.lon, alert.lat]},
            "properties": {
                "name": alert.device_name,
                "words": alert.finding,
                "level": "ALERT",
                "kind": str(_("正在预警")),
                "url": f"/sensing/devices/{alert.device_mn}/",
            },
        }
        for alert in sensing.open_alerts(actor)
        if alert.lon is not None and alert.lat is not None
    ]
    return {"type": "FeatureCollection", "features": features}


def hours_of_the_worst_station(actor: Actor, now: datetime) -> dict[str, Any]:
    """Chart of the last 24 hours of PM2.5 at the station of the newest open alert, else at the
    station whose latest hour is the highest; empty where no station has an hour of them."""
    since = now - timedelta(hours=24)
    alerts = [a for a in sensing.open_alerts(actor, limit=20) if a.property_code == PM25]
    if alerts:
        device_id, name, limit = alerts[0].device_id, alerts[0].device_name, alerts[0].threshold
    else:
        found = sensing.highest_hour(actor, kind="AIR", code=PM25, since=since)
        if found is None:
            return {"type": "line", "unit": "µg/m³", "x": [], "series": []}
        (device_id, name), limit = found, None
    hours = sensing.station_hours(device_id, since=since, until=now, codes=[PM25])
    return {
        "type": "line",
        "unit": "µg/m³",
        "x": [row.at.astimezone(SHANGHAI).strftime("%H:%M") for row in hours],
        "series": [
            {
                "name": f"{name} PM2.5",
                "values": [row.means.get(PM25) for row in hours],
                "role": "main",
            }
        ],
        **({"threshold": {"value": limit, "label": _("预警值")}} if limit else {}),
    }


PM25 = "a34004"
