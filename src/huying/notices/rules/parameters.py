"""Dated parameters of notices, validated when loaded."""

from datetime import date, time
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from huying.notices.rules.vocabulary import ChannelCode, Urgency

Minutes = Annotated[int, Field(ge=1, le=24 * 60)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Retry(_Strict):
    """Back-off of failed deliveries: first, first × factor, … up to longest; then dead."""

    first_minutes: Minutes
    factor: float = Field(ge=1, le=10)
    longest_minutes: Minutes
    attempts: int = Field(ge=1, le=20)


class Parameters(_Strict):
    in_force: date
    source: str
    default_channels: dict[Urgency, tuple[ChannelCode, ...]]
    escalate_after_minutes: dict[Urgency, tuple[Minutes, ...]]
    ring_in_quiet_hours: frozenset[Urgency]
    offered_quiet_hours: tuple[time, time]
    retry: Retry
    keep_days: int = Field(ge=30)
    push_hosts: tuple[str, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.default_channels) != set(Urgency):
            raise ValueError("default_channels: every urgency needs a list, if only an empty one")
        if any(not minutes for minutes in self.escalate_after_minutes.values()):
            raise ValueError("escalate_after_minutes: leave an urgency out rather than empty")
        if ChannelCode.INBOX in {c for chosen in self.default_channels.values() for c in chosen}:
            raise ValueError("default_channels: the inbox is always used and not listed")
        return self


class ParameterFile(_Strict):
    versions: tuple[Parameters, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        dates = [version.in_force for version in self.versions]
        if dates != sorted(set(dates)):
            raise ValueError("versions: each needs its own in_force date, in ascending order")
        return self

    def on(self, day: date) -> Parameters:
        """The version in force on `day`; the first one for any earlier day."""
        earlier = [version for version in self.versions if version.in_force <= day]
        return earlier[-1] if earlier else self.versions[0]


def load(path: Path) -> ParameterFile:
    """Read and validate a parameter file; ValueError (pydantic's) names what is wrong."""
    return ParameterFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
