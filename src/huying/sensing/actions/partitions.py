"""Partitions of the big tables: made before they are needed, dropped when they are too old."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.db import connection, transaction
from psycopg import sql

from huying.directory.permissions import Actor, Permission
from huying.sensing.parameters import retention

_MONTHLY: Final = ("sensing_observation", "sensing_hour_tally")
_YEARLY: Final = ("sensing_hourly_mean",)
# The running hours of a device are updated with each batch: room on the page keeps that cheap.
_STORAGE: Final = {"sensing_hour_tally": "WITH (fillfactor = 70)"}
_LOCK: Final = 0x48_59_50_41

_present: set[str] = set()


def ensure_partitions(*, times: Iterable[int], by: Actor) -> int:
    """Make the partitions that hold these times (seconds since 1970); how many were made.

    In a transaction of its own unless the caller has one. Attaching takes no lock that stops
    readers or writers of the other partitions.
    """
    wanted: dict[str, tuple[str, str, str]] = {}
    for month in {(moment.year, moment.month) for moment in map(_utc, set(times))}:
        wanted.update(_partitions_of(*month))
    missing = {name: spec for name, spec in wanted.items() if name not in _present}
    if not missing:
        return 0
    made = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE c.relname = ANY(%s) AND c.relnamespace = current_schema()::regnamespace",
            [list(missing)],
        )
        there = {name for (name,) in cursor.fetchall()}
        for name, (table, begin, end) in sorted(missing.items()):
            if name not in there:
                _make(cursor, name, table, begin, end)
                made += 1
    transaction.on_commit(lambda: _present.update(missing))
    return made


def _make(cursor: object, name: str, table: str, begin: str, end: str) -> None:
    names = {
        "name": sql.Identifier(name),
        "table": sql.Identifier(table),
        "begin": sql.Literal(begin),
        "end": sql.Literal(end),
    }
    execute = cursor.execute  # type: ignore[attr-defined]  # Django's cursor wrapper is untyped
    execute(
        sql.SQL("CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) ")
        .format(**names)
        + sql.SQL(_STORAGE.get(table, ""))
    )  # fmt: skip
    execute(
        sql.SQL(
            "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})"
        ).format(**names)
    )


def forget_partitions() -> None:
    """Ask the database again which partitions there are: after a drop, or between tests."""
    _present.clear()


def ensure_partitions_ahead(*, now: datetime, by: Actor, months: int = 3) -> int:
    """Make the partitions of this month and the next ones; how many were made."""
    first = now.year * 12 + now.month - 1
    starts = [
        datetime((first + ahead) // 12, (first + ahead) % 12 + 1, 15, tzinfo=UTC)
        for ahead in range(months + 1)
    ]
    return ensure_partitions(times=[int(start.timestamp()) for start in starts], by=by)


def drop_old_partitions(*, now: datetime, by: Actor) -> list[str]:
    """Drop raw observations and running hours the county keeps no longer; the names.

    How long is a dated parameter (`rules/parameters.yaml`). Hourly and daily means are kept: they
    are small, and what reports are made of. Raises `ParametersRefused`.
    """
    by.require(Permission.SENSING_MANAGE)
    keeping = retention(now)
    this_month = now.year * 12 + now.month - 1
    dropped = []
    with transaction.atomic(), connection.cursor() as cursor:
        for table, keep in (
            ("sensing_observation", keeping.observations_months),
            ("sensing_hour_tally", keeping.running_hours_months),
        ):
            cursor.execute(
                "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = %s::regclass ORDER BY c.relname",
                [table],
            )
            for (name,) in cursor.fetchall():
                stamp = name.rpartition("_p")[2]
                if int(stamp[:4]) * 12 + int(stamp[4:]) - 1 < this_month - keep:
                    cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
                    dropped.append(name)
    forget_partitions()
    return dropped


def _partitions_of(year: int, month: int) -> dict[str, tuple[str, str, str]]:
    following = (year + month // 12, month % 12 + 1)
    span = (f"{year:04}-{month:02}-01 00:00+00", f"{following[0]:04}-{following[1]:02}-01 00:00+00")
    found = {f"{table}_p{year:04}{month:02}": (table, *span) for table in _MONTHLY}
    whole = (f"{year:04}-01-01 00:00+00", f"{year + 1:04}-01-01 00:00+00")
    found |= {f"{table}_p{year:04}": (table, *whole) for table in _YEARLY}
    return found


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
