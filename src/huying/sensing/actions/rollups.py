"""Hours and days, kept in step with the observations in the same transaction.

REALTIME and MINUTE data add to the running hour (`HourTally`); one statement a batch, one row
a device and hour. An hour a device reports itself (CN 2061) goes straight to `HourlyMean` and
prevails there. Hours of devices that send none are closed from the tally by `close_hours`,
once they are over, and again if late data came. Days are made anew from their hours.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction

from huying.directory.permissions import Actor
from huying.sensing.actions.checking import Row
from huying.sensing.rules.hours import HOUR, Mean, Tally, closed_mean, minutes_covered

GRACE_SECONDS: Final = 300
"""How long after its end an hour stays open for the device's own value (CN 2061)."""

_Sums = list[float]  # [sum, count, minimum, maximum, minutes]
TallyKey = tuple[int, str, int]

_ADD_TALLIES: Final = """
INSERT INTO sensing_hour_tally AS t
    (device_id, kind, at, properties, sums, counts, minima, maxima, minutes, dirty)
SELECT device_id, kind, to_timestamp(at), array_agg(p), array_agg(s), array_agg(c),
       array_agg(lo), array_agg(hi), array_agg(m), true
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::smallint[], %s::float8[], %s::int[],
            %s::float8[], %s::float8[], %s::bigint[]) AS g (device_id, kind, at, p, s, c, lo, hi, m)
GROUP BY device_id, kind, at ORDER BY device_id, kind, at
ON CONFLICT (device_id, kind, at) DO UPDATE SET
    (properties, sums, counts, minima, maxima, minutes) = (
        SELECT array_agg(p), array_agg(s), array_agg(c), array_agg(lo), array_agg(hi),
               array_agg(m)
        FROM (SELECT p, sum(s) AS s, sum(c)::int AS c, min(lo) AS lo, max(hi) AS hi,
                     bit_or(m) AS m
              FROM (SELECT * FROM unnest(t.properties, t.sums, t.counts, t.minima, t.maxima,
                                         t.minutes)
                    UNION ALL
                    SELECT * FROM unnest(excluded.properties, excluded.sums, excluded.counts,
                                         excluded.minima, excluded.maxima, excluded.minutes)
                   ) AS both_sides (p, s, c, lo, hi, m)
              GROUP BY p) AS merged),
    dirty = true
"""

_PUT_HOURS: Final = """
INSERT INTO sensing_hourly_mean AS h (device_id, at, properties, means, minima, maxima, origins)
SELECT device_id, to_timestamp(at), array_agg(p), array_agg(v), array_agg(lo), array_agg(hi),
       string_agg(o, '')
FROM unnest(%s::bigint[], %s::bigint[], %s::smallint[], %s::float8[], %s::float8[], %s::float8[],
            %s::text[]) AS g (device_id, at, p, v, lo, hi, o)
GROUP BY device_id, at ORDER BY device_id, at
ON CONFLICT (device_id, at) DO UPDATE SET
    (properties, means, minima, maxima, origins) = (
        SELECT array_agg(p), array_agg(v), array_agg(lo), array_agg(hi), string_agg(o, '')
        FROM (SELECT DISTINCT ON (p) p, v, lo, hi, o
              FROM (SELECT p, v, lo, hi, o, 1 AS newer
                    FROM unnest(excluded.properties, excluded.means, excluded.minima,
                                excluded.maxima, string_to_array(excluded.origins, NULL))
                         AS e (p, v, lo, hi, o)
                    UNION ALL
                    SELECT p, v, lo, hi, o, 0
                    FROM unnest(h.properties, h.means, h.minima, h.maxima,
                                string_to_array(h.origins, NULL)) AS e (p, v, lo, hi, o)
                   ) AS both_sides
              ORDER BY p, o DESC, newer DESC) AS chosen)
"""
# "D" sorts after "C": the device's own value wins over ours, the newer over the older.

_MAKE_DAYS: Final = """
INSERT INTO sensing_daily_mean AS d
    (device_id, date, properties, means, minima, maxima, hours)
SELECT device_id, date, array_agg(p), array_agg(v), array_agg(lo), array_agg(hi), array_agg(n)
FROM (SELECT k.device_id, k.date, e.p, avg(e.v) AS v, min(e.v) AS lo, max(e.v) AS hi,
             count(*)::smallint AS n
      FROM unnest(%s::bigint[], %s::date[]) AS k (device_id, date)
      JOIN sensing_hourly_mean h ON h.device_id = k.device_id
           AND h.at >= k.date::timestamp AT TIME ZONE 'Asia/Shanghai'
           AND h.at < (k.date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
      CROSS JOIN LATERAL unnest(h.properties, h.means) AS e (p, v)
      GROUP BY k.device_id, k.date, e.p) AS by_property
GROUP BY device_id, date ORDER BY device_id, date
ON CONFLICT (device_id, date) DO UPDATE SET
    properties = excluded.properties, means = excluded.means, minima = excluded.minima,
    maxima = excluded.maxima, hours = excluded.hours
"""
_EIGHT_HOURS: Final = 8 * HOUR


def add_to_hours(rows: Sequence[Row]) -> None:
    """Add what was newly stored to the running hours, the hours and the days."""
    running = [row for row in rows if row.kind in ("REALTIME", "MINUTE")]
    if running:
        _add_tallies(running)
    hours = [row for row in rows if row.kind == "HOUR"]
    if hours:
        put_hours(hours, origin="D")


