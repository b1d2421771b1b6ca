"""Where a live stream stands, so that it can be resumed without loss or repeats.

Ids are drawn before the commit: a lower id may become visible after a higher one, so "all
ids above the last one seen" would lose it. A position is therefore a low mark, a transaction
number below which everything was delivered, and the few notices already delivered from
transactions at or above the mark.

The mark moves up by PostgreSQL's snapshots: a stream process reads what is new, one reading
after the other, and each says which transactions it could see. What a snapshot had was handed
out with it, so the next reading asks for the others only, and everything below its oldest
running transaction is done with for good.
"""

from dataclasses import dataclass, field
from typing import Final

MOST_SEEN: Final = 256
"""Notices remembered above the mark. Only a transaction left open for long makes them many;
beyond this a resumed stream may repeat one, and never loses one."""


@dataclass(slots=True)
class Position:
    """`low`: the mark. `seen`: delivered notices, id → transaction (0 where not known)."""

    low: int
    seen: dict[int, int] = field(default_factory=dict)

    def is_new(self, notice_id: int, transaction: int) -> bool:
        return transaction >= self.low and notice_id not in self.seen

    def deliver(self, notice_id: int, transaction: int, low: int) -> None:
        """A notice goes out; everything below `low` went before."""
        self.seen[notice_id] = transaction
        self.raise_to(low)
        while len(self.seen) > MOST_SEEN:
            del self.seen[next(iter(self.seen))]

    def raise_to(self, low: int) -> None:
        """Everything below `low` was delivered."""
        if low > self.low:
            self.low = low
            self.seen = {pk: tx for pk, tx in self.seen.items() if not 0 < tx < low}

    def __str__(self) -> str:
        return ".".join(map(str, [self.low, *self.seen]))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one reading could see: every transaction below `high` but those still `running`."""

    low: int
    high: int
    running: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> "Snapshot":
        """As PostgreSQL writes a pg_snapshot: xmin:xmax:xip,xip…"""
        low, high, running = text.split(":")
        return cls(int(low), int(high), tuple(map(int, filter(None, running.split(",")))))

    def had(self, transaction: int) -> bool:
        """Whether a transaction had ended: what it committed was seen."""
        return transaction < self.high and transaction not in self.running


def parsed(text: str) -> Position:
    """The position written by str(); ValueError for anything else."""
    parts = text.split(".")
    if len(parts) > MOST_SEEN + 1 or not all(
        part.isascii() and part.isdigit() and len(part) <= 20 for part in parts
    ):
        raise ValueError("not a position of this stream")
    low, *seen = map(int, parts)
    if low >= 2**64 or any(pk >= 2**63 for pk in seen):
        raise ValueError("not a position of this stream")
    return Position(low, dict.fromkeys(seen, 0))
