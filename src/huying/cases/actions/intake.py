"""Taking in what people say: a report, a receipt, a case (or a place in an open one).

Intake never stops: an unknown category, a place outside the county, a missing calendar or a
reporter without a name are all taken in, and a dispatcher decides what the machine cannot.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from huying.cases import events
from huying.cases.actions import writing
from huying.cases.actions.acting import NeedsField
from huying.cases.actions.files import (
    Stored,
    attachment_row,
    discard,
    store_papers,
    store_photos,
    stored,
)
from huying.cases.actions.opening import Beginning, Place, begin, place_of
from huying.cases.actions.repeating import IdempotencyConflict, digest_of, key_of, written_once
from huying.cases.actions.results import Contact, Received, Upload
from huying.cases.models import Report
from huying.cases.queries import dictionary, wording
from huying.cases.queries.procedures import REPORTS
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules import clocks as clockwork
from huying.cases.rules import receipts
from huying.cases.rules.engine import Facts
from huying.cases.rules.vocabulary import (
    RECORDED_CHANNELS,
    Channel,
    Kind,
    ReportState,
    Urgency,
)
from huying.cases.rules.wording import title_of
from huying.cases.rules.words import words_of
from huying.directory import actions as directory_actions
from huying.directory.permissions import Actor, Permission

LONGEST_TEXT: Final = 5_000


@dataclass(frozen=True, slots=True)
class Said:
    """One report, checked and ready to write."""

    by: Actor
    now: datetime
    text: str
    channel: str
    kind: str
    category: str
    title: str
    urgency: str
    place: Place
    phone_lon: float | None
    phone_lat: float | None
    contact: Contact | None
    submitter: Contact | None
    on_behalf: bool
    secret: bool
    files: tuple[Stored, ...]
    discovered_at: datetime
    people_involved: int
    references: tuple[tuple[str, str], ...]
    key: str | None
    digest: str
    joined_report_id: int | None = None

    @property
    def words(self) -> list[str]:
        """What search finds it by; of a secret report nothing: search cannot tell who asks."""
        return [] if self.secret else words_of([self.title, self.text, self.place.text])


def receive_report(
    *,
    by: Actor,
    text: str,
    channel: str = "WEB",
    category: str = "",
    kind: str = "",
    title: str = "",
    place_text: str = "",
    lon: float | None = None,
    lat: float | None = None,
    phone_lon: float | None = None,
    phone_lat: float | None = None,
    contact: Contact | None = None,
    on_behalf: bool = False,
    submitter: Contact | None = None,
    secret: bool = False,
    photos: Sequence[Upload] = (),
    idempotency_key: str = "",
    discovered_at: datetime | None = None,
    urgency: str = "NORMAL",
    people_involved: int = 1,
    references: Sequence[tuple[str, str]] = (),
    now: datetime | None = None,
) -> Received:
    """Take in what somebody says; gives the receipt at once.

    category   "" = the person is not sure; then a dispatcher decides who answers
    kind       "" = as the category says
    lon, lat   degrees (EPSG:4490) of the matter; outside the county is kept and goes to
               the governance centre. phone_lon, phone_lat: where the telephone was
    contact    who speaks, or on whose behalf; None = anonymous. Kept in the vault
    photos     for channel PAPER also PDF
    idempotency_key  the same key with the same content gives the same receipt again. Whoever
               is not signed in shares the keys with all the world, and a receipt opens the
               report: such a key must be long and random, as a UUID is

    Raises NeedsField, BadUpload, IdempotencyConflict.
    """
    if by.kind == "STAFF" or channel in RECORDED_CHANNELS:
        by.require(Permission.REPORT_RECORD)
    now = now or timezone.now()
    said = checked(
        by=by,
        now=now,
        text=text,
        channel=channel,
        category=category,
        kind=kind,
        title=title,
        place=place_of(lon, lat, place_text),
        phone=(phone_lon, phone_lat),
        contact=contact,
        submitter=submitter,
        on_behalf=on_behalf,
        secret=secret,
        photos=photos,
        key=idempotency_key,
        discovered_at=discovered_at,
        urgency=urgency,
        people_involved=people_involved,
        references=references,
    )
    return once(said, open_with)


def checked(
    *,
    by: Actor,
    now: datetime,
    text: str,
    channel: str,
    category: str,
    kind: str,
    title: str,
    place: Place,
    phone: tuple[float | None, float | None],
    contact: Contact | None,
    submitter: Contact | None,
    on_behalf: bool,
    secret: bool,
    photos: Sequence[Upload],
    key: str,
    discovered_at: datetime | None,
    urgency: str,
    people_involved: int,
    references: Sequence[tuple[str, str]],
    joined_report_id: int | None = None,
    own_place: tuple[str, float | None, float | None] | None = None,
) -> Said:
    """What is kept of it. `own_place`: the place as it was given, where `place` comes of another
    report."""
    text = text.replace("\x00", "").strip()
    if not text and not photos:
        raise NeedsField(
            "请写几句话，或者拍一张照片，说明是什么事。",
            "Please write a few words or add a photograph.",
            field="text",
        )
    if len(text) > LONGEST_TEXT:
        raise NeedsField(
            f"文字请控制在 {LONGEST_TEXT} 字以内，现有 {len(text)} 字。更多材料可以拍照上传。",
            f"Keep the text under {LONGEST_TEXT} characters; it has {len(text)}.",
            field="text",
        )
    if channel not in Channel.values:
        raise NeedsField("来源渠道不对。", "The channel is not known.", field="channel")
    known = dictionary.category(category) if category else None
    if category and known is None:
        raise NeedsField(
            "没有这个类别，请重新选择，或选“不确定”。",
            "There is no such category; choose again, or leave it out.",
            field="category",
        )
    kind = kind or (known.kind if known else Kind.HELP.value)
    if kind not in Kind.values:
        raise NeedsField("诉求类型不对。", "The kind is not known.", field="kind")
    if urgency not in Urgency.values:
        raise NeedsField("紧急程度不对。", "The urgency is not known.", field="urgency")
    if not 1 <= people_involved <= 1_000_000:
        raise NeedsField(
            "涉及人数请填 1 以上的数字。",
            "The number of people must be at least 1.",
            field="people_involved",
        )
    known_as = key_of(key, by)
    asked_at = discovered_at
    if discovered_at is not None and discovered_at > now:
        discovered_at = now
    paper = channel == Channel.PAPER
    files = tuple(store_papers(photos) if paper else store_photos(photos))
    # All that was said and will be kept. What a report joins says the rest of a joining one,
    # and may be reclassified or erased between two tries.
    own = [category, kind, title, urgency] if joined_report_id is None else []
    body = {
        "text": text,
        "channel": channel,
        "own": own,
        "place": own_place or [place.text, place.lon, place.lat],
        "phone": phone,
        "contact": astuple(contact) if contact else None,
        "submitter": astuple(submitter) if submitter else None,
        "flags": [on_behalf, secret],
        "discovered_at": asked_at,
        "people_involved": people_involved,
        "references": references,
        "files": [file.sha256 for file in files],
        "joined": joined_report_id,
    }
    return Said(
        by=by,
        now=now,
        text=text,
        channel=channel,
        kind=kind,
        category=category,
        title=_title(title, text, known.name if known else "", secret=secret)[:120],
        urgency=urgency,
        place=place,
        phone_lon=phone[0],
        phone_lat=phone[1],
        contact=contact or None,
        submitter=submitter or None,
        on_behalf=on_behalf,
        secret=secret,
        files=files,
        discovered_at=discovered_at or now,
        people_involved=people_involved,
        references=tuple(references),
        key=known_as,
        digest=digest_of(body),
        joined_report_id=joined_report_id,
    )


def _title(title: str, text: str, category: str, *, secret: bool) -> str:
    """What lists and notices call it; nothing of a secret report's words is in it."""
    if secret:
        return category or "诉求"
    return title.strip() or title_of(text) or category or "照片反映"


