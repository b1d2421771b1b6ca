"""What a past is made of: cases as they were, with every act they have had."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from huying.cases.actions.results import Contact
from huying.cases.rules import engine
from huying.directory.permissions import Actor

RATE: Final = "rate"
JOIN: Final = engine.JOIN


@dataclass(frozen=True, slots=True, kw_only=True)
class PastReport:
    """What one person said. `reporter_id` is known to the directory already."""

    text: str
    channel: str
    by: Actor
    contact: Contact | None = None
    reporter_id: int | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStep:
    """One act: of the procedure, or RATE (with `rating`), or JOIN (with `report`).

    `of` says which report of the case is meant, counted from 0, where the act concerns one.
    """

    at: dt.datetime
    action: str
    by: Actor
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    of: int | None = None
    rating: str = ""
    comment: str = ""
    report: PastReport | None = None
    where_offered: bool = False
    """Leave it out where the case had moved on by then, e.g. was closed by its clock."""


def later(step: PastStep, at: dt.datetime) -> PastStep:
    """The same step at another time."""
    return replace(step, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCase:
    """A case from its beginning; `steps` in the order of time.

    One with a `report` is dispatched by the table of responsibilities where its `category`
    decides, as `receive_report` does it. One without is opened as `open_case` does.
    """

    procedure: str
    at: dt.datetime
    by: Actor
    title: str
    lon: float | None
    lat: float | None
    place_text: str
    grid_code: str | None
    division_code: str
    category: str = ""
    kind: str = ""
    urgency: str = "NORMAL"
    report: PastReport | None = None
    summary: str = ""
    lead_organisation_id: int | None = None
    alert_id: int | None = None
    alert_key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    steps: Sequence[PastStep] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """A case that came in. `receipts` are those of its reports, in order."""

    case_id: int
    state: str
    receipts: tuple[str, ...]
