"""A past taken in as a whole: hourly series of devices, with their days and their alerts.

For a county that brings its archive along, and for the simulated one. The rows are those the
listeners would have written, made column by column and sent by binary COPY; the rules are
evaluated hour by hour with the same function. What differs: nobody is told of an alert that is
over, and nothing is opened for it. Whoever imports decides what became of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from huying.directory.permissions import Actor, Permission
from huying.ledger import actions as ledger
from huying.sensing.actions.partitions import ensure_partitions
from huying.sensing.queries.registry import DeviceProfile, Registry, registry
from huying.sensing.rules.alerting import Rule, Standing, Step, evaluate
from huying.sensing.rules.phrases import summary

_EPOCH_2000: Final = 946_684_800
_HOUR: Final = 3600
_EIGHT_HOURS: Final = 8 * _HOUR
_INT2, _FLOAT8 = 21, 701
_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
_TRAILER: Final = b"\xff\xff"
_MOST_MISSING_SECONDS: Final = 8
"""How long after the end of the hour its value is taken to have arrived."""

Series = npt.NDArray[np.float64]


class UnknownSeries(ValueError):
    """A series names a device or a property that is not registered."""


@dataclass(frozen=True, slots=True)
class HourSeries:
    """Hourly means of one device without gaps, in stored units: `values[hour][property]`."""

    mn: str
    codes: tuple[str, ...]
    first_at: datetime
    values: Series


@dataclass(frozen=True, slots=True)
class PastAlert:
    """An alert the series led to. `value` is the one that opened it."""

    id: int
    device_id: int
    mn: str
    device_name: str
    rule_id: int
    rule_code: str
    rule_name: str
    property_name: str
    unit: str
    summary: str
    threshold: float
    value: float
    peak_value: float
    opened_at: datetime
    noticed_at: datetime
    closed_at: datetime | None
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str | None


@dataclass(frozen=True, slots=True)
class PastJudgement:
    """Somebody found an alert to be true or not."""

    alert_id: int
    was_true: bool
    at: datetime
    by_ref: str


@dataclass(slots=True)
class _Stretch:
    """An alert while it is being found."""

    opened: int
    peak: int
    last: int
    closed: int | None = None


def import_hours(*, series: Sequence[HourSeries], by: Actor) -> list[PastAlert]:
    """Write observations, hourly and daily means and alerts; returns the alerts by time.

    The hours must not be there yet (the unique index refuses them). Partitions are made. The
    alerts that are over count as handed over. Raises `UnknownSeries`.
    """
    by.require(Permission.SENSING_MANAGE)
    known = registry()
    for one in series:
        missing = [code for code in one.codes if code not in known.properties]
        if one.mn not in known.devices or missing:
            raise UnknownSeries(f"{one.mn}: {', '.join(missing) or 'device'} not registered")
    days = {
        int(one.first_at.timestamp()) + hour * _HOUR
        for one in series
        for hour in range(0, len(one.values) + 24, 24)
    }
    ensure_partitions(times=days, by=by)
    with transaction.atomic():
        for one in series:
            _write(known, one)
        alerts = _import_alerts(known, series, by)
        ledger.record(
            kind="observation.imported",
            subject="sensing",
            by=by.ref,
            body={"devices": len(series), "hours": sum(len(one.values) for one in series)},
        )
    return alerts


def _write(known: Registry, one: HourSeries) -> None:
    profile = known.devices[one.mn]
    ids = np.array([known.properties[code].id for code in one.codes], dtype=">i2")
    first = int(one.first_at.timestamp())
    at = first + _HOUR * np.arange(len(one.values), dtype=np.int64)
    _copy(
        'sensing_observation (device_id, kind, at, received_at, properties, "values", flags,'
        " minima, maxima)",
        [
            _fixed(profile.id),
            _text("HOUR", len(at)),
            _times(at),
            _times(at + _HOUR + _MOST_MISSING_SECONDS),
            _id_arrays(ids, len(at)),
            _float_arrays(one.values),
            _text("N" * len(ids), len(at)),
            None,
            None,
        ],
        len(at),
    )
    _copy(
        "sensing_hourly_mean (device_id, at, properties, means, minima, maxima, origins)",
        [
            _fixed(profile.id),
            _times(at),
            _id_arrays(ids, len(at)),
            _float_arrays(one.values),
            _null_arrays(len(ids), len(at)),
            _null_arrays(len(ids), len(at)),
            _text("D" * len(ids), len(at)),
        ],
        len(at),
    )
    _write_days(profile, ids, at, one.values)


def _write_days(
    profile: DeviceProfile, ids: npt.NDArray[Any], at: npt.NDArray[np.int64], values: Series
) -> None:
    """The days of the county's time zone (UTC+8 without summer time)."""
    day = (at + _EIGHT_HOURS) // 86_400
    starts = np.flatnonzero(np.r_[True, day[1:] != day[:-1]])
    hours = np.diff(np.r_[starts, len(day)])
    means = np.add.reduceat(values, starts, axis=0) / hours[:, None]
    # PostgreSQL counts days from 2000-01-01.
    dates = (day[starts] - _EPOCH_2000 // 86_400).astype(">i4")
    date_field = np.zeros(len(dates), dtype=[("size", ">i4"), ("body", ">i4")])
    date_field["size"], date_field["body"] = 4, dates
    counts = np.zeros(
        len(dates),
        dtype=[
            ("size", ">i4"),
            ("head", ">i4", 5),
            ("body", [("s", ">i4"), ("v", ">i2")], len(ids)),
        ],
    )
    counts["size"] = 20 + 6 * len(ids)
    counts["head"] = (1, 0, _INT2, len(ids), 1)
    counts["body"]["s"], counts["body"]["v"] = 2, hours[:, None]
    _copy(
        "sensing_daily_mean (device_id, date, properties, means, minima, maxima, hours)",
        [
            _fixed(profile.id),
            date_field,
            _id_arrays(ids, len(dates)),
            _float_arrays(means),
            _float_arrays(np.minimum.reduceat(values, starts, axis=0)),
            _float_arrays(np.maximum.reduceat(values, starts, axis=0)),
            counts,
        ],
        len(dates),
    )


# Columns of a binary COPY as big-endian structured arrays: (length, bytes) for each row.


def _fixed(number: int) -> npt.NDArray[Any]:
    column = np.zeros(1, dtype=[("size", ">i4"), ("body", ">i8")])
    column["size"], column["body"] = 8, number
    return column


def _times(seconds: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    column = np.zeros(len(seconds), dtype=[("size", ">i4"), ("body", ">i8")])
    column["size"], column["body"] = 8, (seconds - _EPOCH_2000) * 1_000_000
    return column


def _text(text: str, count: int) -> npt.NDArray[Any]:
    data = text.encode()
    column = np.zeros(count, dtype=[("size", ">i4"), ("body", f"S{len(data)}")])
    column["size"], column["body"] = len(data), data
    return column


def _id_arrays(ids: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    item = [("s", ">i4"), ("v", ">i2")]
    column = np.zeros(count, dtype=[("size", ">i4"), ("head", ">i4", 5), ("body", item, len(ids))])
    column["size"], column["head"] = 20 + 6 * len(ids), (1, 0, _INT2, len(ids), 1)
    column["body"]["s"], column["body"]["v"] = 2, ids
    return column


def _float_arrays(values: Series) -> npt.NDArray[Any]:
    count, width = values.shape
    item = [("s", ">i4"), ("v", ">f8")]
    column = np.zeros(count, dtype=[("size", ">i4"), ("head", ">i4", 5), ("body", item, width)])
    column["size"], column["head"] = 20 + 12 * width, (1, 0, _FLOAT8, width, 1)
    column["body"]["s"], column["body"]["v"] = 8, values
    return column


def _null_arrays(width: int, count: int) -> npt.NDArray[Any]:
    column = np.zeros(count, dtype=[("size", ">i4"), ("head", ">i4", 5), ("body", ">i4", width)])
    column["size"], column["head"] = 20 + 4 * width, (1, 1, _FLOAT8, width, 1)
    column["body"] = -1
    return column


def _copy(target: str, columns: Sequence[npt.NDArray[Any] | None], count: int) -> None:
    """COPY rows made of these columns; None is NULL in every row."""
    rows = np.zeros(
        count,
        dtype=[("fields", ">i2")]
        + [
            (f"c{place}", ">i4" if column is None else column.dtype)
            for place, column in enumerate(columns)
        ],
    )
    rows["fields"] = len(columns)
    for place, column in enumerate(columns):
        rows[f"c{place}"] = -1 if column is None else column
    statement = f"COPY {target} FROM STDIN (FORMAT BINARY)"  # names of this file
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER + rows.tobytes() + _TRAILER)


def _import_alerts(known: Registry, series: Sequence[HourSeries], by: Actor) -> list[PastAlert]:
    found: list[tuple[HourSeries, Rule, int, _Stretch]] = []
    for one in series:
        profile = known.devices[one.mn]
        for rule in known.rules:
            if rule.test != "THRESHOLD" or rule.period != "HOUR":
                continue
            codes = [known.properties[code].id for code in one.codes]
            if rule.property_id not in codes or not rule.applies_to(profile.id, profile.medium):
                continue
            place = codes.index(rule.property_id)
            found += [(one, rule, place, stretch) for stretch in _stretches(rule, one, place)]
    found.sort(key=lambda row: (row[0].first_at + timedelta(hours=row[3].opened), row[0].mn))
    if not found:
        return []
    return _insert(known, found, by)


def _stretches(rule: Rule, one: HourSeries, place: int) -> list[_Stretch]:
    first = int(one.first_at.timestamp())
    line = one.values[:, place].tolist()
    # Only hours on the wrong side of the clearing value can matter.
    standing, found = Standing(), []
    for hour, value in enumerate(line):
        if not standing.is_open and not rule.breached_by(value):
            if standing.breached_since is not None:
                standing = Standing(first + hour * _HOUR, None, False)
            continue
        standing, step = evaluate(rule, standing, first + hour * _HOUR, value)
        if step is Step.OPENS:
            found.append(_Stretch(hour, hour, hour))
        elif step in (Step.STAYS, Step.CLOSES):
            found[-1].last = hour
            if step is Step.CLOSES:
                found[-1].closed = hour
            elif rule.worse(value, line[found[-1].peak]):
                found[-1].peak = hour
    return found


_INSERT: Final = """
INSERT INTO sensing_alert (device_id, rule_id, rule_version, property_id, severity, opened_at,
    noticed_at, closed_at, value, peak_value, peak_at, last_value, last_at, threshold,
    handed_over_at, true_alarm_by)
SELECT device_id, rule_id, rule_version, property_id, severity, opened_at, noticed_at, closed_at,
       value, peak, peak_at, last, last_at, threshold,
       CASE WHEN closed_at IS NOT NULL THEN noticed_at END, ''
FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::smallint[], %s::text[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[], %s::float8[], %s::float8[], %s::timestamptz[],
            %s::float8[], %s::timestamptz[], %s::float8[]) WITH ORDINALITY
     AS g (device_id, rule_id, rule_version, property_id, severity, opened_at, noticed_at,
           closed_at, value, peak, peak_at, last, last_at, threshold, place)
ORDER BY place
RETURNING id
"""


def _insert(
    known: Registry, found: Sequence[tuple[HourSeries, Rule, int, _Stretch]], by: Actor
) -> list[PastAlert]:
    columns: list[list[Any]] = [[] for _ in range(14)]
    for one, rule, place, stretch in found:
        at = _clock(one)
        line = (
            known.devices[one.mn].id, rule.id, rule.version, rule.property_id, rule.severity,
            at(stretch.opened), _noticed(one, stretch),
            None if stretch.closed is None else at(stretch.closed),
            float(one.values[stretch.opened, place]), float(one.values[stretch.peak, place]),
            at(stretch.peak), float(one.values[stretch.last, place]), at(stretch.last),
            rule.threshold,
        )  # fmt: skip
        for column, item in zip(columns, line, strict=True):
            column.append(item)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        ids = [int(row[0]) for row in cursor.fetchall()]
    alerts = [_past(known, alert_id, *row) for alert_id, row in zip(ids, found, strict=True)]
    ledger.record_many(_entries(known, alerts, found, by))
    return alerts


def _clock(one: HourSeries) -> Any:
    return lambda hour: one.first_at + timedelta(hours=int(hour))


def _noticed(one: HourSeries, stretch: _Stretch) -> datetime:
    """When the value of the hour had arrived."""
    return one.first_at + timedelta(hours=stretch.opened + 1, seconds=_MOST_MISSING_SECONDS)


def _past(
    known: Registry, alert_id: int, one: HourSeries, rule: Rule, place: int, stretch: _Stretch
) -> PastAlert:
    profile = known.devices[one.mn]
    facts = known.properties_by_id[rule.property_id or 0]
    at = _clock(one)
    return PastAlert(
        id=alert_id,
        device_id=profile.id,
        mn=profile.mn,
        device_name=profile.name,
        rule_id=rule.id,
        rule_code=rule.code,
        rule_name=rule.name,
        property_name=facts.name_zh,
        unit=facts.unit,
        summary=summary(
            rule,
            profile.name,
            facts.name_zh,
            facts.unit,
            float(one.values[stretch.opened, place]),
            facts.decimals,
        ),
        threshold=rule.threshold,
        value=float(one.values[stretch.opened, place]),
        peak_value=float(one.values[stretch.peak, place]),
        opened_at=at(stretch.opened),
        noticed_at=_noticed(one, stretch),
        closed_at=None if stretch.closed is None else at(stretch.closed),
        lon=profile.lon,
        lat=profile.lat,
        grid_code=profile.grid_code,
        division_code=profile.division_code,
    )


def _entries(
    known: Registry,
    alerts: Sequence[PastAlert],
    found: Sequence[tuple[HourSeries, Rule, int, _Stretch]],
    by: Actor,
) -> list[ledger.Entry]:
    entries = []
    for alert, (_one, rule, _place, _stretch) in zip(alerts, found, strict=True):
        entries.append(
            ledger.Entry(
                kind="alert.opened",
                subject=f"alert:{alert.id}",
                by=by.ref,
                at=alert.noticed_at,
                body={
                    "device": alert.mn,
                    "rule": rule.code,
                    "rule_version": rule.version,
                    "property": known.properties_by_id[rule.property_id or 0].code,
                    "value": alert.value,
                    "threshold": alert.threshold,
                    "opened_at": alert.opened_at.isoformat(),
                },
            )
        )
        if alert.closed_at is not None:
            entries.append(
                ledger.Entry(
                    kind="alert.closed",
                    subject=f"alert:{alert.id}",
                    by=by.ref,
                    at=alert.closed_at + timedelta(seconds=_HOUR + _MOST_MISSING_SECONDS),
                    body={
                        "closed_at": alert.closed_at.isoformat(),
                        "peak_value": alert.peak_value,
                    },
                )
            )
    return entries


_JUDGE: Final = """
UPDATE sensing_alert a SET true_alarm = g.was_true, true_alarm_at = g.at, true_alarm_by = g.by_ref
FROM unnest(%s::bigint[], %s::boolean[], %s::timestamptz[], %s::text[])
     AS g (id, was_true, at, by_ref)
WHERE a.id = g.id
"""


def import_judgements(*, judgements: Sequence[PastJudgement], by: Actor) -> None:
    """Note of past alerts whether they were true; in the caller's transaction."""
    by.require(Permission.SENSING_MANAGE)
    if not judgements:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _JUDGE,
            [
                [one.alert_id for one in judgements],
                [one.was_true for one in judgements],
                [one.at for one in judgements],
                [one.by_ref for one in judgements],
            ],
        )
    ledger.record_many(
        [
            ledger.Entry(
                kind="alert.judged",
                subject=f"alert:{one.alert_id}",
                by=one.by_ref,
                at=one.at,
                body={"true": one.was_true},
            )
            for one in judgements
        ]
    )


def note_last_heard(*, heard: Sequence[tuple[str, datetime, int]], by: Actor) -> None:
    """(MN, when last heard, frames so far) of devices whose past was imported."""
    by.require(Permission.SENSING_MANAGE)
    known = registry()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sensing_devicestate (device_id, last_heard_at, last_refusal,"
            " flooded_frames, frames, refused, clock_result)"
            " SELECT id, at, '', 0, frames, 0, ''"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) AS g (id, at, frames)"
            " ON CONFLICT (device_id) DO NOTHING",
            [
                [known.devices[mn].id for mn, _, _ in heard],
                [at.astimezone(UTC) for _, at, _ in heard],
                [frames for *_, frames in heard],
            ],
        )
