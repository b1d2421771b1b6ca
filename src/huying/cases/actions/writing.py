"""The statements behind the acts: everything an act changes goes over in one.

A statement's text never varies, so that it is prepared once per connection; its values are
JSON recordsets. A round trip costs more than the work, so there is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import connection, transaction

from huying.cases.rules.clocks import Ticking
from huying.cases.rules.words import MOST_WORDS
from huying.telemetry import metrics, trail

Row = Mapping[str, Any]

CASE: Final = {
    "id": "bigint",
    "number": "text",
    "procedure": "text",
    "procedure_version": "integer",
    "state": "text",
    "kind": "text",
    "category": "text",
    "title": "text",
    "summary": "text",
    "urgency": "text",
    "place_text": "text",
    "lon": "float8",
    "lat": "float8",
    "grid_code": "text",
    "division_code": "text",
    "lead_organisation_id": "bigint",
    "officer_id": "bigint",
    "discovered_at": "timestamptz",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "closed_at": "timestamptz",
    "people_involved": "integer",
    "report_count": "integer",
    "outcome": "text",
    "due_at": "timestamptz",
    "due_clock": "text",
    "due_provisional": "boolean",
    "supervised": "boolean",
    "alert_id": "bigint",
    "alert_key": "text",
    "true_alarm": "boolean",
    "merged_into_id": "bigint",
    "pending": "jsonb",
    "idempotency_key": "text",
    "request_digest": "text",
    "version": "integer",
}
_CHANGED: Final = (
    "state",
    "category",
    "urgency",
    "lead_organisation_id",
    "officer_id",
    "outcome",
    "supervised",
    "true_alarm",
    "people_involved",
    "pending",
    "due_at",
    "due_clock",
    "due_provisional",
    "closed_at",
    "updated_at",
    "report_count",
    "merged_into_id",
    "version",
)
REPORT: Final = {
    "id": "bigint",
    "receipt": "text",
    "case_id": "bigint",
    "channel": "text",
    "kind": "text",
    "text": "text",
    "place_text": "text",
    "lon": "float8",
    "lat": "float8",
    "phone_lon": "float8",
    "phone_lat": "float8",
    "reporter_id": "bigint",
    "on_behalf": "boolean",
    "submitter_id": "bigint",
    "recorded_by_id": "bigint",
    "secret": "boolean",
    "submitted_at": "timestamptz",
    "state": "text",
    "reply": "text",
    "replied_at": "timestamptz",
    "rating": "text",
    "rating_comment": "text",
    "rated_at": "timestamptz",
    "follow_up": "text",
    "followed_up_at": "timestamptz",
    "joined_report_id": "bigint",
    "repeat_of_id": "bigint",
    "earlier": "jsonb",
    "since_seq": "integer",
    "idempotency_key": "text",
    "request_digest": "text",
    "record_id": "bigint",
}
ACT: Final = {
    "case_id": "bigint",
    "report_id": "bigint",
    "seq": "integer",
    "action": "text",
    "from_state": "text",
    "to_state": "text",
    "actor_kind": "text",
    "actor_ref": "text",
    "actor_name": "text",
    "account_id": "bigint",
    "organisation_id": "bigint",
    "at": "timestamptz",
    "note": "text",
    "told": "jsonb",
    "data": "jsonb",
    "record_id": "bigint",
}
CLOCK: Final = {
    "case_id": "bigint",
    "report_id": "bigint",
    "name": "text",
    "limit": "text",
    "article": "text",
    "started_at": "timestamptz",
    "due_at": "timestamptz",
    "provisional": "boolean",
    "stopped_at": "timestamptz",
    "paused_at": "timestamptz",
    "pauses": "jsonb",
    "extensions": "jsonb",
    "warn_at": "timestamptz",
    "warned_at": "timestamptz",
    "escalated_at": "timestamptz",
}
_CLOCK_CHANGED: Final = tuple(name for name in CLOCK if name not in {"case_id", "report_id"})
TALLY: Final = {
    "measure": "text",
    "day": "date",
    "procedure": "text",
    "state": "text",
    "organisation_id": "bigint",
    "division_code": "text",
    "grid_code": "text",
    "category": "text",
    "count": "integer",
}
_ATTACHMENT: Final = {
    "case_id": "bigint",
    "report_id": "bigint",
    "kind": "text",
    "sha256": "text",
    "path": "text",
    "thumbnail": "text",
    "mime": "text",
    "size": "integer",
    "width": "integer",
    "height": "integer",
    "uploaded_by_id": "bigint",
    "uploaded_at": "timestamptz",
}


def _quoted(name: str) -> str:
    return '"limit"' if name == "limit" else name


def _names(columns: Mapping[str, str]) -> str:
    return ", ".join(map(_quoted, columns))


def _recordset(parameter: str, columns: Mapping[str, str]) -> str:
    typed = ", ".join(f"{_quoted(name)} {kind}" for name, kind in columns.items())
    return f"jsonb_to_recordset(%({parameter})s::jsonb) AS x({typed})"


def _insert(table: str, columns: Mapping[str, str], parameter: str, where: str = "") -> str:
    names = _names(columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} "  # noqa: S608 - names from this file
        f"FROM jsonb_populate_recordset(NULL::{table}, %({parameter})s::jsonb) {where}"
    )


_SHARED_PARTS: Final = f"""
acts AS ({_insert("cases_act", ACT, "acts", "WHERE {guard}")} RETURNING id, case_id, seq),
clocks AS ({_insert("cases_clock", CLOCK, "clocks", "WHERE {clock_guard}")}),
tallies AS ({_insert("cases_casetally", TALLY, "tallies", "WHERE {guard}")}),
helpers AS (
  INSERT INTO cases_assistingunit (case_id, organisation_id, added_at)
  SELECT x.case_id, x.organisation_id, x.added_at FROM {
    _recordset(
        "assisting", {"case_id": "bigint", "organisation_id": "bigint", "added_at": "timestamptz"}
    )
} WHERE {{guard}}
  ON CONFLICT DO NOTHING),
