"""Hours and days derived anew from the observations, and what differs from what is kept.

A slice is a month of some devices: each is one statement over the primary key, so that neither
the server nor this process holds more than a slice. Writers may be at work: an observation and
its part of the hour are one transaction, so a statement sees both or neither. Looking locks
nothing. A repair holds the writers of hours out for one day of one device at a time, which takes
milliseconds, and gives way to one that is long at it.

What cannot be told any more is taken as it stands: hours whose observations or tallies were
dropped for their age, and hours not closed yet. Flags and intervals are those the device has now.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from time import sleep as pause
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from huying.directory.permissions import Actor
from huying.ledger import actions as ledger
from huying.ledger.queries import Difference, Spread

DEVICES: Final = 20
_LONGEST_WAIT_MS: Final = 200
Progress = Callable[[int, int], None]

# Sums are added up in another order than they came in.
_CLOSE: Final = "abs({a} - {b}) <= 1e-6 * greatest(1, abs({a}), abs({b}))"

_VALUES: Final = """
    SELECT o.device_id, o.kind, o.received_at, o.at,
           date_trunc('hour', o.at, 'UTC') AS hour, e.p, e.v,
           o.minima[e.place] AS lo, o.maxima[e.place] AS hi,
           least(CASE WHEN o.kind = 'MINUTE' THEN d.minute_interval ELSE 1 END,
                 60 - extract(minute FROM o.at)::int) AS span,
           extract(minute FROM o.at)::int AS minute
    FROM sensing_observation o JOIN sensing_device d ON d.id = o.device_id
    CROSS JOIN LATERAL unnest(o.properties, o."values") WITH ORDINALITY AS e (p, v, place)
    WHERE o.device_id = ANY(%(devices)s) AND o.kind = ANY(%(kinds)s)
      AND o.at >= %(since)s AND o.at < %(until)s
      AND strpos(CASE WHEN d.manual_counts THEN 'NS' ELSE 'N' END,
                 substr(o.flags, e.place::int, 1)) > 0
"""
_TALLIES: Final = f"""
WITH derived AS (
    SELECT device_id, kind, hour AS at, p, sum(v) AS s, count(*)::int AS c, min(v) AS lo,
           max(v) AS hi, bit_or(((1::bigint << span) - 1) << minute) AS m
    FROM ({_VALUES}) AS counted GROUP BY 1, 2, 3, 4),
kept AS (
    SELECT t.device_id, t.kind, t.at, e.*
    FROM sensing_hour_tally t
    CROSS JOIN LATERAL unnest(t.properties, t.sums, t.counts, t.minima, t.maxima, t.minutes)
         AS e (p, s, c, lo, hi, m)
    WHERE t.device_id = ANY(%(devices)s) AND t.at >= %(since)s AND t.at < %(until)s),
wrong AS (
    SELECT DISTINCT device_id, kind, at
    FROM derived d FULL JOIN kept k USING (device_id, kind, at, p)
    WHERE d.c IS DISTINCT FROM k.c OR d.lo IS DISTINCT FROM k.lo OR d.hi IS DISTINCT FROM k.hi
       OR NOT ({_CLOSE.format(a="d.s", b="k.s")})
       OR (kind = 'REALTIME' AND d.m IS DISTINCT FROM k.m))
"""  # noqa: S608 - own statements
_PUT_TALLIES: Final = """
, gone AS (
    DELETE FROM sensing_hour_tally t USING wrong w
    WHERE (t.device_id, t.kind, t.at) = (w.device_id, w.kind, w.at)
      AND NOT EXISTS (SELECT FROM derived d
                      WHERE (d.device_id, d.kind, d.at) = (w.device_id, w.kind, w.at))),
put AS (
    INSERT INTO sensing_hour_tally
        (device_id, kind, at, properties, sums, counts, minima, maxima, minutes, dirty)
    SELECT device_id, kind, at, array_agg(p ORDER BY p), array_agg(s ORDER BY p),
           array_agg(c ORDER BY p), array_agg(lo ORDER BY p), array_agg(hi ORDER BY p),
           array_agg(m ORDER BY p), at > now() - interval '65 minutes'
    FROM derived JOIN wrong USING (device_id, kind, at) GROUP BY 1, 2, 3
    ON CONFLICT (device_id, kind, at) DO UPDATE SET
        properties = excluded.properties, sums = excluded.sums, counts = excluded.counts,
        minima = excluded.minima, maxima = excluded.maxima, minutes = excluded.minutes)
"""
# A value the device sent for the hour prevails; else minutes before real time, from 45 minutes.
_HOURS: Final = f"""
WITH reported AS (
    SELECT DISTINCT ON (device_id, hour, p) device_id, hour AS at, p, v, lo, hi
    FROM ({_VALUES}) AS counted ORDER BY device_id, hour, p, received_at DESC, at DESC),
running AS (
    SELECT t.device_id, t.kind, t.at, t.dirty, e.*
    FROM sensing_hour_tally t
    CROSS JOIN LATERAL unnest(t.properties, t.sums, t.counts, t.minima, t.maxima, t.minutes)
         AS e (p, s, c, lo, hi, m)
    WHERE t.device_id = ANY(%(devices)s) AND t.at >= %(since)s AND t.at < %(until)s),
