"""The stored words of notices."""

from enum import StrEnum
from typing import Final


class Urgency(StrEnum):
    NORMAL = "NORMAL"
    URGENT = "URGENT"
    EMERGENCY = "EMERGENCY"


class ChannelCode(StrEnum):
    """Ways to reach a person. INBOX is always used; the order is the order of escalation."""

    INBOX = "INBOX"
    WEB_PUSH = "WEB_PUSH"
    APPRISE = "APPRISE"
    DEMO = "DEMO"


class DeliveryState(StrEnum):
    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"  # failed at least once, will be tried again
    DEAD = "DEAD"  # given up; an operator sees it and may resend
    SKIPPED = "SKIPPED"  # read in the inbox before it had to be sent


class EscalationStep(StrEnum):
    NEXT_CHANNEL = "NEXT_CHANNEL"
    NEXT_PERSON = "NEXT_PERSON"
    NOBODY_LEFT = "NOBODY_LEFT"


EXTERNAL_CHANNELS: Final = (ChannelCode.WEB_PUSH, ChannelCode.APPRISE, ChannelCode.DEMO)

TOPICS: Final = ("case", "report", "alert", "clock", "system")
"""What a person may choose channels for: the part of a notice's kind before the first dot."""


def topic_of(kind: str) -> str:
    """The topic of a kind: "alert.opened" → "alert"."""
    return kind.partition(".")[0]
