"""Counts kept with the acts: what changes in them, and folding the changes together."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from huying.cases.models import Measure
from huying.cases.queries.facts import CaseRecord
from huying.cases.rules.engine import Facts, Plan
from huying.cases.rules.procedure import Procedure
from huying.standards.deadlines import SHANGHAI

Row = Mapping[str, Any]


def standing(procedure: str, facts: Facts, count: int) -> Row:
    """One more (or less) open case in this state, at this place, with this unit."""
    return _row(Measure.OPEN, procedure, facts, facts.state, count, None)


def happened(
    measure: Measure, procedure: str, facts: Facts, now: datetime, state: str = "", count: int = 1
) -> Row:
    """Something counted by the day."""
    return _row(measure, procedure, facts, state, count, now)


def _row(
    measure: Measure, procedure: str, facts: Facts, state: str, count: int, now: datetime | None
) -> Row:
    return {
        "measure": measure.value,
        "day": now.astimezone(SHANGHAI).date() if now else None,
        "procedure": procedure,
        "state": state,
        "organisation_id": facts.lead_organisation_id or 0,
        "division_code": facts.division_code,
        "grid_code": facts.grid_code or "",
        "category": facts.category,
        "count": count,
    }


def tallies_of(procedure: Procedure, record: CaseRecord, plan: Plan, now: datetime) -> list[Row]:
    """What an act changes in the counts."""
    before, after, name = record.facts, plan.facts, procedure.procedure
    rows: list[Row] = []
    was_open = not procedure.is_final(before.state)
    is_open = not procedure.is_final(after.state)
    if was_open:
        rows.append(standing(name, before, -1))
    if is_open:
        rows.append(standing(name, after, 1))
    if len(rows) == 2 and {**rows[0], "count": 1} == rows[1]:
        rows.clear()
    if was_open and not is_open:
        # On time = nothing that ran was past its due time when it ended.
        late = any(clock.due_at <= now for clock in before.clocks if clock.runs) or any(
            clock.escalated_at for clock in before.clocks
        )
        rows.append(happened(Measure.CLOSED, name, after, now, "LATE" if late else "ON_TIME"))
    if plan.answered:
        rows.append(happened(Measure.REPLIED, name, after, now, count=len(plan.answered)))
    return rows


# What stands alone is left alone: rows that stay are read from the index without their pages.
_FOLD: Final = """
WITH several AS (
  SELECT id, count(*) OVER (PARTITION BY measure, day, procedure, state, organisation_id,
                            division_code, grid_code, category) AS times
  FROM cases_casetally WHERE id <= %s AND (measure = 'OPEN' OR day >= current_date - 2)),
gone AS (
  DELETE FROM cases_casetally WHERE id IN (SELECT id FROM several WHERE times > 1)
  RETURNING measure, day, procedure, state, organisation_id, division_code, grid_code, category,
            count)
INSERT INTO cases_casetally
       (measure, day, procedure, state, organisation_id, division_code, grid_code, category, count)
SELECT measure, day, procedure, state, organisation_id, division_code, grid_code, category,
       sum(count)
  FROM gone GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(count) <> 0
"""
_UNFOLDED: Final = """
SELECT count(*) - count(DISTINCT (measure, day, procedure, state, organisation_id, division_code,
                                  grid_code, category)), max(id)
  FROM cases_casetally WHERE measure = 'OPEN' OR day >= current_date - 2
"""


_FOLDING: Final = "hashtext('cases.fold_tallies')"


def fold_tallies(*, least: int = 100) -> int:
    """Add up the changes appended since; returns how many rows that saved.

    Days long past are folded already and left alone. One job at a time; readers see the
    same sums before and after. Nothing is done while fewer than `least` rows would be saved.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({_FOLDING})")
        (alone,) = cursor.fetchone()
        if not alone:
            return 0
        cursor.execute(_UNFOLDED)
        saved, newest = cursor.fetchone()
        if saved < least:
            return 0
        cursor.execute(_FOLD, [newest])
    return int(saved)
