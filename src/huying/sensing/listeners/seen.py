"""What a listener shows at /metrics: its counters, handed on once a batch, never once a frame."""

from collections.abc import Sequence
from typing import Final

from huying.sensing.actions import Counters, Outcome
from huying.telemetry import metrics

_RESULTS: Final = ("stored", "duplicates", "quarantined", "flooded")
_NAMES: Final = ("STORED", "DUPLICATE", "QUARANTINED", "FLOODED")


class Seen:
    """One for each listener. Every series is there from the start, with 0."""

    def __init__(self, listener: str) -> None:
        self.full = metrics.BACK_PRESSURE.labels(listener)
        self._frames = metrics.FRAMES.labels(listener)
        self._results = [metrics.READINGS.labels(listener, name) for name in _NAMES]
        self._not_stored = metrics.READINGS.labels(listener, "NOT_STORED")
        self._queue = metrics.QUEUE.labels(listener)
        self._connections = metrics.CONNECTIONS.labels(listener)
        self._told = Counters()

    def batch(self, counters: Counters, outcomes: Sequence[Outcome | None], waiting: int) -> None:
        """A batch was settled."""
        metrics.BATCH_READINGS.observe(len(outcomes))
        self._not_stored.inc(sum(outcome is None for outcome in outcomes))
        self.now(counters, waiting)

    def now(self, counters: Counters, waiting: int) -> None:
        """Hand on what was counted since the last time."""
        told = self._told
        self._frames.inc(counters.frames - told.frames)
        told.frames = counters.frames
        for name, series in zip(_RESULTS, self._results, strict=True):
            total = getattr(counters, name)
            series.inc(total - getattr(told, name))
            setattr(told, name, total)
        self._queue.set(waiting)
        self._connections.set(counters.connections)
