"""Alert rules: a value and where the rule stands in, what to do out. No tables, no clock."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

PERIOD_SECONDS: Final = {"REALTIME": 0, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it stands now; see `models.AlertRule` for the words."""

    id: int
    code: str
    name: str
    version: int
    test: str
    period: str
    comparison: str
    threshold: float
    clear_threshold: float
    for_seconds: int
    window_seconds: int
    severity: str
    property_id: int | None = None
    medium: str = ""
    device_ids: frozenset[int] = frozenset()

    def applies_to(self, device_id: int, medium: str) -> bool:
        if self.device_ids:
            return device_id in self.device_ids
        return not self.medium or self.medium == medium

    def breached_by(self, value: float) -> bool:
        """Strictly beyond the threshold; an AQI level is reached with its first index."""
        if self.test == "AQI":
            return value >= self.threshold
        return value > self.threshold if self.comparison == "ABOVE" else value < self.threshold

    def cleared_by(self, value: float) -> bool:
        """Back at the clearing value: between the two nothing changes (hysteresis).

        An AQI level is left below the clearing value: at the same value nothing is both.
        """
        if self.test == "AQI":
            return value < self.clear_threshold
        if self.comparison == "ABOVE":
            return value <= self.clear_threshold
        return value >= self.clear_threshold

    def worse(self, value: float, than: float | None) -> bool:
        if than is None:
            return True
        return value > than if self.comparison == "ABOVE" else value < than


class Standing(NamedTuple):
    """Where a rule stands with a device. Times in seconds since 1970."""

    evaluated_at: int | None = None
    breached_since: int | None = None
    is_open: bool = False


class Step(StrEnum):
    QUIET = "QUIET"
    WAITING = "WAITING"
    OPENS = "OPENS"
    STAYS = "STAYS"
    CLOSES = "CLOSES"
    IGNORED = "IGNORED"


def evaluate(rule: Rule, standing: Standing, at: int, value: float) -> tuple[Standing, Step]:
    """One more value (for RATE the rise or fall in the window, for AQI the index).

    A value older than the last one evaluated is IGNORED: late data is stored and counted, but
    the present is not reopened by the past. One of the same time is a correction (the device's
    own hour after the one we computed) and is evaluated again. A breach opens once it has held for
    `for_seconds`, an hourly value holding to the end of its hour; a gap of more than two
    periods (or of the required time, whichever is longer) starts the count anew.
    """
    if standing.evaluated_at is not None and at < standing.evaluated_at:
        return standing, Step.IGNORED
    if standing.is_open:
        if rule.cleared_by(value):
            return Standing(at, None, False), Step.CLOSES
        return Standing(at, standing.breached_since, True), Step.STAYS
    if not rule.breached_by(value):
        return Standing(at, None, False), Step.QUIET
    period = PERIOD_SECONDS[rule.period]
    since = standing.breached_since
    if since is None or _interrupted(rule, standing, at, period):
        since = at
    if at + period - since >= rule.for_seconds:
        return Standing(at, since, True), Step.OPENS
    return Standing(at, since, False), Step.WAITING


def _interrupted(rule: Rule, standing: Standing, at: int, period: int) -> bool:
    last = standing.evaluated_at
    return last is not None and at - last > max(2 * period, rule.for_seconds)


def is_silent(rule: Rule, last_heard: float | None, now: float) -> bool:
    """Whether a device has not been heard of for the rule's time. Never heard is not silent:
    a device that was registered but not yet connected is no failure."""
    return last_heard is not None and now - last_heard >= rule.for_seconds
