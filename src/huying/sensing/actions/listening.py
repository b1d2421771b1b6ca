"""What listeners write of themselves: counters for the health page."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from huying.directory.permissions import Actor
from huying.sensing.models import ListenerState


@dataclass(slots=True)
class Counters:
    """What one listener has done since it started; written every few seconds."""

    connections: int = 0
    frames: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    flooded: int = 0
    waiting: int = 0
    commit_ms: float = 0.0
    last_error: str = ""


def note_listener(
    *,
    name: str,
    kind: str,
    started_at: datetime,
    counters: Counters,
    by: Actor,
    stopped: bool = False,
) -> None:
    """Write the counters of one listener process."""
    now = datetime.now(UTC)
    ListenerState.objects.update_or_create(
        name=name,
        defaults={
            "kind": kind,
            "started_at": started_at,
            "seen_at": now,
            "stopped_at": now if stopped else None,
            "connections": counters.connections,
            "frames": counters.frames,
            "stored": counters.stored,
            "duplicates": counters.duplicates,
            "quarantined": counters.quarantined,
            "flooded": counters.flooded,
            "waiting": counters.waiting,
            "commit_ms": counters.commit_ms,
            "last_error": counters.last_error[:200],
        },
    )


def forget_old_listeners(*, now: datetime, by: Actor) -> int:
    """Delete the counters of processes not seen for a week; how many."""
    deleted, _ = ListenerState.objects.filter(seen_at__lt=now - timedelta(days=7)).delete()
    return deleted