files AS (
  INSERT INTO cases_attachment ({_names(_ATTACHMENT)}, act_id)
  SELECT {", ".join(f"x.{name}" for name in _ATTACHMENT)}, acts.id
    FROM {_recordset("attachments", {**_ATTACHMENT, "act_seq": "integer", "position": "integer"})}
    JOIN acts ON acts.case_id = x.case_id AND acts.seq = x.act_seq
   ORDER BY x.position)
"""  # noqa: S608 - table and column names of this file
_CREATE: Final = (
    f"""
WITH cases AS ({_insert("cases_case", CASE, "cases")}),
reports AS ({_insert("cases_report", REPORT, "reports")}),
words AS (
  INSERT INTO cases_casewords (case_id, words)
  SELECT x.case_id, array_to_tsvector(x.words)
    FROM {_recordset("words", {"case_id": "bigint", "words": "text[]"})}),
refs AS (
  INSERT INTO cases_casereference (case_id, system, number, added_at)
  SELECT x.case_id, x.system, x.number, x.added_at FROM {
        _recordset(
            "references",
            {
                "case_id": "bigint",
                "system": "text",
                "number": "text",
                "added_at": "timestamptz",
            },
        )
    }
  ON CONFLICT DO NOTHING),
"""  # noqa: S608 - table and column names of this file
    + _SHARED_PARTS.format(guard="true", clock_guard="true")
    + "SELECT id FROM acts ORDER BY case_id, seq"
)


def _change(one_case: bool) -> str:
    """The statement that changes cases; for one case the planner is told so.

    It takes a recordset for a hundred rows, and while the tables are small it would read them
    whole for each act, under a plan it keeps when they have grown.
    """
    the_case = "AND c.id = %(case)s::bigint" if one_case else ""
    its_clocks = "AND k.case_id = %(case)s::bigint" if one_case else ""
    return (
        f"""
WITH changed AS (
  UPDATE cases_case c SET {", ".join(f"{name} = x.{name}" for name in _CHANGED)}
    FROM {
            _recordset(
                "cases",
                {"id": "bigint", "expected": "integer"} | {n: CASE[n] for n in _CHANGED},
            )
        }
   WHERE c.id = x.id AND c.version = x.expected {the_case} RETURNING c.id),
