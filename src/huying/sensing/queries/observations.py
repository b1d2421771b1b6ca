"""What was measured, for pages, the API and the rooms above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, Subquery
from django.db.models.expressions import RawSQL
from django.utils import timezone

from huying.directory.permissions import Actor
from huying.sensing.models import Alert, Device, HourlyMean, Property
from huying.standards import aqi


@dataclass(frozen=True, slots=True)
class LatestValue:
    """One property of a device as it was last sent, in stored units."""

    code: str
    name: str
    unit: str
    decimals: int
    value: float
    flag: str


@dataclass(frozen=True, slots=True)
class StationRow:
    """A device with its newest observation and its open alerts. `at` None: nothing sent yet."""

    device_id: int
    mn: str
    name: str
    kind: str
    enabled: bool
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str | None
    period: str
    at: datetime | None
    values: tuple[LatestValue, ...]
    last_heard_at: datetime | None
    flooded_at: datetime | None
    drift_seconds: int | None
    clock_at: datetime | None
    clock_result: str
    """What became of the last command to set its clock: `DeviceState.ClockResult`, or empty."""
    clock_code: int | None
    open_alerts: int
    aqi: aqi.Aqi | None
    """The hourly index, where the newest values are hourly."""

    def value(self, code: str) -> LatestValue | None:
        return next((value for value in self.values if value.code == code), None)


# The newest row of each kind comes off the index; of those, the one whose period ended last.
_LATEST = """
SELECT d.id, o.kind, o.at, o.properties, o.values, o.flags
FROM unnest(%s::bigint[]) AS d (id)
CROSS JOIN LATERAL (
    SELECT * FROM (
        (SELECT kind, at, properties, "values", flags, interval '0' AS span
         FROM sensing_observation WHERE device_id = d.id AND kind = 'REALTIME'
         ORDER BY at DESC LIMIT 1)
        UNION ALL
        (SELECT kind, at, properties, "values", flags, interval '1 minute'
         FROM sensing_observation WHERE device_id = d.id AND kind = 'MINUTE'
         ORDER BY at DESC LIMIT 1)
        UNION ALL
        (SELECT 'HOUR', at, properties, means, repeat('N', cardinality(properties)),
                interval '1 hour'
         FROM sensing_hourly_mean WHERE device_id = d.id ORDER BY at DESC LIMIT 1)
    ) AS newest ORDER BY at + span DESC, span DESC LIMIT 1) AS o
