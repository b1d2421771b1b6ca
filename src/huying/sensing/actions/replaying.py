"""Taking quarantined items again, once the cause is mended; or dismissing them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from huying.directory.permissions import Actor, Permission
from huying.ledger import actions as ledger
from huying.sensing.actions.ingest import ingest_batch
from huying.sensing.actions.quarantining import NothingToReplay
from huying.sensing.models import Quarantine
from huying.sensing.parameters import retention
from huying.sensing.queries.registry import Registry, registry
from huying.sensing.rules import frames, payloads
from huying.sensing.rules.readings import STORED, Reading, Refusal
from huying.standards import hj212

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How many items are stored now, were there already, or were refused once more."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0


def replay_quarantine(
    *, by: Actor, ids: list[int] | None = None, reason: str = "", mn: str = "", limit: int = 5_000
) -> ReplayResult:
    """Take waiting items again: those named, or all of a reason (and device), oldest first.

    What is refused again stays, with the reason of now. Raises NotAllowed, NothingToReplay.
    """
    by.require(Permission.QUARANTINE_REPLAY)
    waiting = Quarantine.objects.filter(outcome=Quarantine.Outcome.WAITING)
    if ids is not None:
        waiting = waiting.filter(id__in=ids)
    if reason:
        waiting = waiting.filter(reason=reason)
    if mn:
        waiting = waiting.filter(mn=mn)
    numbers = list(waiting.order_by("id").values_list("id", flat=True)[:limit])
    if not numbers:
        raise NothingToReplay
    accepted = duplicates = refused = 0
    for start in range(0, len(numbers), _AT_ONCE):
        part = _replay(numbers[start : start + _AT_ONCE], by)
        accepted += part.accepted
        duplicates += part.duplicates
        refused += part.refused
    return ReplayResult(accepted, duplicates, refused)


def _replay(numbers: list[int], by: Actor) -> ReplayResult:
    with transaction.atomic():
        items = list(
            Quarantine.objects.select_for_update()
            .filter(id__in=numbers, outcome=Quarantine.Outcome.WAITING)
            .order_by("id")
        )
        readings: list[Reading] = []
        places: dict[int, list[int]] = {}
        refusals: dict[int, Refusal] = {}
        known = registry()
        for item in items:
            found = _readings(known, item)
            if isinstance(found, Refusal):
                refusals[item.id] = found
                continue
            places[item.id] = list(range(len(readings), len(readings) + len(found)))
            readings += found
        outcomes = ingest_batch(readings=readings, by=by, quarantine=False).outcomes
        now = timezone.now()
        counts = {Quarantine.Outcome.ACCEPTED: 0, Quarantine.Outcome.DUPLICATE: 0}
        for item in items:
            item.attempts += 1
            mine = [outcomes[place] for place in places.get(item.id, ())]
            again = next((r for outcome in mine for r in outcome.refusals), refusals.get(item.id))
            if again is not None:
                item.reason, item.detail = again.reason, _detail(again.detail)
            elif mine:
                stored = any(outcome.result == STORED for outcome in mine)
                item.outcome = (
                    Quarantine.Outcome.ACCEPTED if stored else Quarantine.Outcome.DUPLICATE
                )
                item.settled_at, item.settled_by = now, by.ref
                counts[Quarantine.Outcome(item.outcome)] += 1
        Quarantine.objects.bulk_update(
            items, ["attempts", "reason", "detail", "outcome", "settled_at", "settled_by"]
        )
        _record("quarantine.replayed", items, by)
    accepted = counts[Quarantine.Outcome.ACCEPTED]
    duplicates = counts[Quarantine.Outcome.DUPLICATE]
    return ReplayResult(accepted, duplicates, len(items) - accepted - duplicates)


def _readings(known: Registry, item: Quarantine) -> list[Reading] | Refusal:
    """What an item holds, parsed anew, or why it still cannot be read."""
    raw = bytes(item.raw)
    if item.listener == "HJ212":
        return _readings_of_frames(known, raw, item.peer)
    try:
        found = payloads.readings_of(raw, listener=item.listener, peer=item.peer)
    except payloads.Unreadable as error:
        return error.refusal
    refusal = next((one for one in found if isinstance(one, Refusal)), None)
    return refusal or [one for one in found if isinstance(one, Reading)]


def _readings_of_frames(known: Registry, raw: bytes, peer: str) -> list[Reading] | Refusal:
    def key_of(mn: str) -> bytes | None:
        profile = known.devices.get(mn)
        return profile.sm4_key if profile else None

    deframer = hj212.Deframer(key_of=key_of)
    readings: list[Reading] = []
    for piece in [*deframer.feed(raw), *deframer.close()]:
        if isinstance(piece, hj212.Refused):
            return Refusal(piece.reason.value, {})
        if not frames.is_data(piece.cn):
            return Refusal("UNKNOWN_COMMAND", {"cn": piece.cn})
        found = frames.reading_of(piece, raw=raw, peer=peer)
        if isinstance(found, Refusal):
            return found
        readings.append(found)
    return readings or Refusal("JUNK", {})


def _detail(detail: Mapping[str, object]) -> dict[str, object]:
    return {
        key: value if isinstance(value, str | int | float | bool) and value == value else str(value)
        for key, value in detail.items()
    }


def dismiss_quarantine(*, ids: list[int], by: Actor) -> int:
    """Settle waiting items as not wanted; they stay listed until they expire. How many."""
    by.require(Permission.QUARANTINE_REPLAY)
    with transaction.atomic():
        items = list(
            Quarantine.objects.select_for_update()
            .filter(id__in=ids, outcome=Quarantine.Outcome.WAITING)
            .order_by("id")
        )
        if not items:
            raise NothingToReplay
        Quarantine.objects.filter(id__in=[item.id for item in items]).update(
            outcome=Quarantine.Outcome.DISMISSED, settled_at=timezone.now(), settled_by=by.ref
        )
        _record("quarantine.dismissed", items, by)
    return len(items)


def drop_old_quarantine(*, now: datetime, by: Actor) -> int:
    """Delete what has been in quarantine longer than the county keeps it; how many rows."""
    by.require(Permission.SENSING_MANAGE)
    before = now - timedelta(days=retention(now).quarantine_days)
    deleted, _by_model = Quarantine.objects.filter(received_at__lt=before).delete()
    return deleted


def _record(kind: str, items: list[Quarantine], by: Actor) -> None:
    ledger.record(
        kind=kind,
        subject="quarantine",
        by=by.ref,
        body={"items": [item.id for item in items][:500], "count": len(items)},
    )


__all__ = [
    "ReplayResult",
    "dismiss_quarantine",
    "drop_old_quarantine",
    "replay_quarantine",
]