answers AS (
  UPDATE cases_report r SET reply = %(reply)s::text, replied_at = %(at)s::timestamptz,
         state = CASE WHEN r.rating = '' THEN 'ANSWERED' ELSE 'RATED' END
   WHERE r.id = ANY(%(answered)s::bigint[]) AND EXISTS (SELECT FROM changed)),
withdrawals AS (
  UPDATE cases_report r SET state = 'WITHDRAWN'
   WHERE r.id = ANY(%(withdrawn)s::bigint[]) AND EXISTS (SELECT FROM changed)),
turned AS (
  UPDATE cases_clock k SET {", ".join(f"{_quoted(n)} = x.{_quoted(n)}" for n in _CLOCK_CHANGED)}
    FROM {_recordset("turned", {"id": "bigint"} | {name: CLOCK[name] for name in _CLOCK_CHANGED})}
   WHERE k.id = x.id AND EXISTS (SELECT FROM changed) {its_clocks} RETURNING k.id),
"""  # noqa: S608 - table and column names of this file
        + _SHARED_PARTS.format(
            guard="EXISTS (SELECT FROM changed)",
            # Asking for the turned ones first: a clock that starts anew must find the old one
            # stopped, or the unique index would refuse it.
            clock_guard="EXISTS (SELECT FROM changed) AND (SELECT count(*) FROM turned) >= 0",
        )
        + "SELECT (SELECT count(*) FROM changed), (SELECT array_agg(id ORDER BY seq) FROM acts)"
    )


_CHANGE: Final = _change(one_case=False)
_CHANGE_ONE: Final = _change(one_case=True)
_IDS: Final = "SELECT nextval('cases_case_id_seq'), nextval('cases_report_id_seq')"


@dataclass(slots=True)
class Changes:
    """Rows to write. Case rows of a change carry `expected`, the version they were read at."""

    cases: Sequence[Row] = ()
    reports: Sequence[Row] = ()
    acts: Sequence[Row] = ()
    clocks: Sequence[Row] = ()
    turned: Sequence[Row] = ()
    tallies: Sequence[Row] = ()
    assisting: Sequence[Row] = ()
    attachments: Sequence[Row] = ()
    words: Sequence[Row] = ()
    references: Sequence[Row] = ()
    answered: Sequence[int] = ()
    withdrawn: Sequence[int] = ()
    reply: str = ""
    at: datetime | None = None


def next_ids() -> tuple[int, int]:
    """A fresh case id and report id: the ledger wants to name them before they are written."""
    with connection.cursor() as cursor:
        cursor.execute(_IDS)
        case_id, report_id = cursor.fetchone()
    return case_id, report_id


def create(changes: Changes) -> list[int]:
    """Write new rows; returns the ids of the acts, by case and seq. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CREATE,
            {
                name: _json(getattr(changes, name))
                for name in (
                    "cases",
                    "reports",
                    "acts",
                    "clocks",
                    "tallies",
                    "assisting",
                    "attachments",
                    "words",
                    "references",
                )
            },
        )
        act_ids = [row[0] for row in cursor.fetchall()]
    _note(changes, act_ids)
    return act_ids


def change(changes: Changes) -> list[int]:
    """Write changed cases and what is new of them; returns the ids of the acts by seq.

    Nothing is written and [] returned where a case is no longer at the expected version.
    One statement. With several cases the caller has locked them.
    """
    parameters: dict[str, Any] = {
        name: _json(getattr(changes, name))
        for name in ("cases", "acts", "clocks", "turned", "tallies", "assisting", "attachments")
    }
    parameters.update(
        answered=list(changes.answered),
        withdrawn=list(changes.withdrawn),
        reply=changes.reply,
        at=changes.at,
    )
    statement = _CHANGE
    if len(changes.cases) == 1:
        statement = _CHANGE_ONE
        parameters["case"] = changes.cases[0]["id"]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        changed, act_ids = cursor.fetchone()
    if changed != len(changes.cases):
        return []
    _note(changes, act_ids or ())
    return list(act_ids or ())


def _note(changes: Changes, act_ids: Sequence[int]) -> None:
    """Count the acts once they are committed, and leave their numbers in the log."""
    procedures = {row["id"]: row["procedure"] for row in changes.cases}
    for row in changes.acts:
        counted = metrics.ACTS.labels(procedures[row["case_id"]], row["action"])
        transaction.on_commit(counted.inc)
    trail.note(
        "case.acted",
        cases=trail.some(sorted(procedures)),
        acts=trail.some(act_ids),
        actions=sorted({row["action"] for row in changes.acts}),
        records=trail.some([row["record_id"] for row in changes.acts]),
    )


