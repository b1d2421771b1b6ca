"""The one door: every reading, whatever brought it, comes in here.

device → units → validity → duplicates → COPY → hours and days → rules → alerts, a batch at a
time, in one transaction. When it returns, everything is durable: only then may a listener
acknowledge. When it raises, nothing of the batch is stored and nothing is remembered, so that
the sender's repetition is taken as new.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from huying.directory.permissions import Actor
from huying.sensing.actions.alerts import evaluate_rows
from huying.sensing.actions.checking import Row, check, list_new_properties
from huying.sensing.actions.heard import heard_log
from huying.sensing.actions.partitions import (
    ensure_partitions,
    ensure_partitions_ahead,
    forget_partitions,
)
from huying.sensing.actions.quarantining import Kept, keep
from huying.sensing.actions.rollups import add_to_hours
from huying.sensing.actions.storing import RememberedKeys, Stored, copy_rows, store
from huying.sensing.queries.registry import Registry, registry
from huying.sensing.rules.readings import (
    DUPLICATE,
    QUARANTINED,
    STORED,
    Outcome,
    Reading,
    Refusal,
)
from huying.sensing.rules.verdicts import Measured, Verdict, verdicts
from huying.standards import hj212
from huying.telemetry import metrics

BATCH_LIMIT: Final = 20_000

_remembered = RememberedKeys()


@dataclass(slots=True)
class BatchResult:
    """What became of a batch: outcomes in the order of the readings, alerts that opened."""

    outcomes: list[Outcome]
    alerts: list[int] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome.result for outcome in self.outcomes)


def ingest_batch(
    *, readings: Sequence[Reading], by: Actor, refused: Sequence[Kept] = (), quarantine: bool = True
) -> BatchResult:
    """Take a batch of readings; durable when it returns (unless the caller is in a transaction).

    `refused` is what a listener could not even parse: kept in quarantine in the same
    transaction. With `quarantine=False` nothing is kept: for a replay out of quarantine, whose
    raw bytes are there already.
    """
    if len(readings) > BATCH_LIMIT:
        raise ValueError(f"a batch holds at most {BATCH_LIMIT} readings")
    received_at = time.time()
    known = registry()
    rows, refusals = _check_all(known, readings, received_at)
    if any(r.reason == "TOO_MANY_CODES" for found in refusals for r in found):
        known = list_new_properties(known, readings, by=by)
        rows, refusals = _check_all(known, readings, received_at)
    if rows:
        _ensure_months(rows, by)
    with transaction.atomic():
        stored = store(known, rows, received_at, _remembered)
        fresh = stored.new + [part for _, part in stored.merged]
        alerts: list[int] = []
        if fresh:
            add_to_hours(fresh)
            now = datetime.fromtimestamp(received_at, UTC)
            alerts = evaluate_rows(known=known, rows=fresh, now=now, by=by)
        outcomes = _outcomes(readings, refusals, stored)
        _note_heard(known, readings, outcomes, received_at)
        if quarantine:
            keep([*refused, *_kept(readings, outcomes)], received_at)
        heard_log.write(received_at)
        transaction.on_commit(lambda: _remembered.add(stored.new))
    metrics.OBSERVATIONS.inc(sum(len(row.ids) for row in fresh))
    return BatchResult(outcomes, alerts)


def make_ready(*, by: Actor) -> None:
    """Do before the first batch what it would wait for: read the registry, see to this month's
    partitions, let the session of the database open its tables. Nothing is stored."""
    ensure_partitions_ahead(now=datetime.now(UTC), by=by, months=0)
    registry()
    copy_rows("sensing_observation", (), time.time())


@dataclass(frozen=True, slots=True)
class OneResult:
    """What became of a single reading, and what it says: a verdict for each value taken."""

    outcome: Outcome
    alerts: list[int]
    verdicts: list[Verdict]


def ingest_one(*, reading: Reading, by: Actor) -> OneResult:
    """Take one reading and say at once whether it is normal or a warning."""
    result = ingest_batch(readings=[reading], by=by)
    known = registry()
    row, _refusals = check(known, 0, reading, time.time())
    found: list[Verdict] = []
    if row is not None:
        profile = row.profile
        rules = [rule for rule in known.rules if rule.applies_to(profile.id, profile.medium)]
        found = verdicts(_measured(known, row), row.kind, rules)
    return OneResult(result.outcomes[0], result.alerts, found)


def _measured(known: Registry, row: Row) -> list[Measured]:
    found = []
    for place, number in enumerate(row.ids):
        facts = known.properties_by_id[number]
        found.append(
            Measured(
                code=facts.code,
                property_id=number,
                name_zh=facts.name_zh,
                name_en=facts.name_en,
                unit=facts.unit,
                decimals=facts.decimals,
                value=row.values[place],
                counts=row.value_at(place) is not None,
            )
        )
    return found


def _check_all(
    known: Registry, readings: Sequence[Reading], now: float
) -> tuple[list[Row], list[list[Refusal]]]:
    rows: list[Row] = []
    refusals: list[list[Refusal]] = []
    for place, reading in enumerate(readings):
        row, found = check(known, place, reading, now)
        refusals.append([*reading.troubles, *found] if reading.troubles else found)
        if row is not None:
            rows.append(row)
    return rows, refusals


def _ensure_months(rows: Sequence[Row], by: Actor) -> None:
    days = {row.at // 86_400 for row in rows}
    ensure_partitions(times=[day * 86_400 for day in days], by=by)


def _outcomes(
    readings: Sequence[Reading], refusals: Sequence[list[Refusal]], stored: Stored
) -> list[Outcome]:
    # Most readings have no refusals and share one empty list: each outcome gets its own.
    outcomes = [Outcome(QUARANTINED, [*found]) for found in refusals]
    for row in stored.new:
        outcomes[row.place].result = STORED
    for row in stored.duplicates:
        outcomes[row.place].result = DUPLICATE
    for row, found in stored.conflicts:
        outcomes[row.place].refusals.extend(found)
    for row, _part in stored.merged:
        outcomes[row.place].result = STORED
    return outcomes


def _kept(readings: Sequence[Reading], outcomes: Sequence[Outcome]) -> list[Kept]:
    """One quarantine row for each reading with a refusal: the first reason names it."""
    found = []
    for reading, outcome in zip(readings, outcomes, strict=True):
        if not outcome.refusals:
            continue
        first = outcome.refusals[0]
        detail = dict(first.detail)
        if len(outcome.refusals) > 1:
            detail["others"] = [
                {"reason": other.reason, **other.detail} for other in outcome.refusals[1:20]
            ]
        found.append(
            Kept(
                first.reason, _as_sent(reading), reading.mn, detail, reading.listener, reading.peer
            )
        )
    return found


def _as_sent(reading: Reading) -> bytes:
    """What came, whole: an HJ 212 segment gets its frame back, so that it can be replayed."""
    raw = reading.raw
    if reading.listener != "HJ212" or raw.startswith(b"##") or not 0 < len(raw) <= 9999:
        return raw
    return hj212.encode_segment(raw)


def _note_heard(
    known: Registry, readings: Sequence[Reading], outcomes: Sequence[Outcome], now: float
) -> None:
    counts = Counter(reading.mn for reading in readings)
    devices = known.devices
    heard_log.note_frames(
        [(devices[mn].id, number) for mn, number in counts.items() if mn in devices], now
    )
    for reading, outcome in zip(readings, outcomes, strict=True):
        if outcome.refusals and reading.mn in devices:
            heard_log.note_refusal(devices[reading.mn].id, now, outcome.refusals[0].reason)


def forget_everything() -> None:
    """Drop what this process remembers: keys, partitions, devices heard. For tests."""
    _remembered.clear()
    heard_log.clear()
    forget_partitions()