kept AS (
    SELECT h.device_id, h.at, e.* FROM sensing_hourly_mean h
    CROSS JOIN LATERAL unnest(h.properties, h.means, h.minima, h.maxima,
                              string_to_array(h.origins, NULL)) AS e (p, v, lo, hi, o)
    WHERE h.device_id = ANY(%(devices)s) AND h.at >= %(since)s AND h.at < %(until)s),
computed AS (
    SELECT DISTINCT ON (device_id, at, p) device_id, at, p, s / c AS v, lo, hi
    FROM running WHERE NOT dirty AND c > 0 AND bit_count(m::bit(64)) >= 45
    ORDER BY device_id, at, p, kind),
unsettled AS (
    SELECT device_id, at, p, v, lo, hi FROM kept k WHERE o = 'C' AND NOT EXISTS (
        SELECT FROM running r WHERE (r.device_id, r.at) = (k.device_id, k.at) AND NOT r.dirty)),
derived AS (
    SELECT *, 'D' AS o FROM reported
    UNION ALL
    SELECT *, 'C' FROM (SELECT * FROM computed UNION ALL SELECT * FROM unsettled) AS ours
    WHERE NOT EXISTS (SELECT FROM reported r
                      WHERE (r.device_id, r.at, r.p) = (ours.device_id, ours.at, ours.p))),
wrong AS (
    SELECT DISTINCT device_id, at, ''::text AS kind
    FROM derived d FULL JOIN kept k USING (device_id, at, p)
    WHERE d.o IS DISTINCT FROM k.o OR NOT ({_CLOSE.format(a="d.v", b="k.v")}))
"""  # noqa: S608 - own statements
_PUT_HOURS: Final = """
, gone AS (
    DELETE FROM sensing_hourly_mean h USING wrong w
    WHERE (h.device_id, h.at) = (w.device_id, w.at) AND NOT EXISTS (
        SELECT FROM derived d WHERE (d.device_id, d.at) = (w.device_id, w.at))),
put AS (
    INSERT INTO sensing_hourly_mean (device_id, at, properties, means, minima, maxima, origins)
    SELECT device_id, at, array_agg(p ORDER BY p), array_agg(v ORDER BY p),
           array_agg(lo ORDER BY p), array_agg(hi ORDER BY p), string_agg(o, '' ORDER BY p)
    FROM derived JOIN wrong USING (device_id, at) GROUP BY 1, 2
    ON CONFLICT (device_id, at) DO UPDATE SET
        properties = excluded.properties, means = excluded.means, minima = excluded.minima,
        maxima = excluded.maxima, origins = excluded.origins)
"""
_DAYS: Final = f"""
WITH derived AS (
    SELECT h.device_id, (h.at AT TIME ZONE 'Asia/Shanghai')::date AS date, e.p, avg(e.v) AS v,
           min(e.v) AS lo, max(e.v) AS hi, count(*)::smallint AS n
    FROM sensing_hourly_mean h
    CROSS JOIN LATERAL unnest(h.properties, h.means) AS e (p, v)
    WHERE h.device_id = ANY(%(devices)s)
      AND h.at >= %(since)s::timestamptz AND h.at < %(until)s::timestamptz
    GROUP BY 1, 2, 3),
