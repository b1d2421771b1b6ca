"""What travels from an act that was committed to the live streams, by PostgreSQL's NOTIFY.

A channel belongs to one county, for NOTIFY knows databases, not schemas. A payload says that
something is to be read, or which case changed; it is less than 8,000 bytes (PostgreSQL's limit):

    {"k": "notice"}: there are new notices
    {"k": "case", "case_id": …, "number": …, "state": …, "division_code": …,
     "organisation_ids": […], "grid_code": …}
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson
from django.conf import settings

NEW_NOTICES: Final = '{"k":"notice"}'
BODY_SHOWN: Final = 300
"""Characters of the body that a live event shows; the inbox has the rest."""


def channel_name() -> str:
    """The NOTIFY channel of this county."""
    return f"{settings.COUNTY_SCHEMA}_live"


@dataclass(frozen=True, slots=True)
class CaseNews:
    """A case changed: enough for a queue on a screen, and to decide who may see it."""

    case_id: int
    number: str
    state: str
    division_code: str
    organisation_ids: tuple[int, ...]
    grid_code: str = ""

    def payload(self) -> str:
        return orjson.dumps({"k": "case", **asdict(self)}).decode()


def decoded(payload: str) -> dict[str, Any]:
    """A payload as a dict; ValueError if somebody else wrote on our channel."""
    found = orjson.loads(payload)
    if not isinstance(found, dict) or found.get("k") not in {"notice", "case"}:
        raise ValueError("not a payload of ours")
    return found
