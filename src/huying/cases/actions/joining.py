"""我也遇到了: a further report of an open case."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from huying.cases.actions import telling, writing
from huying.cases.actions.acting import StaleCase, act_row, case_changes, stale
from huying.cases.actions.files import attachment_row
from huying.cases.actions.intake import (
    Said,
    checked,
    once,
    open_with,
    personal_of,
    received,
    remembered,
    report_row,
)
from huying.cases.actions.opening import place_of
from huying.cases.actions.results import Contact, Received, Upload
from huying.cases.actions.tallying import happened
from huying.cases.models import CaseReference, Measure, Report
from huying.cases.queries import dictionary, wording
from huying.cases.queries.facts import ReportNotFound, case_record
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.public import published_place
from huying.cases.queries.told import kept
from huying.cases.rules import clocks as clockwork
from huying.cases.rules import engine, receipts
from huying.cases.rules.engine import ReportFacts
from huying.cases.rules.vocabulary import ReportState
from huying.directory import queries as directory
from huying.directory.permissions import Actor, Permission
from huying.ledger import actions as ledger

RESIDENT_TRIES: Final = 3
"""A resident has seen nothing of the case that could be out of date: try again for them."""


def join_report(
    *,
    by: Actor,
    receipt: str = "",
    report_id: int | None = None,
    case_id: int | None = None,
    text: str = "",
    channel: str = "WEB",
    place_text: str = "",
    lon: float | None = None,
    lat: float | None = None,
    contact: Contact | None = None,
    secret: bool = False,
    photos: Sequence[Upload] = (),
    references: Sequence[tuple[str, str]] = (),
    idempotency_key: str = "",
    now: datetime | None = None,
) -> Received:
    """我也遇到了: join an open case with a receipt, a clock, a reply and a rating of one's own.

    Named by receipt, by the public id of a report or by its case. Where that case has been
    answered or closed meanwhile, it becomes a case of its own that names the earlier report.
    Raises ReportNotFound, and as `receive_report`.
    """
    if by.kind == "STAFF":
        by.require(Permission.REPORT_RECORD)
    now = now or timezone.now()
    if report_id is not None:
        # Known from the map: a secret report is on none.
        named = Report.objects.filter(pk=report_id, secret=False)
    elif case_id is not None:
        named = Report.objects.filter(case_id=case_id)
    else:
        named = Report.objects.filter(receipt=receipts.read(receipt) or "-")
    first = named.order_by("id").first()
    if first is None:
        raise ReportNotFound
    record = case_record(first.case_id)
    # Who found it on the map is told no more of its place than the map tells.
    known_place = published_place(first) if report_id is not None and by.kind != "STAFF" else first
    place = place_of(lon, lat, place_text or known_place.place_text)
    if lon is None and known_place.lon is not None:
        place = place_of(known_place.lon, known_place.lat, place.text)
    known = dictionary.category(record.facts.category)
    said = checked(
        by=by,
        now=now,
        text=text or "我也遇到了同样的情况。",
        channel=channel,
        category=record.facts.category,
        kind=first.kind,
        # Not the other reporter's words: it may become a case of its own.
        title=known.name if known and not text.strip() else "",
        place=place,
        phone=(None, None),
        contact=contact,
        submitter=None,
        on_behalf=False,
        secret=secret,
        photos=photos,
        key=idempotency_key,
        discovered_at=None,
        urgency=record.facts.urgency,
        people_involved=1,
        references=references,
        joined_report_id=first.pk,
        own_place=(place_text, lon, lat),
    )
    return once(said, lambda one: _joined(one, record.facts.id))


def _joined(said: Said, case_id: int) -> Received:
    tries = RESIDENT_TRIES if said.by.kind == "RESIDENT" else 1
    for _earlier_try in range(tries - 1):
        with suppress(StaleCase), transaction.atomic():
            return _join(said, case_id)
    return _join(said, case_id)


def _join(said: Said, case_id: int) -> Received:
    record = case_record(case_id)
    procedure = procedure_of(record.procedure, record.procedure_version)
    if not engine.takes_more_reports(procedure, record.facts):
        return open_with(said)
    _unused, report_id = writing.next_ids()
    reporter_id, submitter_id = remembered(said.contact, said), remembered(said.submitter, said)
    facts, now = record.facts, said.now
    report = report_row(said, report_id, facts.id, reporter_id, submitter_id)
    started = engine.joined(
        procedure, facts, report_id, now=now, calendar=directory.working_calendar()
    )
    seq = facts.version + 1
    record_id = ledger.record(
        kind="report.received",
        subject=f"case:{facts.id}",
        by=said.by.ref,
        at=now,
        body={
            "number": facts.number,
            "report": report_id,
            "seq": seq,
            "action": engine.JOIN,
            "channel": said.channel,
            "photos": [file.sha256 for file in said.files],
        },
        personal=personal_of(said, str(report["receipt"])),
    )
    report["record_id"] = record_id
    writing.add_report(report, said.words)
    after = replace(
        facts,
        clocks=(*facts.clocks, *started),
        reports=(*facts.reports, ReportFacts(report_id, ReportState.RECEIVED.value)),
        people_involved=facts.people_involved + 1,
        version=seq,
        secret=facts.secret or said.secret,
    )
    with override("zh-hans"):
        values = wording.words_for(procedure, after, now, actor=said.by)
    act_ids = writing.change(
        writing.Changes(
            cases=[
                case_changes(after, record, seq, now, None, report_count=record.report_count + 1)
            ],
            acts=[
                act_row(
                    after,
                    seq=seq,
                    action=engine.JOIN,
                    from_state=facts.state,
                    to_state=facts.state,
                    by=said.by,
                    now=now,
                    told=kept(procedure, after, procedure.actions[procedure.opening].tells, values),
                    report_id=report_id,
                    record_id=record_id,
                )
            ],
            clocks=[writing.clock_row(clock, facts.id) for clock in started],
            tallies=[happened(Measure.RECEIVED, procedure.procedure, after, now)],
            attachments=[
                attachment_row(file, facts.id, report_id, seq, said.by, now) for file in said.files
            ],
            at=now,
        )
    )
    if not act_ids:
        raise stale(facts, said.by)
    CaseReference.objects.bulk_create(
        [
            CaseReference(case_id=facts.id, system=system, number=number, added_at=now)
            for system, number in said.references
        ],
        ignore_conflicts=True,
    )
    telling.tell(procedure, after, (), engine.JOIN, values, by=said.by, now=now)
    return received(report, after, clockwork.earliest(started), record_id)
