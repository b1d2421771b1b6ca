"""并案、拆分: reports move between cases; receipts, clocks, replies and ratings stay theirs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from huying.cases.actions import telling, writing
from huying.cases.actions.acting import NeedsField, act_row, case_changes, stale
from huying.cases.actions.opening import Beginning, Place, begin
from huying.cases.actions.results import Acted, Opened
from huying.cases.actions.tallying import standing
from huying.cases.models import Case, Report
from huying.cases.queries import wording
from huying.cases.queries.facts import CaseNotFound, CaseRecord, case_records, may_see
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules import clocks as clockwork
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.vocabulary import MERGED
from huying.cases.rules.words import searchable, words_of
from huying.directory.permissions import Actor, DomainError, Permission
from huying.ledger import actions as ledger

_MOVE: Final = """
WITH moved AS (
  UPDATE cases_report SET case_id = %(into)s, since_seq = %(since)s::integer,
         earlier = earlier || jsonb_build_array(
           jsonb_build_array(case_id, since_seq, %(until)s::integer))
   WHERE id = ANY(%(reports)s::bigint[]) AND case_id = %(out_of)s RETURNING id),
clocks AS (
  UPDATE cases_clock k SET case_id = %(into)s FROM moved
   WHERE k.case_id = %(out_of)s AND k.report_id = moved.id)
UPDATE cases_attachment a SET case_id = %(into)s FROM moved
 WHERE a.case_id = %(out_of)s AND a.report_id = moved.id
