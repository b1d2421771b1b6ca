"""What others may subscribe to. Subscribers run inside the transaction that emits.

Sent as `signal.send(sender=CaseActed, event=CaseActed(…))`.
"""

from dataclasses import dataclass

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case began; `report_id` where a report began it."""

    case_id: int
    procedure: str
    category: str
    division_code: str
    grid_code: str | None
    report_id: int | None


@dataclass(frozen=True, slots=True)
class CaseActed:
    """A step of a procedure was taken."""

    case_id: int
    action: str
    from_state: str
    to_state: str
    closed: bool


@dataclass(frozen=True, slots=True)
class ReportRated:
    """A reporter rated the answer."""

    report_id: int
    case_id: int
    rating: str


case_opened = Signal()
case_acted = Signal()
report_rated = Signal()