def _add_tallies(rows: Sequence[Row]) -> None:
    columns: list[list[Any]] = [[] for _ in range(9)]
    for (device_id, kind, at), sums in tallies_of(rows).items():
        for number, (total, count, low, high, minutes) in sums.items():
            line = (device_id, kind, at, number, total, int(count), low, high, int(minutes))
            for column, value in zip(columns, line, strict=True):
                column.append(value)
    if columns[0]:
        with connection.cursor() as cursor:
            cursor.execute(_ADD_TALLIES, [literal(column) for column in columns])


def literal(values: Sequence[Any]) -> str:
    """A PostgreSQL array of numbers and plain words as text: a tenth of the cost of the
    driver's own way, which looks at every element for what to quote."""
    return "{" + ",".join(map(str, values)) + "}"


def tallies_of(rows: Iterable[Row]) -> dict[TallyKey, dict[int, _Sums]]:
    """The sums that rows add to their hours. Rows of one device with the same properties are
    added column by column."""
    groups: dict[tuple[int, str, int, tuple[int, ...]], list[Row]] = {}
    for row in rows:
        group = (row.profile.id, row.kind, row.at - row.at % HOUR, row.ids)
        if group in groups:
            groups[group].append(row)
        else:
            groups[group] = [row]
    found: dict[TallyKey, dict[int, _Sums]] = {}
    for (device_id, kind, hour, ids), members in groups.items():
        sums = found.setdefault((device_id, kind, hour), {})
        span = members[0].profile.minute_interval if kind == "MINUTE" else 1
        if all(row.counted is None for row in members):
            minutes = 0
            for row in members:
                minutes |= minutes_covered(row.at, span)
            columns = zip(*[row.values for row in members], strict=True)
            for number, column in zip(ids, columns, strict=True):
                _add(sums, number, sum(column), len(column), min(column), max(column), minutes)
        else:
            for row in members:
                minutes = minutes_covered(row.at, span)
                for place, number in enumerate(ids):
                    value = row.value_at(place)
                    if value is not None:
                        _add(sums, number, value, 1, value, value, minutes)
    return found


def _add(
    sums: dict[int, _Sums],
    number: int,
    total: float,
    count: int,
    low: float,
    high: float,
    bits: int,
) -> None:
    there = sums.get(number)
    if there is None:
        sums[number] = [total, count, low, high, bits]
    else:
        there[0] += total
        there[1] += count
        there[2] = min(there[2], low)
        there[3] = max(there[3], high)
        there[4] = int(there[4]) | bits


def put_hours(rows: Sequence[Row], *, origin: str) -> None:
    """Hourly values into `HourlyMean`, and their days made anew."""
    columns: list[list[Any]] = [[] for _ in range(7)]
    days: set[tuple[int, str]] = set()
    chosen: dict[tuple[int, int, int], tuple[Any, ...]] = {}
    for row in rows:
        device_id = row.profile.id
        for place, number in enumerate(row.ids):
            value = row.value_at(place)
            if value is None:
                continue
            low = row.minima[place] if row.minima else None
            high = row.maxima[place] if row.maxima else None
            at = row.at - row.at % HOUR
            chosen[(device_id, at, number)] = (device_id, at, number, value, low, high, origin)
            days.add((device_id, _day(row.at)))
    for line in chosen.values():
        for column, item in zip(columns, line, strict=True):
            column.append(item)
    if not columns[0]:
        return
    with connection.cursor() as cursor:
        cursor.execute(_PUT_HOURS, columns)
        ordered = sorted(days)
        cursor.execute(_MAKE_DAYS, [[day[0] for day in ordered], [day[1] for day in ordered]])


def _day(at: int) -> str:
    """The date in the county's time zone (all of China keeps UTC+8, without summer time)."""
    return datetime.fromtimestamp(at + _EIGHT_HOURS, UTC).strftime("%Y-%m-%d")


def take_closed_tallies(
    *, now: datetime, limit: int, by: Actor
) -> list[tuple[int, int, dict[int, Mean]]]:
    """Running hours that are over and changed since they were last closed, as means.

    Marks them closed. Returns (device, start of the hour, mean by property); hours with too few
    valid minutes come with an empty mapping. Locks rows, so that two workers never close one
    hour twice; in the caller's transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("close hours inside a transaction")
    before = now.timestamp() - HOUR - GRACE_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH due AS (SELECT device_id, kind, at FROM sensing_hour_tally"
            " WHERE dirty AND at <= to_timestamp(%s) ORDER BY at LIMIT %s"
            " FOR UPDATE SKIP LOCKED),"
            " marked AS (UPDATE sensing_hour_tally t SET dirty = false FROM due"
            " WHERE (t.device_id, t.kind, t.at) = (due.device_id, due.kind, due.at))"
            " SELECT t.device_id, extract(epoch FROM t.at)::bigint, t.kind, t.properties, t.sums,"
            " t.counts, t.minima, t.maxima, t.minutes"
            " FROM sensing_hour_tally t"
            " WHERE (t.device_id, t.at) IN (SELECT device_id, at FROM due)"
            " ORDER BY t.at, t.device_id",
            [before, limit],
        )
        lines = cursor.fetchall()
    tallies: dict[tuple[int, int], dict[int, list[Tally]]] = {}
    for device_id, at, kind, *arrays in lines:
        properties = tallies.setdefault((device_id, at), {})
        for number, total, count, low, high, minutes in zip(*arrays, strict=True):
            properties.setdefault(number, []).append(Tally(kind, total, count, low, high, minutes))
    found = []
    for (device_id, at), properties in tallies.items():
        means = {number: closed_mean(parts) for number, parts in properties.items()}
        found.append((device_id, at, {n: mean for n, mean in means.items() if mean is not None}))
    return found