"""


def latest_values(
    actor: Actor, *, kind: str = "", mn: str = "", after_id: int = 0, limit: int = 500
) -> list[StationRow]:
    """The devices an actor may see with their newest values, in order of their ids."""
    devices = Device.objects.visible_to(actor).select_related("state").filter(id__gt=after_id)
    if kind:
        devices = devices.filter(kind=kind)
    if mn:
        devices = devices.filter(mn=mn)
    rows = list(devices.order_by("id")[:limit])
    if not rows:
        return []
    ids = [row.id for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, [ids])
        newest = {line[0]: line[1:] for line in cursor.fetchall()}
    open_now: dict[int, int] = {}
    for device_id in (
        Alert.objects.open().filter(device_id__in=ids).values_list("device_id", flat=True)
    ):
        open_now[device_id] = open_now.get(device_id, 0) + 1
    facts = {item.id: item for item in Property.objects.all()}
    return [_station(row, newest.get(row.id), open_now.get(row.id, 0), facts) for row in rows]


def highest_hour(actor: Actor, *, kind: str, code: str, since: datetime) -> tuple[int, str] | None:
    """Id and name of the device in sight whose latest hour after `since` has the highest mean of
    this property; None where no hour has it."""
    newest = (
        HourlyMean.objects.filter(device_id=OuterRef("id"), at__gt=since)
        .order_by("-at")
        .annotate(mean=RawSQL("means[array_position(properties, %s::smallint)]", [_number(code)]))
        .values("mean")[:1]
    )
    devices = Device.objects.visible_to(actor).filter(kind=kind).annotate(mean=Subquery(newest))
    ordered = devices.order_by(F("mean").desc(nulls_last=True), "id")
    first = ordered.values_list("id", "name", "mean").first()
    return first[:2] if first is not None and first[2] is not None else None


def _number(code: str) -> int | None:
    """The number a property has in the arrays."""
    return Property.objects.filter(code=code).values_list("id", flat=True).first()


def _station(
    row: Device, newest: tuple[Any, ...] | None, open_alerts: int, facts: dict[int, Property]
) -> StationRow:
    state = getattr(row, "state", None)
    period, at, values = "", None, []
    if newest is not None:
        period, at, numbers, amounts, flags = newest
        for number, amount, flag in zip(numbers, amounts, flags, strict=True):
            item = facts[number]
            values.append(LatestValue(item.code, item.name, item.unit, item.decimals, amount, flag))
    return StationRow(
        device_id=row.id,
        mn=row.mn,
        name=row.name,
        kind=row.kind,
        enabled=row.enabled,
        lon=row.lon,
        lat=row.lat,
        grid_code=row.grid_id,
        division_code=row.division_id,
        period=period,
        at=at,
        values=tuple(values),
        last_heard_at=state.last_heard_at if state else None,
        flooded_at=state.flooded_at if state else None,
        drift_seconds=state.drift_seconds if state else None,
        clock_at=state.clock_at if state else None,
        clock_result=state.clock_result if state else "",
        clock_code=state.clock_code if state else None,
        open_alerts=open_alerts,
        aqi=_index(values, facts, at) if period == "HOUR" and at else None,
    )


def _index(
    values: Sequence[LatestValue], facts: dict[int, Property], at: datetime
) -> aqi.Aqi | None:
    pollutants = {item.code: item.pollutant for item in facts.values() if item.pollutant}
    means = {
        aqi.Pollutant(pollutants[value.code]): value.value
        for value in values
        if value.code in pollutants and value.value >= 0
    }
    return aqi.hourly_aqi(means, timezone.localdate(at)) if means else None


@dataclass(frozen=True, slots=True)
class HourRow:
    """One hour of a device: mean by property code, and whether the device reported it."""

    at: datetime
    means: dict[str, float]
    origins: dict[str, str]


def station_hours(
    device_id: int, *, since: datetime, until: datetime, codes: Sequence[str] = ()
) -> list[HourRow]:
    """The hours of a device in [since, until), oldest first; at most 92 days."""
    until = min(until, since + timedelta(days=92))
    names = {item.id: item.code for item in Property.objects.all()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at, properties, means, origins FROM sensing_hourly_mean"
            " WHERE device_id = %s AND at >= %s AND at < %s ORDER BY at",
            [device_id, since, until],
        )
        found = []
        for at, numbers, means, origins in cursor.fetchall():
            chosen = [
                (names[number], mean, origin)
                for number, mean, origin in zip(numbers, means, origins, strict=True)
                if not codes or names[number] in codes
            ]
            if chosen:
                found.append(
                    HourRow(
                        at,
                        {code: mean for code, mean, _ in chosen},
                        {code: origin for code, _, origin in chosen},
                    )
                )
    return found


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day of a device and property; `is_valid`: at least 20 hours (GB 3095-2026)."""

    date: date
    code: str
    mean: float
    hours: int

    @property
    def is_valid(self) -> bool:
        return self.hours >= 20


def daily_means(device_id: int, *, since: date, until: date, code: str) -> list[DayRow]:
    """The days of one property in [since, until), oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.date, d.means[array_position(d.properties, p.id)],"
            " d.hours[array_position(d.properties, p.id)]"
            " FROM sensing_property p JOIN sensing_daily_mean d ON p.id = ANY (d.properties)"
            " WHERE p.code = %s AND d.device_id = %s AND d.date >= %s AND d.date < %s"
            " ORDER BY d.date",
            [code, device_id, since, until],
        )
        return [DayRow(day, code, mean, hours) for day, mean, hours in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class ObservationRow:
    """One stored frame: values by property code, in stored units, with their flags."""

    mn: str
    period: str
    at: datetime
    received_at: datetime
    values: dict[str, float]
    flags: dict[str, str]


def observation_page(
    actor: Actor,
    *,
    mn: str,
    period: str = "REALTIME",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 200,
) -> list[ObservationRow] | None:
    """Observations of one device, oldest first from `since` on; None if it may not be seen.

    The next page begins after the last one's `at`.
    """
    device = Device.objects.visible_to(actor).filter(mn=mn).first()
    if device is None:
        return None
    begin = since or timezone.now() - timedelta(days=1)
    end = until or timezone.now() + timedelta(days=1)
    names = {item.id: item.code for item in Property.objects.all()}
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT at, received_at, properties, "values", flags FROM sensing_observation'
            " WHERE device_id = %s AND kind = %s AND at > %s AND at < %s ORDER BY at LIMIT %s",
            [device.id, period, begin, end, limit],
        )
        return [
            ObservationRow(
                mn,
                period,
                at,
                received_at,
                {names[n]: value for n, value in zip(numbers, values, strict=True)},
                {names[n]: flag for n, flag in zip(numbers, flags, strict=True)},
            )
            for at, received_at, numbers, values, flags in cursor.fetchall()
        ]