def once(said: Said, write: Callable[[Said], Received]) -> Received:
    """Write it, unless the same request has been written before."""
    with stored(said.files):
        received = written_once(lambda: _earlier(said), lambda: write(said))
        if not received.created:
            discard(said.files)
        return received


def _earlier(said: Said) -> Received | None:
    if not said.key:
        return None
    row = (
        Report.objects.filter(idempotency_key=said.key)
        .select_related("case")
        .only(
            "receipt",
            "request_digest",
            "record_id",
            "case__number",
            "case__state",
            "case__version",
            "case__lead_organisation",
            "case__due_at",
            "case__due_provisional",
        )
        .first()
    )
    if row is None:
        return None
    if row.request_digest != said.digest:
        raise IdempotencyConflict
    case = row.case
    return Received(
        report_id=row.pk,
        receipt=row.receipt,
        receipt_display=receipts.display(row.receipt),
        case_id=case.pk,
        case_number=case.number,
        state=case.state,
        version=case.version,
        unit_id=case.lead_organisation_id,
        unit_name=wording.unit_name(case.lead_organisation_id),
        due_at=case.due_at,
        provisional=case.due_provisional,
        record_id=row.record_id,
        created=False,
    )


def open_with(said: Said) -> Received:
    """A case of its own for this report."""
    case_id, report_id = writing.next_ids()
    reporter_id = remembered(said.contact, said)
    submitter_id = remembered(said.submitter, said)
    procedure = procedure_of(REPORTS)
    report = report_row(said, report_id, case_id, reporter_id, submitter_id)
    beginning = Beginning(
        case_id=case_id,
        procedure=procedure,
        title=said.title,
        category=said.category,
        kind=said.kind,
        urgency=said.urgency,
        place=said.place,
        discovered_at=said.discovered_at,
        people_involved=said.people_involved,
        report_id=report_id,
        secret=said.secret,
        dispatch=dictionary.responsible(said.category, said.place.division_code),
        kind_of_record="report.received",
        sealed_body={
            "channel": said.channel,
            "category": said.category,
            "on_behalf": said.on_behalf,
            "photos": [file.sha256 for file in said.files],
        },
        personal=personal_of(said, str(report["receipt"])),
    )
    begun = begin(
        beginning,
        by=said.by,
        now=said.now,
        report=report,
        attachments=[
            attachment_row(file, case_id, report_id, 1, said.by, said.now) for file in said.files
        ],
        words=said.words,
        references=said.references,
    )
    facts = begun.facts
    promised = clockwork.earliest(
        clock for clock in facts.clocks if clock.name == procedure.promise
    )
    events.case_opened.send(
        sender=events.CaseOpened,
        event=events.CaseOpened(
            case_id=case_id,
            procedure=procedure.procedure,
            category=facts.category,
            division_code=facts.division_code,
            grid_code=facts.grid_code,
            report_id=report_id,
        ),
    )
    return received(report, facts, promised, begun.record_id)


