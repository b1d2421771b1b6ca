"""Dated parameters of notices, validated when loaded."""

from datetime import time
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import Field, model_validator

from huying.notices.rules.vocabulary import ChannelCode, Urgency
from huying.standards.dated import Strict, Version, Versions

Minutes = Annotated[int, Field(ge=1, le=24 * 60)]


class Retry(Strict):
    """Back-off of failed deliveries: first, first × factor, … up to longest; then dead."""

    first_minutes: Minutes
    factor: float = Field(ge=1, le=10)
    longest_minutes: Minutes
    attempts: int = Field(ge=1, le=20)


class Parameters(Version):
    default_channels: dict[Urgency, tuple[ChannelCode, ...]]
    escalate_after_minutes: dict[Urgency, tuple[Minutes, ...]]
    ring_in_quiet_hours: frozenset[Urgency]
    offered_quiet_hours: tuple[time, time]
    retry: Retry
    keep_days: int = Field(ge=30)
    push_hosts: tuple[str, ...]
    apprise_schemes: frozenset[str]
    inner_networks: tuple[IPv4Network | IPv6Network, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.default_channels) != set(Urgency):
            raise ValueError("default_channels: every urgency needs a list, if only an empty one")
        if any(not minutes for minutes in self.escalate_after_minutes.values()):
            raise ValueError("escalate_after_minutes: leave an urgency out rather than empty")
        if ChannelCode.INBOX in {c for chosen in self.default_channels.values() for c in chosen}:
            raise ValueError("default_channels: the inbox is always used and not listed")
        return self


ParameterFile = Versions[Parameters]
