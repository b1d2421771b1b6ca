"""Rates of the 12345 hotline: GB/T 33358-2016 and its local rules.

Each is a share between 0 and 1, or ``None`` where nothing was due: no rate is better than
an invented 100 %. The weights of the composite are a county's parameter.
"""

from dataclasses import dataclass
from typing import Final

from huying.standards.errors import InvalidInput


class InvalidCounts(InvalidInput):
    """Counts or weights that cannot belong together."""

    code = "INVALID_COUNTS"


@dataclass(frozen=True, slots=True)
class HotlineCounts:
    """What happened to the tickets of one unit in one period.

    ``due``: tickets whose limit ended in the period; ``closed_on_time`` of them.
    ``assigned``: tickets received; ``contacted_on_time``: the caller reached within the
    limit. ``called_back``: valid callbacks; ``solved`` and ``satisfied`` as callers said.
    """

    due: int = 0
    closed_on_time: int = 0
    assigned: int = 0
    contacted_on_time: int = 0
    called_back: int = 0
    solved: int = 0
    satisfied: int = 0

    def __post_init__(self) -> None:
        pairs = (
            (self.closed_on_time, self.due),
            (self.contacted_on_time, self.assigned),
            (self.solved, self.called_back),
            (self.satisfied, self.called_back),
        )
        if any(not 0 <= part <= whole for part, whole in pairs):
            raise InvalidCounts(
                "件数有误：部分不能大于总数，也不能为负。",
                "The counts are wrong: a part cannot exceed its whole or be negative.",
            )


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the composite; they add up to 100. The default is one published set."""

    contact: int = 30
    resolution: int = 35
    satisfaction: int = 35

    def __post_init__(self) -> None:
        parts = (self.contact, self.resolution, self.satisfaction)
        if min(parts) < 0 or sum(parts) != 100:
            raise InvalidCounts("各项权重之和应为 100。", "The weights must add up to 100.")


DEFAULT_WEIGHTS: Final = Weights()


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def on_time_rate(counts: HotlineCounts) -> float | None:
    """按时办结率: closed on time ÷ due."""
    return _share(counts.closed_on_time, counts.due)


def contact_rate(counts: HotlineCounts) -> float | None:
    """响应率: contacted within the limit ÷ assigned."""
    return _share(counts.contacted_on_time, counts.assigned)


def resolution_rate(counts: HotlineCounts) -> float | None:
    """解决率: solved ÷ valid callbacks."""
    return _share(counts.solved, counts.called_back)


def satisfaction_rate(counts: HotlineCounts) -> float | None:
    """满意率: satisfied ÷ valid callbacks."""
    return _share(counts.satisfied, counts.called_back)


def composite_score(counts: HotlineCounts, weights: Weights = DEFAULT_WEIGHTS) -> float | None:
    """0 … 100 from the three rates; ``None`` while one of them cannot be computed."""
    contact = contact_rate(counts)
    resolution = resolution_rate(counts)
    satisfaction = satisfaction_rate(counts)
    if contact is None or resolution is None or satisfaction is None:
        return None
    return (
        weights.contact * contact
        + weights.resolution * resolution
        + weights.satisfaction * satisfaction
    )
