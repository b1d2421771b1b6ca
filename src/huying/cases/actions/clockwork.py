"""Letting time pass: warning before a clock ends, escalating after, counting anew."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import override

from huying.cases.actions import telling, writing
from huying.cases.actions.acting import (
    ActionNotOffered,
    StaleCase,
    act_row,
    case_changes,
    take_step,
)
from huying.cases.actions.results import ClocksRun
from huying.cases.actions.tallying import happened
from huying.cases.models import Case, Clock, Measure
from huying.cases.queries import wording
from huying.cases.queries.facts import CaseRecord, case_records, ticking
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules import clocks
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.procedure import Notice, Procedure
from huying.directory import queries as directory
from huying.directory.permissions import Actor
from huying.ledger import actions as ledger

CLOCKS: Final = Actor.system("clocks")
BATCH: Final = 200
# An act locks its case and then its clocks, so these do too: the other order would let an officer
# and the clocks wait for each other. A case somebody is acting on is left for the next minute.
_TURN_DUE: Final = """
WITH due AS MATERIALIZED (
  SELECT case_id FROM cases_clock
   WHERE stopped_at IS NULL AND paused_at IS NULL AND {when} ORDER BY {by} LIMIT %(batch)s
), held AS MATERIALIZED (
  SELECT id FROM cases_case WHERE id IN (SELECT case_id FROM due)
   ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE cases_clock SET {to}
 WHERE case_id IN (SELECT id FROM held)
   AND stopped_at IS NULL AND paused_at IS NULL AND {when}
RETURNING id, case_id
"""
_WARN: Final = _TURN_DUE.format(
    when="warned_at IS NULL AND warn_at IS NOT NULL AND warn_at <= %(now)s",
    by="warn_at",
    to="warned_at = %(now)s",
)
_RUN_OUT: Final = _TURN_DUE.format(
    when="escalated_at IS NULL AND due_at <= %(now)s",
    by="due_at",
    to="escalated_at = %(now)s, warned_at = coalesce(warned_at, %(now)s)",
)
_PROVISIONAL: Final = """
SELECT id, case_id FROM cases_clock
 WHERE stopped_at IS NULL AND provisional AND id > %s ORDER BY id LIMIT %s
"""


def run_clocks(*, now: datetime | None = None) -> ClocksRun:
    """Warn of clocks about to end and escalate those that ended, in batches.

    Each clock warns once and escalates once (an extension lets it do so again); a batch is
    one transaction. Running it twice, or in two processes at once, tells nobody twice.
    """
    now = now or timezone.now()
    # What ran out first: it need not be warned of any more.
    overdue = acted = warned = 0
    while True:
        count, done = _run_out(now)
        overdue += count
        acted += done
        if not count:
            break
    while True:
        count = _warn(now)
        warned += count
        if not count:
            break
    return ClocksRun(warned=warned, overdue=overdue, acted=acted)


def _warn(now: datetime) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_WARN, {"now": now, "batch": BATCH})
            rows = cursor.fetchall()
        by_case = _by_case(rows)
        for record in case_records(list(by_case)):
            procedure = procedure_of(record.procedure, record.procedure_version)
            for clock in record.facts.clocks:
                spec = procedure.clocks.get(clock.name)
                if clock.id in by_case[record.facts.id] and spec is not None:
                    _tell(procedure, record, clock, spec.on_warn, "soon", now)
    return len(rows)


def _run_out(now: datetime) -> tuple[int, int]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_RUN_OUT, {"now": now, "batch": BATCH})
            rows = cursor.fetchall()
        by_case = _by_case(rows)
        records = case_records(list(by_case))
        _note_overdue(records, by_case, now)
        acted = 0
        for record in records:
            procedure = procedure_of(record.procedure, record.procedure_version)
            for clock in record.facts.clocks:
                spec = procedure.clocks.get(clock.name)
                if clock.id not in by_case[record.facts.id] or spec is None:
                    continue
                _tell(procedure, record, clock, spec.on_overdue, "overdue", now)
                if spec.overdue_action:
                    acted += _act(record.facts.id, spec.overdue_action, now)
    return len(rows), acted


def _by_case(rows: Sequence[tuple[int, int]]) -> dict[int, set[int]]:
    by_case: dict[int, set[int]] = {}
    for clock_id, case_id in rows:
        by_case.setdefault(case_id, set()).add(clock_id)
    return by_case


def _note_overdue(
    records: Sequence[CaseRecord], by_case: Mapping[int, set[int]], now: datetime
) -> None:
    """The act by which a case knows that a clock ran out, sealed, and counted.

    A clock whose end is only a quiet step (waiting for a rating) is not overdue.
    """
    late: list[tuple[CaseRecord, list[str]]] = []
    for record in records:
        procedure = procedure_of(record.procedure, record.procedure_version)
        names = [
            clock.name
            for clock in record.facts.clocks
            if clock.id in by_case[record.facts.id]
            and not (clock.name in procedure.clocks and procedure.clocks[clock.name].overdue_action)
        ]
        if names:
            late.append((record, names))
    if not late:
        return
    record_ids = ledger.record_many(
        [
            ledger.Entry(
                kind="case.clock",
                subject=f"case:{record.facts.id}",
                by=CLOCKS.ref,
                at=now,
                body={
                    "number": record.facts.number,
                    "seq": record.facts.version + 1,
                    "action": "clock_ran_out",
                    "clocks": names,
                },
            )
            for record, names in late
        ]
    )
    cases: list[writing.Row] = []
    acts: list[writing.Row] = []
    tallies: list[writing.Row] = []
    for (record, names), record_id in zip(late, record_ids, strict=True):
        facts = replace(record.facts, version=record.facts.version + 1)
        cases.append(case_changes(facts, record, facts.version, now, record.closed_at))
        acts.append(
            act_row(
                facts,
                seq=facts.version,
                action="clock_ran_out",
                from_state=facts.state,
                to_state=facts.state,
                by=CLOCKS,
                now=now,
                data={"clocks": names},
                record_id=record_id,
            )
        )
        tallies.extend(
            happened(Measure.OVERDUE, record.procedure, facts, now, name) for name in names
        )
    writing.change(writing.Changes(cases=cases, acts=acts, tallies=tallies, at=now))


def _tell(
    procedure: Procedure,
    record: CaseRecord,
    clock: Ticking,
    owed: Sequence[Notice],
    what: str,
    now: datetime,
) -> None:
    with override("zh-hans"):
        values = wording.words_for(procedure, record.facts, now, clock=clock)
    telling.tell(
        procedure, record.facts, owed, what, values, by=CLOCKS, now=now, clock=clock, topic="clock"
    )


def _act(case_id: int, action: str, now: datetime) -> int:
    try:
        take_step(
            case_id=case_id,
            action=action,
            by=CLOCKS,
            version=None,
            note="",
            data={},
            files=(),
            report_id=None,
            now=now,
        )
    except (ActionNotOffered, StaleCase):
        # The case moved on, or something else holds it open (a callback owed): then no step.
        return 0
    return 1


def recompute_provisional(*, now: datetime | None = None) -> int:
    """Count anew every provisional clock, now that more of the calendar is known.

    Returns how many due times changed or became final. In batches of one transaction each.
    """
    now = now or timezone.now()
    changed, last = 0, 0
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_PROVISIONAL, [last, BATCH])
                found = cursor.fetchall()
            if not found:
                return changed
            last = found[-1][0]
            case_records(sorted({case_id for _id, case_id in found}), lock=True)
            still = Clock.objects.filter(
                pk__in=[clock_id for clock_id, _case in found],
                stopped_at__isnull=True,
                provisional=True,
            )
            changed += _recount(list(still.order_by("pk").values()), now)


def _recount(rows: Sequence[Mapping[str, object]], now: datetime) -> int:
    calendar = directory.working_calendar()
    procedures = {
        pk: procedure_of(name, version)
        for pk, name, version in Case.objects.filter(
            pk__in={row["case_id"] for row in rows}
        ).values_list("pk", "procedure", "procedure_version")
    }
    turned = []
    for row in rows:
        clock = ticking(row)
        case_id = int(str(row["case_id"]))
        spec = procedures[case_id].clocks.get(clock.name)
        counted = clocks.recount(clock, spec, calendar)
        if counted != clock:
            turned.append((case_id, counted))
    if not turned:
        return 0
    writing.turn([writing.clock_row(clock, case_id) for case_id, clock in turned])
    writing.refresh_due(sorted({case_id for case_id, _clock in turned}))
    ledger.record(
        kind="clocks.recounted",
        subject="calendar",
        by=CLOCKS.ref,
        at=now,
        body={"clocks": [[clock.id, clock.due_at.isoformat()] for _case, clock in turned]},
    )
    return len(turned)
