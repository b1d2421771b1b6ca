"""Small facts about a case that no procedure need foresee: each an act, sealed like any other."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from huying.cases.actions import telling, writing
from huying.cases.actions.acting import NeedsField, act_row, case_changes, stale
from huying.cases.actions.files import Stored, attachment_row, store_papers, stored
from huying.cases.actions.results import Acted, Upload
from huying.cases.models import CaseReference, Report
from huying.cases.queries.facts import (
    CaseNotFound,
    CaseRecord,
    ReportNotFound,
    case_record,
    may_see,
)
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules.engine import Facts
from huying.directory.permissions import Actor, NotAllowed, Permission
from huying.ledger import actions as ledger


def add_reference(
    *, case_id: int, system: str, number: str, by: Actor, now: datetime | None = None
) -> Acted:
    """Note the number a case has in another system, so that nothing is typed twice."""
    system, number = system.strip(), number.strip()
    if not system or len(system) > 40:
        raise NeedsField("请写明是哪个系统。", "Which system is it?", field="system")
    if not number or len(number) > 80:
        raise NeedsField("请写明编号。", "What is the number?", field="number")
    now = now or timezone.now()
    with transaction.atomic():
        record = _workable(case_id, by)
        CaseReference.objects.get_or_create(
            case_id=case_id, system=system, number=number, defaults={"added_at": now}
        )
        return noted(record, "add_reference", by, now, data={"system": system, "number": number})


def note_people_involved(
    *, case_id: int, number: int, by: Actor, note: str = "", now: datetime | None = None
) -> Acted:
    """涉及人数: how many people the matter concerns."""
    if not 1 <= number <= 1_000_000:
        raise NeedsField(
            "涉及人数请填 1 以上的数字。",
            "The number of people must be at least 1.",
            field="number",
        )
    with transaction.atomic():
        record = _workable(case_id, by)
        return noted(
            record,
            "note_people_involved",
            by,
            now or timezone.now(),
            data={"people_involved": number},
            note=note,
            facts=replace(record.facts, people_involved=number),
        )


def mark_repeat(*, report_id: int, repeat_of: int, by: Actor, now: datetime | None = None) -> Acted:
    """重复诉求: the same person about the same matter as an earlier report.

    A mark and nothing else: both keep receipt, clocks and answer. Raises ReportNotFound where
    the actor sees either of them not.
    """
    by.require(Permission.CASE_MERGE)
    if report_id == repeat_of:
        raise NeedsField("不能与自己重复。", "A report is no repeat of itself.", field="repeat_of")
    with transaction.atomic():
        seen = Report.objects.visible_to(by)
        earlier, report = seen.filter(pk=repeat_of).first(), seen.filter(pk=report_id).first()
        if earlier is None or report is None:
            raise ReportNotFound
        if earlier.submitted_at > report.submitted_at:
            raise NeedsField(
                "那件比这件晚，请到晚的那件里标重复。",
                "That one is later; mark the later of the two as the repeat.",
                field="repeat_of",
            )
        record = _workable(report.case_id, by)
        Report.objects.filter(pk=report_id).update(repeat_of=earlier)
        return noted(
            record,
            "mark_repeat",
            by,
            now or timezone.now(),
            data={"repeat_of": repeat_of},
            report_id=report_id,
        )


def add_attachment(
    *,
    case_id: int,
    file: Upload,
    by: Actor,
    report_id: int | None = None,
    note: str = "",
    now: datetime | None = None,
) -> Acted:
    """Add a scan or picture to a case. Raises BadUpload."""
    with stored(store_papers([file])) as files, transaction.atomic():
        record = _workable(case_id, by)
        if report_id is not None and report_id not in {r.id for r in record.facts.reports}:
            raise ReportNotFound
        return noted(
            record,
            "add_attachment",
            by,
            now or timezone.now(),
            note=note,
            report_id=report_id,
            files=files,
        )


def _workable(case_id: int, by: Actor) -> CaseRecord:
    """The case, if this actor sees it and works on cases at all."""
    record = case_record(case_id)
    if by.kind == "RESIDENT" or not may_see(by, record.facts):
        raise CaseNotFound
    if not by.may_any(
        Permission.CASE_HANDLE,
        Permission.CASE_DISPATCH,
        Permission.CASE_VERIFY,
        Permission.REPORT_RECORD,
    ):
        raise NotAllowed(Permission.CASE_HANDLE)
    return record


def noted(
    record: CaseRecord,
    action: str,
    by: Actor,
    now: datetime,
    *,
    data: Mapping[str, Any] | None = None,
    note: str = "",
    facts: Facts | None = None,
    report_id: int | None = None,
    files: tuple[Stored, ...] = (),
) -> Acted:
    """Write an act that moves nothing: it is sealed and shown like any other."""
    before = record.facts
    seq = before.version + 1
    after = replace(facts or before, version=seq)
    record_id = ledger.record(
        kind="case.act",
        subject=f"case:{before.id}",
        by=by.ref,
        at=now,
        body={
            "number": before.number,
            "seq": seq,
            "action": action,
            "data": dict(data or {}),
            "photos": [file.sha256 for file in files],
        },
        personal={"note": note} if note else None,
    )
    act_ids = writing.change(
        writing.Changes(
            cases=[case_changes(after, record, seq, now, record.closed_at)],
            acts=[
                act_row(
                    after,
                    seq=seq,
                    action=action,
                    from_state=before.state,
                    to_state=before.state,
                    by=by,
                    now=now,
                    note=note,
                    data=data,
                    report_id=report_id,
                    record_id=record_id,
                )
            ],
            attachments=[
                attachment_row(file, before.id, report_id, seq, by, now) for file in files
            ],
            at=now,
        )
    )
    if not act_ids:
        raise stale(before, by)
    procedure = procedure_of(record.procedure, record.procedure_version)
    telling.tell(procedure, after, (), action, {}, by=by, now=now)
    return Acted(
        case_id=before.id,
        number=before.number,
        act_id=act_ids[-1],
        seq=seq,
        action=action,
        state=before.state,
        version=seq,
        record_id=record_id,
        due_at=record.due_at,
    )
