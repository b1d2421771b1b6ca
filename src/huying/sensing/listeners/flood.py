"""Who sends too much, and how much of what cannot be read is worth keeping."""

from typing import Final

KEPT_A_MINUTE: Final = 60
"""How many items one sender may put into quarantine a minute; the rest is only counted."""


class MinuteLimit:
    """Counts by key and minute; the memory of at most `most` keys."""

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
