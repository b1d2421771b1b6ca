"""What travels from a committing transaction to the live streams, by PostgreSQL's NOTIFY.

A channel belongs to one county, for NOTIFY knows databases, not schemas. A payload is JSON of
less than 8,000 bytes (PostgreSQL's limit) and carries all the stream needs, so that
delivering it costs no query:

    {"k": "notice", "x": xmin, "tx": transaction, "n": [[notice id, account id], …],
     "kind": …, "title": …, "body": …, "link": …, "urgency": …, "at": …}
    {"k": "case", "case_id": …, "number": …, "state": …, "division_code": …,
     "organisation_ids": […], "grid_code": …}
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson
from django.conf import settings

RECIPIENTS_PER_PAYLOAD: Final = 60
BODY_IN_PAYLOAD: Final = 300
"""Characters of the body that travel; the inbox has the rest."""


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