def received(
    report: dict[str, Any],
    facts: Facts,
    promised: clockwork.Ticking | None,
    record_id: int,
) -> Received:
    return Received(
        report_id=report["id"],
        receipt=report["receipt"],
        receipt_display=receipts.display(report["receipt"]),
        case_id=facts.id,
        case_number=facts.number,
        state=facts.state,
        version=facts.version,
        unit_id=facts.lead_organisation_id,
        unit_name=wording.unit_name(facts.lead_organisation_id),
        due_at=promised.due_at if promised else None,
        provisional=bool(promised and promised.provisional),
        record_id=record_id,
        created=True,
    )


def remembered(contact: Contact | None, said: Said) -> int | None:
    if not contact:
        return None
    return directory_actions.remember_person(
        name=contact.name,
        phone=contact.phone,
        id_number=contact.id_number,
        address=contact.address,
        by=said.by,
    )


def personal_of(said: Said, receipt: str) -> dict[str, str]:
    """What the ledger keeps as commitments only: the words and who spoke."""
    personal = {"receipt": receipt, "text": said.text, "place": said.place.text}
    for prefix, contact in (("", said.contact), ("submitter_", said.submitter)):
        if contact:
            personal |= {
                f"{prefix}name": contact.name,
                f"{prefix}phone": contact.phone,
                f"{prefix}id_number": contact.id_number,
                f"{prefix}address": contact.address,
            }
    return {name: value for name, value in personal.items() if value}


def report_row(
    said: Said,
    report_id: int,
    case_id: int,
    reporter_id: int | None,
    submitter_id: int | None,
) -> dict[str, Any]:
    return {
        "id": report_id,
        "receipt": receipts.new_receipt(),
        "case_id": case_id,
        "channel": said.channel,
        "kind": said.kind,
        "text": said.text,
        "place_text": said.place.text,
        "lon": said.place.lon,
        "lat": said.place.lat,
        "phone_lon": said.phone_lon,
        "phone_lat": said.phone_lat,
        "reporter_id": reporter_id,
        "on_behalf": said.on_behalf,
        "submitter_id": submitter_id,
        "recorded_by_id": said.by.account_id,
        "secret": said.secret,
        "submitted_at": said.now,
        "state": ReportState.RECEIVED.value,
        "reply": "",
        "rating": "",
        "rating_comment": "",
        "follow_up": "",
        "joined_report_id": said.joined_report_id,
        "earlier": [],
        "since_seq": 0,
        "idempotency_key": said.key,
        "request_digest": said.digest if said.key else "",
    }
