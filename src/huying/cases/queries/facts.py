"""One case as the engine sees it, read in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import connection

from huying.cases.models import view_of
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.engine import Facts, ReportFacts
from huying.directory.permissions import Actor, DomainError


class CaseNotFound(DomainError):
    """There is no such case, or it is not this actor's to see."""

    code = "CASE_NOT_FOUND"
    status = 404

    def __init__(self) -> None:
        super().__init__(
            "没有找到这件事项，或者它不在您的范围内。",
            "There is no such case, or it is outside what you may see.",
        )


class ReportNotFound(DomainError):
    """No report has this receipt."""

    code = "REPORT_NOT_FOUND"
    status = 404

    def __init__(self) -> None:
        super().__init__(
            "没有找到这个回执号。请核对 12 位字母和数字，其中没有字母 O、I、L、U。",
            "No report has this receipt. Please check its 12 letters and digits; "
            "it holds no O, I, L or U.",
        )


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case read for writing: its facts, and what the engine need not know."""

    facts: Facts
    procedure: str
    procedure_version: int
    created_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    report_count: int
    alert_id: int | None
    merged_into_id: int | None


_COLUMNS: Final = (
    "id", "number", "procedure", "procedure_version", "state", "version", "kind", "category",
    "urgency", "title", "place_text", "lead_organisation_id", "officer_id", "grid_code",
    "division_code", "outcome", "supervised", "true_alarm", "people_involved", "pending",
    "created_at", "closed_at", "due_at", "report_count", "alert_id", "merged_into_id",
)  # fmt: skip
_NAMES: Final = (*_COLUMNS, "clocks", "reports", "secret", "assisting")
_READ: Final = (
    "SELECT "  # noqa: S608 - the columns are the constants above
    + ", ".join(f"c.{name}" for name in _COLUMNS)
    + """,
       (SELECT jsonb_agg(to_jsonb(k) ORDER BY k.id) FROM cases_clock k
         WHERE k.case_id = c.id AND k.stopped_at IS NULL) AS clocks,
       (SELECT jsonb_agg(jsonb_build_array(r.id, r.state, r.rating) ORDER BY r.id)
          FROM cases_report r WHERE r.case_id = c.id) AS reports,
       EXISTS (SELECT 1 FROM cases_report r WHERE r.case_id = c.id AND r.secret) AS secret,
       (SELECT jsonb_agg(u.organisation_id) FROM cases_assistingunit u
         WHERE u.case_id = c.id) AS assisting
  FROM cases_case c WHERE {}
"""
)
_BY_ID: Final = _READ.format("c.id = %s")
_BY_IDS: Final = _READ.format("c.id = ANY(%s) ORDER BY c.id")
_LOCKED: Final = _READ.format("c.id = ANY(%s) ORDER BY c.id FOR UPDATE OF c")


def case_record(case_id: int) -> CaseRecord:
    """The case; `CaseNotFound`. One statement, nothing locked."""
    found = _read(_BY_ID, case_id)
    if not found:
        raise CaseNotFound
    return found[0]


def case_records(case_ids: list[int], *, lock: bool = False) -> list[CaseRecord]:
    """Those of the cases that there are, by id."""
    return _read(_LOCKED if lock else _BY_IDS, case_ids)


def _read(statement: str, parameter: int | list[int]) -> list[CaseRecord]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [parameter])
        return [_record(dict(zip(_NAMES, row, strict=True))) for row in cursor.fetchall()]


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _record(row: Mapping[str, Any]) -> CaseRecord:
    facts = Facts(
        id=row["id"],
        number=row["number"],
        state=row["state"],
        version=row["version"],
        kind=row["kind"],
        category=row["category"],
        urgency=row["urgency"],
        title=row["title"],
        place_text=row["place_text"],
        lead_organisation_id=row["lead_organisation_id"],
        officer_id=row["officer_id"],
        grid_code=row["grid_code"],
        division_code=row["division_code"],
        outcome=row["outcome"],
        supervised=row["supervised"],
        true_alarm=row["true_alarm"],
        people_involved=row["people_involved"],
        assisting_ids=frozenset(_json(row["assisting"]) or ()),
        pending=_json(row["pending"]),
        clocks=tuple(map(ticking, _json(row["clocks"]) or ())),
        reports=tuple(ReportFacts(*one) for one in _json(row["reports"]) or ()),
        from_alert=row["alert_id"] is not None,
        secret=row["secret"],
    )
    return CaseRecord(
        facts=facts,
        procedure=row["procedure"],
        procedure_version=row["procedure_version"],
        created_at=row["created_at"],
        closed_at=row["closed_at"],
        due_at=row["due_at"],
        report_count=row["report_count"],
        alert_id=row["alert_id"],
        merged_into_id=row["merged_into_id"],
    )


def ticking(row: Mapping[str, Any]) -> Ticking:
    """A clock as the engine sees it, from a row of its table (times as text or datetimes)."""
    return Ticking(
        id=row["id"],
        name=row["name"],
        report_id=row["report_id"],
        limit=row["limit"],
        article=row["article"],
        started_at=_required(row["started_at"]),
        due_at=_required(row["due_at"]),
        provisional=row["provisional"],
        stopped_at=_time(row["stopped_at"]),
        paused_at=_time(row["paused_at"]),
        pauses=tuple((_required(a), _required(b)) for a, b in row["pauses"]),
        extensions=tuple(row["extensions"]),
        warn_at=_time(row["warn_at"]),
        warned_at=_time(row["warned_at"]),
        escalated_at=_time(row["escalated_at"]),
    )


def _required(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _time(value: str | datetime | None) -> datetime | None:
    return None if value is None else _required(value)


def may_see(actor: Actor, facts: Facts) -> bool:
    """The same as `Case.objects.visible_to`, for a case already read."""
    return view_of(actor).contains(
        facts.division_code,
        facts.assisting_ids | {facts.lead_organisation_id},
        facts.grid_code,
    )