kept AS (
    SELECT t.device_id, t.date, e.* FROM sensing_daily_mean t
    CROSS JOIN LATERAL unnest(t.properties, t.means, t.minima, t.maxima, t.hours)
         AS e (p, v, lo, hi, n)
    WHERE t.device_id = ANY(%(devices)s)
      AND t.date >= (%(since)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date
      AND t.date < (%(until)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date),
wrong AS (
    SELECT DISTINCT device_id, date AS at, ''::text AS kind
    FROM derived d FULL JOIN kept k USING (device_id, date, p)
    WHERE d.n IS DISTINCT FROM k.n OR NOT ({_CLOSE.format(a="d.v", b="k.v")})
       OR NOT ({_CLOSE.format(a="d.lo", b="k.lo")}) OR NOT ({_CLOSE.format(a="d.hi", b="k.hi")}))
"""  # noqa: S608 - own statements
_PUT_DAYS: Final = """
, gone AS (
    DELETE FROM sensing_daily_mean t USING wrong w
    WHERE (t.device_id, t.date) = (w.device_id, w.at) AND NOT EXISTS (
        SELECT FROM derived d WHERE (d.device_id, d.date) = (w.device_id, w.at))),
put AS (
    INSERT INTO sensing_daily_mean (device_id, date, properties, means, minima, maxima, hours)
    SELECT d.device_id, d.date, array_agg(p ORDER BY p), array_agg(v ORDER BY p),
           array_agg(lo ORDER BY p), array_agg(hi ORDER BY p), array_agg(n ORDER BY p)
    FROM derived d JOIN wrong w ON (w.device_id, w.at) = (d.device_id, d.date) GROUP BY 1, 2
    ON CONFLICT (device_id, date) DO UPDATE SET
        properties = excluded.properties, means = excluded.means, minima = excluded.minima,
        maxima = excluded.maxima, hours = excluded.hours)
"""
_NAMES: Final = """
SELECT mn, wrong.kind, to_char(wrong.at, 'YYYY-MM-DD HH24:MI'), device_id, wrong.at::date
FROM wrong JOIN sensing_device ON sensing_device.id = device_id
ORDER BY 3, 1, 2
"""
_SAMPLES: Final = ["MINUTE", "REALTIME"]
# What is derived, in the order in which one is made from the other: kind, table, kinds of data,
# what is wrong, how it is put right, words.
_STEPS: Final[tuple[tuple[str, str, list[str], str, str, str, str], ...]] = (
    (
        "RUNNING_HOUR", "sensing_hour_tally", _SAMPLES, _TALLIES, _PUT_TALLIES,
        "累计的小时值与原始数据不符", "the running hour differs from its observations",
    ),
    (
        "HOURLY_MEAN", "sensing_hourly_mean", ["HOUR"], _HOURS, _PUT_HOURS,
        "小时均值与原始数据不符", "the hourly mean differs from its observations",
    ),
    (
        "DAILY_MEAN", "sensing_daily_mean", [], _DAYS, _PUT_DAYS,
        "日均值与小时均值不符", "the daily mean differs from its hours",
    ),
)  # fmt: skip


def recount_observations(
    *, by: Actor, repair: bool = False, progress: Progress | None = None, spread: Spread = map
) -> Iterator[Difference]:
    """Derive hours and days anew, a slice at a time; yields each row that differs.

    With `repair` they are written anew, slice by slice, each in a transaction with its record.
    The slices of a month are gone through as `spread` spreads them.
    """
    devices, months = _devices(), _months("sensing_observation")
    running = _months("sensing_hour_tally")
    groups = [devices[first : first + DEVICES] for first in range(0, len(devices), DEVICES)]
    done = 0
    # One month after the other: its first day begins with hours of the month before.
    for month in months:
        work = partial(_recount, month, running=month in running, repair=repair, by=by)
        for found in spread(work, groups):
            yield from found
            done += 1
            if progress is not None:
                progress(done, len(months) * len(groups))


def _recount(
    month: tuple[datetime, datetime],
    devices: list[int],
    *,
    running: bool,
    repair: bool,
    by: Actor,
) -> list[Difference]:
    """What differs in a slice; `running`: there are running hours of this month still."""
    differences: list[Difference] = []
    for kind, table, kinds, statement, put, zh, en in _STEPS:
        if kind == "RUNNING_HOUR" and not running:
            continue
        values = _bounds(kind, *month) | {"devices": devices, "kinds": kinds}
        found = _rows(statement + _NAMES, values)
        if found and repair:
            places = sorted({(device, day) for *_names, device, day in found})
            found = []
            for device, day in places:
                bounds = _bounds(kind, *_day(day)) | {"devices": [device], "kinds": kinds}
                found += _repair(table, statement + put + _NAMES, bounds, kind, by)
        for mn, data, at, *_place in found:
            subject = " ".join(filter(None, (mn, data, at)))
            differences.append(Difference(kind, subject, zh, en, repaired=repair))
    return differences


def _bounds(kind: str, since: datetime, until: datetime) -> dict[str, Any]:
    """A period in UTC; for days the same one as the county's clock has it."""
    shift = timedelta(hours=8) if kind == "DAILY_MEAN" else timedelta()
    return {"since": since - shift, "until": until - shift}


def _day(day: date) -> tuple[datetime, datetime]:
    since = datetime.combine(day, time(), UTC)
    return since, since + timedelta(days=1)


def _repair(
    table: str, statement: str, values: dict[str, Any], kind: str, by: Actor
) -> list[tuple[Any, ...]]:
    with transaction.atomic():
        _hold_writers_out(table)
        found = _rows(statement, values)
        ledger.record(
            kind="observation.recounted",
            subject="sensing",
            by=by.ref,
            body={
                "what": kind,
                "rows": len(found),
                "devices": values["devices"],
                "since": values["since"].isoformat(),
            },
        )
    return found


def _hold_writers_out(table: str) -> None:
    """Until the transaction ends. Whoever waits for a lock makes others wait behind, so this
    waits for a moment only, and then again."""
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {_LONGEST_WAIT_MS}")
                cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
                cursor.execute("SET LOCAL lock_timeout = DEFAULT")
                return
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
        pause(_LONGEST_WAIT_MS / 1000)


def _rows(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _devices() -> list[int]:
    return [row[0] for row in _rows("SELECT id FROM sensing_device ORDER BY id", {})]


def _months(table: str) -> list[tuple[datetime, datetime]]:
    """The months of which there are rows still."""
    names = _rows(
        "SELECT right(c.relname, 6) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %(table)s::regclass ORDER BY 1",
        {"table": table},
    )
    months = []
    for (name,) in names:
        year, month = int(name[:4]), int(name[4:])
        since = datetime(year, month, 1, tzinfo=UTC)
        until = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        months.append((since, until))
    return months
