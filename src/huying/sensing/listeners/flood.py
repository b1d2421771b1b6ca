"""Who sends too much, and how much of what cannot be read is worth keeping."""

from typing import Final

KEPT_A_MINUTE: Final = 60
"""How many items one sender may put into quarantine a minute; the rest is only counted."""


KEPT_ALTOGETHER: Final = 6_000
"""The same for all senders of a listener together: who comes under ever new names fills no disk."""


class MinuteLimit:
    """Counts by key and minute; the memory of at most `most` keys.

    Times are seconds of a monotonic clock: one that stands still must not shut everybody out.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._counts: dict[str, tuple[int, int]] = {}
        self._most = most

    def add(self, key: str, now: float) -> int:
        """Count one more; how many there are in this minute."""
        minute = int(now) // 60
        known = self._counts.get(key)
        count = known[1] + 1 if known is not None and known[0] == minute else 1
        if known is None and len(self._counts) >= self._most:
            self._counts.clear()
        self._counts[key] = (minute, count)
        return count

    def count(self, key: str, now: float) -> int:
        """How many there are in this minute."""
        known = self._counts.get(key)
        return known[1] if known is not None and known[0] == int(now) // 60 else 0


class KeptLimit:
    """What of that which cannot be read is worth keeping: some of each sender, some of all."""

    def __init__(self) -> None:
        self._counts = MinuteLimit()

    def takes(self, sender: str, now: float) -> bool:
        """Whether one more of this sender is kept; else it is only counted."""
        return (
            self._counts.add(f"from {sender}", now) <= KEPT_A_MINUTE
            and self._counts.add("all", now) <= KEPT_ALTOGETHER
        )
