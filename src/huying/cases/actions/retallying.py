"""The counts of cases added up anew from cases, reports and acts.

What stands open is compared by everything a count is kept by. For days gone by the unit and
category of that day may have been changed by later acts, so days are compared by procedure and
what happened; where they differ they are made anew with the cases as they are now. Replies are
left out: a second reply takes the place of the first, so their days cannot be told any more.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.db import connection, transaction

from huying.cases.actions.tallying import without_folding
from huying.cases.models import Case
from huying.cases.queries.procedures import procedure as procedure_of
from huying.directory.permissions import Actor
from huying.ledger import actions as ledger
from huying.ledger.queries import Difference


def _source(measure: str, day: str, state: str, rows: str) -> str:
    return f"""
SELECT '{measure}'::text AS measure, {day} AS day, c.procedure, {state} AS state,
       coalesce(c.lead_organisation_id, 0) AS organisation_id, c.division_code,
       coalesce(c.grid_code, '') AS grid_code, c.category, count(*)::int AS count
FROM {rows}
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""  # noqa: S608 - the statements below


def _day(moment: str) -> str:
    return f"({moment} AT TIME ZONE 'Asia/Shanghai')::date"


_LATE: Final = """
CASE WHEN EXISTS (
    SELECT FROM cases_clock k
    WHERE k.case_id = c.id AND (k.stopped_at IS NULL OR k.stopped_at >= a.at)
      AND (k.due_at <= a.at OR k.escalated_at <= a.at)) THEN 'LATE' ELSE 'ON_TIME' END
"""
_DERIVED: Final = " UNION ALL ".join(
    (
        _source("OPEN", "NULL::date", "c.state", "cases_case c WHERE c.closed_at IS NULL"),
        _source("OPENED", _day("c.created_at"), "''::text", "cases_case c"),
        _source(
            "RECEIVED",
            _day("r.submitted_at"),
            "''::text",
            "cases_report r JOIN cases_case c"
            " ON c.id = coalesce((r.earlier -> 0 ->> 0)::bigint, r.case_id)",
        ),
        _source(
            "RATED",
            _day("r.rated_at"),
            "r.rating::text",
            "cases_report r JOIN cases_case c ON c.id = r.case_id WHERE r.rated_at IS NOT NULL",
        ),
        _source(
            "OVERDUE",
            _day("a.at"),
            "late.name",
            "cases_act a JOIN cases_case c ON c.id = a.case_id"
            " CROSS JOIN LATERAL jsonb_array_elements_text(a.data -> 'clocks') AS late (name)"
            " WHERE a.action = 'clock_ran_out'",
        ),
        _source(
            "CLOSED",
            _day("a.at"),
            _LATE,
            "cases_act a JOIN cases_case c ON c.id = a.case_id"
            " JOIN procedure_states s ON (s.procedure, s.version, s.state)"
            " = (c.procedure, c.procedure_version, a.from_state) AND NOT s.final"
            " JOIN procedure_states t ON (t.procedure, t.version, t.state)"
            " = (c.procedure, c.procedure_version, a.to_state) AND t.final",
        ),
    )
)
# Whether a case was closed in time hangs on clocks as they ran then: days count both together.
_SUMS: Final = """
SELECT measure, coalesce(day, '-infinity') AS day, procedure,
       CASE WHEN measure = 'CLOSED' THEN '' ELSE state END AS state,
       CASE WHEN measure = 'OPEN'
            THEN concat_ws(' ', organisation_id, division_code, grid_code, category)
            ELSE '' END AS place,
       sum(count) AS count
FROM {} GROUP BY 1, 2, 3, 4, 5
"""
_WRONG: Final = f"""
WITH procedure_states AS (
    SELECT * FROM unnest(%(procedures)s::text[], %(versions)s::int[], %(states)s::text[],
                         %(final)s::bool[]) AS s (procedure, version, state, final)),
derived AS MATERIALIZED ({_DERIVED}),
kept AS (SELECT * FROM cases_casetally WHERE measure <> 'REPLIED'),
wrong AS (
    SELECT measure, day, procedure, state, place, coalesce(k.count, 0) AS kept,
           coalesce(d.count, 0) AS counted
    FROM ({_SUMS.format("kept")}) AS k
    FULL JOIN ({_SUMS.format("derived")}) AS d USING (measure, procedure, state, place, day)
    WHERE coalesce(k.count, 0) <> coalesce(d.count, 0))
"""  # noqa: S608 - own statements
_NAMES: Final = """
SELECT measure, nullif(day, '-infinity')::text, procedure, state, place, kept, counted
FROM wrong ORDER BY 1, 2, 3, 4, 5
"""
_PUT: Final = """
, gone AS (
    DELETE FROM cases_casetally t USING wrong w
    WHERE (t.measure, t.procedure) = (w.measure, w.procedure)
      AND coalesce(t.day, '-infinity') = w.day
      AND (t.state = w.state OR w.measure = 'CLOSED')
      AND (t.measure <> 'OPEN' OR w.place = concat_ws(
           ' ', t.organisation_id, t.division_code, t.grid_code, t.category))),
put AS (
    INSERT INTO cases_casetally (measure, day, procedure, state, organisation_id, division_code,
                                 grid_code, category, count)
    SELECT d.measure, d.day, d.procedure, d.state, d.organisation_id, d.division_code,
           d.grid_code, d.category, d.count
    FROM derived d JOIN wrong w
      ON (d.measure, d.procedure) = (w.measure, w.procedure)
     AND coalesce(d.day, '-infinity') = w.day AND (d.state = w.state OR w.measure = 'CLOSED')
     AND (d.measure <> 'OPEN' OR w.place = concat_ws(
          ' ', d.organisation_id, d.division_code, d.grid_code, d.category)))
"""


def recount_tallies(*, by: Actor, repair: bool = False) -> Iterator[Difference]:
    """Compare the counts with what they count; yields each that differs."""
    states = _states()
    # Changes of counts are appended with what they count, so one statement sees both or neither.
    found = _wrong(_WRONG + _NAMES, states)
    if found and repair:
        with transaction.atomic():
            # Only folding takes rows away that a repair does; whoever appends need not wait.
            without_folding()
            found = _wrong(_WRONG + _PUT + _NAMES, states)
            if found:
                ledger.record(
                    kind="case.retallied", subject="cases", by=by.ref, body={"counts": len(found)}
                )
    for measure, day, procedure, state, place, kept, counted in found:
        subject = " ".join(filter(None, (measure, day, procedure, state, place)))
        yield Difference(
            "TALLY",
            subject,
            f"计数是 {kept}，实际是 {counted}",
            f"the count is {kept}; there are {counted}",
            repaired=repair,
        )


def _states() -> dict[str, list[Any]]:
    used = Case.objects.order_by().values_list("procedure", "procedure_version").distinct()
    rows = [
        (name, version, state, procedure_of(name, version).is_final(state))
        for name, version in used
        for state in procedure_of(name, version).states
    ]
    names = ("procedures", "versions", "states", "final")
    columns = zip(*rows, strict=True) if rows else [()] * 4
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def _wrong(statement: str, values: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