_REFRESH: Final = """
UPDATE cases_case c
   SET due_at = k.due_at, due_clock = coalesce(k.name, ''),
       due_provisional = coalesce(k.provisional, false)
  FROM unnest(%s::bigint[]) AS wanted(id)
  LEFT JOIN LATERAL (
       SELECT due_at, name, provisional FROM cases_clock
        WHERE case_id = wanted.id AND stopped_at IS NULL AND paused_at IS NULL
        ORDER BY due_at, name LIMIT 1) k ON true
 WHERE c.id = wanted.id
"""
_TURN: Final = f"""
UPDATE cases_clock k SET {", ".join(f"{_quoted(n)} = x.{_quoted(n)}" for n in _CLOCK_CHANGED)}
  FROM {_recordset("turned", {"id": "bigint"} | {name: CLOCK[name] for name in _CLOCK_CHANGED})}
 WHERE k.id = x.id
"""  # noqa: S608 - table and column names of this file


# A case that very many spoke of is found by what the first ones said.
_ADD_REPORT: Final = f"""
WITH said AS ({_insert("cases_report", REPORT, "reports")} RETURNING case_id)
UPDATE cases_casewords w SET words = w.words || array_to_tsvector(%(words)s::text[])
  FROM said WHERE w.case_id = said.case_id AND cardinality(%(words)s::text[]) > 0
   AND length(w.words) + cardinality(%(words)s::text[]) <= {MOST_WORDS}
"""  # noqa: S608 - table and column names of this file
_ADD_WORDS: Final = f"""
UPDATE cases_casewords w SET words = w.words || m.words FROM cases_casewords m
 WHERE w.case_id = %s AND m.case_id = %s AND length(w.words) + length(m.words) <= {MOST_WORDS}
"""  # noqa: S608 - a number of this code


def add_report(report: Row, words: Sequence[str]) -> None:
    """Write one more report of a case that exists, and its words."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_REPORT, {"reports": _json([report]), "words": list(words)})


_INDEX_ANEW: Final = (
    "UPDATE cases_casewords SET words = array_to_tsvector(%s::text[]) WHERE case_id = %s"
)


def index_anew(case_id: int, words: Sequence[str]) -> None:
    """Find a case by these words, and by no others any more."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEX_ANEW, [list(words), case_id])


def add_words(case_id: int, others: Sequence[int]) -> None:
    """Let a case be found by the words of these others too."""
    with connection.cursor() as cursor:
        for other in others:
            cursor.execute(_ADD_WORDS, [case_id, other])


def refresh_due(case_ids: Sequence[int]) -> None:
    """Set the due time of these cases to that of the earliest clock that runs."""
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, [list(case_ids)])


def start(clocks: Sequence[Row]) -> None:
    """Write new clocks, for callers that have locked their cases."""
    with connection.cursor() as cursor:
        cursor.execute(_insert("cases_clock", CLOCK, "clocks"), {"clocks": _json(clocks)})


def turn(clocks: Sequence[Row]) -> None:
    """Write changed clocks, for callers that have locked them."""
    with connection.cursor() as cursor:
        cursor.execute(_TURN, {"turned": _json(clocks)})


def clock_row(clock: Ticking, case_id: int) -> Row:
    """A clock as its table has it."""
    return {
        "id": clock.id,
        "case_id": case_id,
        "report_id": clock.report_id,
        "name": clock.name,
        "limit": clock.limit,
        "article": clock.article,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "provisional": clock.provisional,
        "stopped_at": clock.stopped_at,
        "paused_at": clock.paused_at,
        "pauses": [list(pair) for pair in clock.pauses],
        "extensions": list(clock.extensions),
        "warn_at": clock.warn_at,
        "warned_at": clock.warned_at,
        "escalated_at": clock.escalated_at,
    }


def _json(rows: Sequence[Row]) -> str:
    return orjson.dumps([{"position": n, **row} for n, row in enumerate(rows)]).decode()
