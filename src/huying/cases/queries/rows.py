"""Cases as rows of a list, and the cursors that page through them."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import orjson
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from huying.cases.models import Case
from huying.cases.queries.dictionary import category_name
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.results import NONE, ON_TIME, OVERDUE, SOON, CaseRow
from huying.cases.queries.wording import unit_name
from huying.cases.rules.parties import PARTIES
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.vocabulary import MERGED, Urgency
from huying.directory import queries as directory
from huying.directory.permissions import DomainError

SOON_WITHIN: Final = timedelta(hours=24)
COLUMNS: Final = (
    "id",
    "number",
    "title",
    "procedure",
    "procedure_version",
    "state",
    "kind",
    "category",
    "urgency",
    "place_text",
    "lon",
    "lat",
    "grid_code",
    "division_code",
    "lead_organisation_id",
    "officer_id",
    "officer__name",
    "discovered_at",
    "created_at",
    "updated_at",
    "closed_at",
    "due_at",
    "due_clock",
    "due_provisional",
    "report_count",
    "people_involved",
    "supervised",
    "version",
)


class BadCursor(DomainError):
    """The cursor is not one of ours."""

    code = "BAD_CURSOR"
    status = 400


def cursor_of(*keys: Any) -> str:
    """An opaque cursor after the row with these keys."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def keys_of(cursor: str, count: int) -> list[Any]:
    """The keys of a cursor; `BadCursor`."""
    try:
        keys = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        keys = None
    if not isinstance(keys, list) or len(keys) != count:
        raise BadCursor(
            "翻页位置无效，请从第一页重新打开。", "The cursor is not valid; start again."
        )
    return keys


def status_of(due_at: datetime | None, closed_at: datetime | None, now: datetime) -> str:
    """How an open case stands against its earliest clock."""
    if due_at is None or closed_at is not None:
        return NONE
    if due_at <= now:
        return OVERDUE
    return SOON if due_at - now <= SOON_WITHIN else ON_TIME


def state_label(procedure: Procedure, state: str) -> str:
    found = procedure.states.get(state)
    if found is not None:
        return str(found.label)
    return _("已并案") if state == MERGED else state


def turn_of(procedure: Procedure, state: str, unit: str) -> str:
    """Whose turn it is, in words: the unit's name where it is the unit's."""
    found = procedure.states.get(state)
    if found is None or not found.turn:
        return ""
    if found.turn in {"handling_officer", "unit_head"} and unit:
        return unit
    return str(PARTIES[found.turn].label)


def rows_of(cases: "QuerySet[Case]", now: datetime) -> list[CaseRow]:
    """The cases of a queryset as rows, in its order. One query; names come from memory."""
    found = list(cases.values(*COLUMNS))
    names = directory.division_names({row["division_code"] for row in found})
    return [row_of(row, names, now) for row in found]


@cache
def _numbered() -> str:
    """The statement for one case by number, as the ORM writes it: composed once a process."""
    return str(Case.objects.filter(number="").values(*COLUMNS).query.sql_with_params()[0])


def rows_numbered(number: str, now: datetime, *, closed: bool | None) -> list[CaseRow]:
    """The case with this number, if it is closed or open as asked (None = either).

    For actors who see every case; what a number is typed for most often.
    """
    with connection.cursor() as cursor:
        cursor.execute(_numbered(), [number])
        found = [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    if closed is not None:
        found = [row for row in found if (row["closed_at"] is not None) is closed]
    names = directory.division_names({row["division_code"] for row in found})
    return [row_of(row, names, now) for row in found]


def row_of(row: Mapping[str, Any], names: Mapping[str, str], now: datetime) -> CaseRow:
    """One row from the values of COLUMNS."""
    procedure = procedure_of(row["procedure"], row["procedure_version"])
    unit = unit_name(row["lead_organisation_id"])
    clock = procedure.clocks.get(row["due_clock"])
    return CaseRow(
        id=row["id"],
        number=row["number"],
        title=row["title"],
        procedure=row["procedure"],
        procedure_label=str(procedure.name),
        state=row["state"],
        state_label=state_label(procedure, row["state"]),
        turn=turn_of(procedure, row["state"], unit),
        kind=row["kind"],
        category=row["category"],
        category_name=category_name(row["category"]),
        urgency=row["urgency"],
        urgency_label=str(Urgency(row["urgency"]).label),
        place_text=row["place_text"],
        lon=row["lon"],
        lat=row["lat"],
        grid_code=row["grid_code"],
        division_code=row["division_code"],
        division_name=names.get(row["division_code"], ""),
        unit_id=row["lead_organisation_id"],
        unit_name=unit,
        officer_id=row["officer_id"],
        officer_name=row["officer__name"] or "",
        discovered_at=row["discovered_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        closed_at=row["closed_at"],
        due_at=row["due_at"],
        due_clock=row["due_clock"],
        due_label=str(clock.label) if clock else "",
        due_provisional=row["due_provisional"],
        status=status_of(row["due_at"], row["closed_at"], now),
        report_count=row["report_count"],
        people_involved=row["people_involved"],
        supervised=row["supervised"],
        version=row["version"],
    )


def rows_by_id(ids: Iterable[int], now: datetime) -> list[CaseRow]:
    """These cases, in the order of the ids."""
    wanted = list(ids)
    rows = {row.id: row for row in rows_of(Case.objects.filter(pk__in=wanted), now)}
    return [rows[one] for one in wanted if one in rows]