"""


class CannotMerge(DomainError):
    """These cases cannot become one, or this one cannot be divided so."""

    code = "CANNOT_MERGE"
    status = 409


def merge_cases(
    *,
    into: int,
    merged: Sequence[int],
    by: Actor,
    note: str = "",
    now: datetime | None = None,
) -> Acted:
    """Make several open cases of one procedure one: their reports go to `into`.

    Every report keeps its receipt, clocks, reply and rating. The emptied cases end in the
    state MERGED and say where they went. Raises CaseNotFound, CannotMerge.
    """
    by.require(Permission.CASE_MERGE)
    now = now or timezone.now()
    others = sorted(set(merged) - {into})
    if not others:
        raise NeedsField("请选择要并入的事项。", "Choose the cases to merge.", field="merged")
    with transaction.atomic():
        records = {record.facts.id: record for record in case_records([into, *others], lock=True)}
        if len(records) != len(others) + 1 or not all(
            may_see(by, record.facts) for record in records.values()
        ):
            raise CaseNotFound
        target, gone = records[into], [records[one] for one in others]
        _check_alike(target, gone)
        moved_reports = [report for record in gone for report in record.facts.reports]
        moved_clocks = [
            clock for record in gone for clock in record.facts.clocks if clock.report_id is not None
        ]
        after = replace(
            target.facts,
            clocks=(*target.facts.clocks, *moved_clocks),
            reports=(*target.facts.reports, *moved_reports),
            people_involved=target.facts.people_involved
            + sum(record.facts.people_involved for record in gone),
            version=target.facts.version + 1,
            secret=any(one.facts.secret for one in (target, *gone)),
        )
        record_ids = _seal_merge(target, gone, by, note, now)
        _absorb(target, after, gone, by, note, now, record_ids[0])
        for record, record_id in zip(gone, record_ids[1:], strict=True):
            _empty(record, target, by, note, now, record_id)
        for record in gone:
            _move(
                into,
                record.facts.id,
                [report.id for report in record.facts.reports],
                since=after.version,
                until=record.facts.version + 1,
            )
        writing.add_words(into, others)
        procedure = procedure_of(target.procedure, target.procedure_version)
        for record in gone:
            telling.tell(
                procedure,
                replace(record.facts, state=MERGED),
                (),
                "merge",
                {},
                by=by,
                now=now,
            )
        telling.tell(procedure, after, (), "absorb", {}, by=by, now=now)
    earliest = clockwork.earliest(after.clocks)
    return Acted(
        case_id=into,
        number=after.number,
        act_id=0,
        seq=after.version,
        action="absorb",
        state=after.state,
        version=after.version,
        record_id=record_ids[0],
        due_at=earliest.due_at if earliest else None,
    )


def _check_alike(target: CaseRecord, gone: Sequence[CaseRecord]) -> None:
    for record in (target, *gone):
        procedure = procedure_of(record.procedure, record.procedure_version)
        if record.facts.state == MERGED or procedure.is_final(record.facts.state):
            raise CannotMerge(
                f"{record.facts.number} 已经办结或并案，不能再并。",
                f"{record.facts.number} is closed or merged already.",
            )
        if record.procedure != target.procedure:
            raise CannotMerge(
                "只有同一类流程的事项才能并案。",
                "Only cases of the same procedure can be merged.",
            )
        _check_not_paused(procedure, record)
    _check_answer_owed(target, gone)


def _check_not_paused(procedure: Procedure, record: CaseRecord) -> None:
    """Some clocks of a paused case stand still; moved, no step would ever set them going."""
    pausing = {code for clock in procedure.clocks.values() for code in clock.pauses}
    if record.facts.state in {procedure.actions[code].to for code in pausing}:
        raise CannotMerge(
            f"{record.facts.number} 已中止，请先恢复办理，再并案或拆分。",
            f"{record.facts.number} is paused; resume it first, then merge or split.",
        )


def _check_answer_owed(target: CaseRecord, gone: Sequence[CaseRecord]) -> None:
    """A report nobody has answered must not go where no answer is to come."""
    procedure = procedure_of(target.procedure, target.procedure_version)
    if target.facts.state in _before_answer(procedure):
        return
    for record in gone:
        theirs = procedure_of(record.procedure, record.procedure_version)
        answering = {code for code, action in theirs.actions.items() if action.answers}
        owed = any(
            clock.report_id is not None and not answering.isdisjoint(spec.stops)
            for clock in record.facts.clocks
            if (spec := theirs.clocks.get(clock.name)) is not None
        )
        if owed or record.facts.state in _before_answer(theirs):
            raise CannotMerge(
                f"{target.facts.number} 已经答复，{record.facts.number} 还没有答复。"
                f"请先答复 {record.facts.number}，或改为并入它。",
                f"{target.facts.number} has been answered, {record.facts.number} has not. "
                f"Answer {record.facts.number} first, or merge the other way round.",
            )


def _before_answer(procedure: Procedure) -> set[str]:
    """The open states a case can be in without an answer; all of them where none is given."""
    steps = [action for action in procedure.actions.values() if not action.answers]
    reached = {procedure.actions[procedure.opening].to}
    while True:
        more = {
            step.to
            for step in steps
            if step.to
            and not procedure.is_final(step.to)
            and any(procedure.may_start_from(step, state) for state in reached)
        } - reached
        if not more:
            return reached
        reached |= more


def _seal_merge(
    target: CaseRecord, gone: Sequence[CaseRecord], by: Actor, note: str, now: datetime
) -> list[int]:
    personal = {"note": note} if note else None
    numbers = [record.facts.number for record in gone]
    return ledger.record_many(
        [
            ledger.Entry(
                kind="case.act",
                subject=f"case:{target.facts.id}",
                by=by.ref,
                at=now,
                body={
                    "number": target.facts.number,
                    "seq": target.facts.version + 1,
                    "action": "absorb",
                    "merged": numbers,
                },
                personal=personal,
            ),
            *(
                ledger.Entry(
                    kind="case.act",
                    subject=f"case:{record.facts.id}",
                    by=by.ref,
                    at=now,
                    body={
                        "number": record.facts.number,
                        "seq": record.facts.version + 1,
                        "action": "merge",
                        "into": target.facts.number,
                        "reports": [report.id for report in record.facts.reports],
                    },
                    personal=personal,
                )
                for record in gone
            ),
        ]
    )


def _absorb(
    target: CaseRecord,
    after: Any,
    gone: Sequence[CaseRecord],
    by: Actor,
    note: str,
    now: datetime,
    record_id: int,
) -> None:
    count = target.report_count + sum(record.report_count for record in gone)
    written = writing.change(
        writing.Changes(
            cases=[case_changes(after, target, after.version, now, None, report_count=count)],
            acts=[
                act_row(
                    after,
                    seq=after.version,
                    action="absorb",
                    from_state=after.state,
                    to_state=after.state,
                    by=by,
                    now=now,
                    note=note,
                    data={"merged": [record.facts.number for record in gone]},
                    record_id=record_id,
                )
            ],
            at=now,
        )
    )
    if not written:
        raise stale(target.facts, by)


def _empty(
    record: CaseRecord, target: CaseRecord, by: Actor, note: str, now: datetime, record_id: int
) -> None:
    facts = record.facts
    seq = facts.version + 1
    after = replace(facts, state=MERGED, clocks=(), pending={}, version=seq)
    own = [clock for clock in facts.clocks if clock.report_id is None]
    unit = wording.unit_name(target.facts.lead_organisation_id)
    written = writing.change(
        writing.Changes(
            cases=[
                case_changes(
                    after,
                    record,
                    seq,
                    now,
                    max(now, record.created_at),
                    report_count=0,
                    merged_into_id=target.facts.id,
                )
            ],
            acts=[
                act_row(
                    after,
                    seq=seq,
                    action="merge",
                    from_state=facts.state,
                    to_state=MERGED,
                    by=by,
                    now=now,
                    note=note,
                    told={"unit": unit},
                    data={"into": target.facts.number},
                    record_id=record_id,
                )
            ],
            turned=[_stopped(clock, facts.id, now) for clock in own],
            tallies=[standing(record.procedure, facts, -1)],
            at=now,
        )
    )
    if not written:
        raise stale(facts, by)


def _stopped(clock: Ticking, case_id: int, now: datetime) -> writing.Row:
    return writing.clock_row(clockwork.stop(clock, now), case_id)


def _move(into: int, out_of: int, report_ids: Sequence[int], *, since: int, until: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            {
                "into": into,
                "out_of": out_of,
                "since": since,
                "until": until,
                "reports": list(report_ids),
            },
        )


def split(
    *,
    case_id: int,
    report_ids: Sequence[int],
    by: Actor,
    note: str = "",
    now: datetime | None = None,
) -> Opened:
    """Give some reports of a case a case of their own, which the dispatcher routes anew.

    At least one report stays. Raises CaseNotFound, CannotMerge.
    """
    by.require(Permission.CASE_MERGE)
    now = now or timezone.now()
    with transaction.atomic():
        found = case_records([case_id], lock=True)
        if not found or not may_see(by, found[0].facts):
            raise CaseNotFound
        record = found[0]
        facts = record.facts
        procedure = procedure_of(record.procedure, record.procedure_version)
        chosen = set(report_ids)
        theirs = {report.id for report in facts.reports}
        if not chosen or not chosen < theirs or procedure.is_final(facts.state):
            raise CannotMerge(
                "请选择要分出去的诉求，原事项至少留一件；已办结的不能拆分。",
                "Choose reports to split off; at least one stays, and the case must be open.",
            )
        _check_not_paused(procedure, record)
        reports = list(Report.objects.filter(pk__in=chosen).order_by("id"))
        case = Case.objects.get(pk=case_id)
        first = reports[0]
        new_id, _unused = writing.next_ids()
        begun = begin(
            Beginning(
                case_id=new_id,
                procedure=procedure,
                title=facts.title,
                category=facts.category,
                kind=first.kind,
                urgency=facts.urgency,
                place=Place(
                    first.place_text or facts.place_text,
                    first.lon,
                    first.lat,
                    case.grid_code,
                    case.division_code,
                ),
                discovered_at=case.discovered_at,
                people_involved=len(reports),
                secret=any(one.secret for one in reports),
                note=note,
                sealed_body={"split_from": facts.number},
                personal={"title": facts.title},
            ),
            by=by,
            now=now,
            words=words_of(
                searchable(
                    (facts.title, first.place_text or facts.place_text),
                    [(one.text, one.place_text, one.secret) for one in reports],
                )
            ),
        )
        seq = facts.version + 1
        record_id = ledger.record(
            kind="case.act",
            subject=f"case:{case_id}",
            by=by.ref,
            at=now,
            body={
                "number": facts.number,
                "seq": seq,
                "action": "split",
                "into": begun.facts.number,
                "reports": sorted(chosen),
            },
            personal={"note": note} if note else None,
        )
        after = replace(
            facts,
            clocks=tuple(clock for clock in facts.clocks if clock.report_id not in chosen),
            reports=tuple(report for report in facts.reports if report.id not in chosen),
            people_involved=max(1, facts.people_involved - len(reports)),
            version=seq,
        )
        written = writing.change(
            writing.Changes(
                cases=[
                    case_changes(
                        after,
                        record,
                        seq,
                        now,
                        None,
                        report_count=record.report_count - len(reports),
                    )
                ],
                acts=[
                    act_row(
                        after,
                        seq=seq,
                        action="split",
                        from_state=facts.state,
                        to_state=facts.state,
                        by=by,
                        now=now,
                        note=note,
                        data={"into": begun.facts.number},
                        record_id=record_id,
                    )
                ],
                at=now,
            )
        )
        if not written:
            raise stale(facts, by)
        _move(new_id, case_id, sorted(chosen), since=0, until=seq)
        Case.objects.filter(pk=new_id).update(report_count=len(reports))
        writing.refresh_due([new_id])
    return Opened(
        case_id=new_id,
        number=begun.facts.number,
        state=begun.facts.state,
        version=begun.facts.version,
        record_id=begun.record_id,
    )
