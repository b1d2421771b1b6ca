"""Closing the hours of devices that do not report hourly values themselves."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from huying.directory.permissions import Actor
from huying.sensing.actions.alerts import evaluate_rows
from huying.sensing.actions.checking import Row
from huying.sensing.actions.partitions import ensure_partitions
from huying.sensing.actions.rollups import put_hours, take_closed_tallies
from huying.sensing.queries.registry import Registry, registry
from huying.sensing.rules.hours import Mean


def close_hours(*, now: datetime, by: Actor, limit: int = 5_000) -> int:
    """Compute the hours that ended at least five minutes ago; how many got a value.

    An hour needs 45 valid minutes of minute or real-time data. A property for which the device
    reported the hour itself is left alone. The alert rules on hourly values are evaluated as
    for a reported hour. Runs each minute, and again for an hour that late data came for.
    """
    with transaction.atomic():
        closed = take_closed_tallies(now=now, limit=limit, by=by)
        if not closed:
            return 0
        known = registry()
        reported = _reported(closed)
        rows = []
        for device_id, at, means in closed:
            own = reported.get((device_id, at), frozenset())
            row = _row(known, device_id, at, {n: m for n, m in means.items() if n not in own})
            if row is not None:
                rows.append(row)
        if rows:
            ensure_partitions(times=[row.at for row in rows], by=by)
            put_hours(rows, origin="C")
            evaluate_rows(known=known, rows=rows, now=now, by=by)
    return len(rows)


def _reported(
    closed: Sequence[tuple[int, int, dict[int, Mean]]],
) -> dict[tuple[int, int], frozenset[int]]:
    """The properties of these hours that the devices reported themselves."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.device_id, extract(epoch FROM h.at)::bigint, h.properties, h.origins"
            " FROM sensing_hourly_mean h JOIN unnest(%s::bigint[], %s::bigint[])"
            " AS k (device_id, at) ON h.device_id = k.device_id AND h.at = to_timestamp(k.at)",
            [[line[0] for line in closed], [line[1] for line in closed]],
        )
        return {
            (device_id, at): frozenset(
                number for number, origin in zip(ids, origins, strict=True) if origin == "D"
            )
            for device_id, at, ids, origins in cursor.fetchall()
        }


def _row(known: Registry, device_id: int, at: int, means: dict[int, Mean]) -> Row | None:
    profile = known.by_id.get(device_id)
    if profile is None or not means:
        return None
    codes = tuple(known.properties_by_id[number].code for number in means)
    # Values are in stored units already: only the rules of the template are used.
    template = known.template(profile, codes, "HTTP")
    return Row(
        0,
        profile,
        "HOUR",
        at,
        template.ids,
        [mean.mean for mean in means.values()],
        "N" * len(codes),
        template.watches.get("HOUR"),
        [mean.minimum for mean in means.values()],
        [mean.maximum for mean in means.values()],
    )
