"""Beginning a case: the first act of a procedure, and the dispatch that follows by rule."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from huying.cases import events
from huying.cases.actions import telling, writing
from huying.cases.actions.acting import NeedsField, act_row, planned, sealed, words_of
from huying.cases.actions.files import Stored, attachment_row, discard, store_photos, stored
from huying.cases.actions.repeating import (
    IdempotencyConflict,
    digest_of,
    key_of,
    written_once,
)
from huying.cases.actions.results import Opened, Upload
from huying.cases.actions.tallying import happened, standing
from huying.cases.models import Act, Measure
from huying.cases.queries import dictionary
from huying.cases.queries.facts import CaseRecord
from huying.cases.queries.procedures import REPORTS
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.told import kept
from huying.cases.rules import clocks as clockwork
from huying.cases.rules import receipts
from huying.cases.rules.changing import changed
from huying.cases.rules.engine import Facts, Plan, ReportFacts
from huying.cases.rules.procedure import START, Procedure
from huying.cases.rules.responsibility import Rule
from huying.cases.rules.retracing import BEGINS, beginning_of
from huying.cases.rules.vocabulary import Kind, ReportState, Urgency
from huying.cases.rules.words import words_of as words_in
from huying.directory import queries as directory
from huying.directory.permissions import Actor
from huying.ledger import actions as ledger
from huying.standards.deadlines import SHANGHAI

NOWHERE: Final = "000000000000"
"""Division of a case in an empty directory: intake goes on all the same."""
LONGEST_PLACE: Final = 200
LONGEST_TITLE: Final = 120
RESPONSIBILITY: Final = Actor.system("responsibility")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a matter is. `grid_code` None: outside every grid, or not told.

    `astray` is a coordinate no grid contains, outside the county or in a gap: which unit
    answers there is for a dispatcher to say, not for the county-wide rules.
    """

    text: str
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str
    astray: bool = False


def place_of(lon: float | None, lat: float | None, text: str = "") -> Place:
    """The place, its grid and division. One outside the county is kept as it was given."""
    text = text.replace("\x00", "").strip()
    if len(text) > LONGEST_PLACE:
        raise NeedsField(
            f"地点请控制在 {LONGEST_PLACE} 字以内。",
            f"Keep the place under {LONGEST_PLACE} characters.",
            field="place_text",
        )
    if (lon is None) != (lat is None):
        raise NeedsField("经度和纬度要一起填。", "Longitude and latitude go together.", field="lon")
    county = directory.county()
    division = county.code if county else NOWHERE
    if lon is None or lat is None:
        return Place(text, None, None, None, division)
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise NeedsField(
            f"坐标（{lon}，{lat}）不在地球上，经度在前、纬度在后，请核对。也可以不填坐标，只写地点。",
            f"({lon}, {lat}) is not on Earth: longitude first, then latitude. It may be left out.",
            field="lon",
        )
    grid = directory.grid_at(lon, lat)
    if grid is None:
        return Place(text, lon, lat, None, division, astray=True)
    return Place(text, lon, lat, grid.code, grid.division_code)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a case begins with."""

    case_id: int
    procedure: Procedure
    title: str
    place: Place
    discovered_at: datetime
    summary: str = ""
    category: str = ""
    kind: str = Kind.HELP.value
    urgency: str = Urgency.NORMAL.value
    people_involved: int = 1
    report_id: int | None = None
    secret: bool = False
    lead_organisation_id: int | None = None
    assisting: tuple[int, ...] = ()
    dispatch: Rule | None = None
    alert_id: int | None = None
    alert_key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    files: Sequence[Stored] = ()
    kind_of_record: str = "case.opened"
    sealed_body: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    facts: Facts
    record_id: int


def begin(
    beginning: Beginning,
    *,
    by: Actor,
    now: datetime,
    report: dict[str, Any] | None = None,
    attachments: Sequence[writing.Row] = (),
    words: Sequence[str] = (),
    references: Sequence[tuple[str, str]] = (),
) -> Begun:
    """Write the case with its first act, its clocks and its records; then tell people."""
    procedure = beginning.procedure
    steps = steps_of(beginning, by, now)
    final, facts = steps[-1][1], steps[-1][1].facts
    record = fresh_record(beginning, now)
    values = [words_of(procedure, plan, actor, now) for actor, plan in steps]
    record_ids = _seal(beginning, steps, record, now)
    if report is not None:
        report["record_id"] = record_ids[0]
    name = procedure.procedure
    facts = replace(facts, version=len(steps))
    tallies = [standing(name, facts, 1), happened(Measure.OPENED, name, facts, now)]
    if report is not None:
        tallies.append(happened(Measure.RECEIVED, name, facts, now))
    acts = []
    for seq, ((actor, plan), values_of, record_id) in enumerate(
        zip(steps, values, record_ids, strict=True), start=1
    ):
        acts.append(
            act_row(
                plan.facts,
                seq=seq,
                action=plan.offer.code,
                from_state=plan.from_state,
                to_state=plan.to_state,
                by=actor,
                now=now,
                note=plan.note,
                told=kept(procedure, plan.facts, plan.tells, values_of),
                data=plan.data,
                report_id=plan.report_id,
                record_id=record_id,
            )
        )
    writing.create(
        writing.Changes(
            cases=[case_row(beginning, facts, now, report is not None)],
            reports=[report] if report is not None else [],
            acts=acts,
            clocks=[writing.clock_row(clock, facts.id) for clock in final.started],
            tallies=tallies,
            assisting=[
                {"case_id": facts.id, "organisation_id": unit, "added_at": now}
                for unit in sorted(facts.assisting_ids)
            ],
            attachments=list(attachments),
            words=[{"case_id": facts.id, "words": list(words)}],
            references=[
                {"case_id": facts.id, "system": system, "number": number, "added_at": now}
                for system, number in references
            ],
        )
    )
    telling.tell(
        procedure,
        facts,
        [notice for _actor, plan in steps for notice in plan.notices],
        final.offer.code,
        values[-1],
        by=by,
        now=now,
        clock=clockwork.earliest(final.started),
    )
    return Begun(facts, record_ids[0])


def steps_of(beginning: Beginning, by: Actor, now: datetime) -> list[tuple[Actor, Plan]]:
    """The opening act, and the dispatch by the table of responsibilities where it decides."""
    procedure, rule = beginning.procedure, beginning.dispatch
    place = beginning.place
    facts = Facts(
        id=beginning.case_id,
        number=_number(beginning, now),
        state=START,
        version=0,
        kind=beginning.kind,
        category=beginning.category,
        urgency=_higher(beginning.urgency, rule.urgency if rule else ""),
        title=beginning.title,
        place_text=place.text,
        lead_organisation_id=beginning.lead_organisation_id,
        officer_id=None,
        grid_code=place.grid_code,
        division_code=place.division_code,
        people_involved=beginning.people_involved,
        assisting_ids=frozenset(beginning.assisting),
        reports=(
            (ReportFacts(beginning.report_id, ReportState.RECEIVED.value),)
            if beginning.report_id
            else ()
        ),
        from_alert=beginning.alert_id is not None,
        secret=beginning.secret,
    )
    opening = planned(
        procedure,
        facts,
        by,
        procedure.opening,
        beginning.note,
        beginning.data,
        beginning.files,
        beginning.report_id,
        now,
    )
    opening = changed(opening, data={**opening.data, BEGINS: beginning_of(facts)})
    steps = [(by, opening)]
    if rule is not None and procedure.routing and not place.astray:
        routed = planned(
            procedure,
            replace(opening.facts, version=1),
            RESPONSIBILITY,
            procedure.routing,
            "",
            {"unit": rule.organisation_id, "assisting": list(rule.assisting_ids)},
            (),
            None,
            now,
        )
        steps.append((RESPONSIBILITY, routed))
    return steps


def _seal(
    beginning: Beginning, steps: Sequence[tuple[Actor, Plan]], record: CaseRecord, now: datetime
) -> list[int]:
    entries = entries_of(beginning, steps, record, now)
    if len(entries) == 1:
        return [ledger.record(**entries[0])]
    return ledger.record_many([ledger.Entry(**entry) for entry in entries])


def entries_of(
    beginning: Beginning, steps: Sequence[tuple[Actor, Plan]], record: CaseRecord, now: datetime
) -> list[dict[str, Any]]:
    """What the ledger is to hold of the first steps of a case."""
    entries = []
    for seq, (actor, plan) in enumerate(steps, start=1):
        files = beginning.files if seq == 1 else ()
        entry = sealed(beginning.procedure, record, plan, seq, actor, now, files)
        if seq == 1:
            body = {**entry["body"], **beginning.sealed_body}
            if beginning.report_id:
                body["report"] = beginning.report_id
            entry |= {
                "kind": beginning.kind_of_record,
                "body": body,
                "personal": {**(entry["personal"] or {}), **beginning.personal} or None,
            }
        entries.append(entry)
    return entries


def _number(beginning: Beginning, now: datetime) -> str:
    return receipts.case_number(beginning.case_id, now.astimezone(SHANGHAI).year)


def _higher(one: str, other: str) -> str:
    order = Urgency.values
    return max(one, other or one, key=order.index)


def fresh_record(beginning: Beginning, now: datetime) -> CaseRecord:
    return CaseRecord(
        facts=Facts(
            id=beginning.case_id,
            number="",
            state=START,
            version=0,
            kind=beginning.kind,
            category=beginning.category,
            urgency=beginning.urgency,
            title=beginning.title,
            place_text=beginning.place.text,
            lead_organisation_id=None,
            officer_id=None,
            grid_code=beginning.place.grid_code,
            division_code=beginning.place.division_code,
        ),
        procedure=beginning.procedure.procedure,
        procedure_version=beginning.procedure.version,
        created_at=now,
        closed_at=None,
        due_at=None,
        report_count=0,
        alert_id=beginning.alert_id,
        merged_into_id=None,
    )


def case_row(beginning: Beginning, facts: Facts, now: datetime, has_report: bool) -> dict[str, Any]:
    earliest = clockwork.earliest(facts.clocks)
    return {
        "id": facts.id,
        "number": facts.number,
        "procedure": beginning.procedure.procedure,
        "procedure_version": beginning.procedure.version,
        "state": facts.state,
        "kind": facts.kind,
        "category": facts.category,
        "title": facts.title,
        "summary": beginning.summary,
        "urgency": facts.urgency,
        "place_text": facts.place_text,
        "lon": beginning.place.lon,
        "lat": beginning.place.lat,
        "grid_code": facts.grid_code,
        "division_code": facts.division_code,
        "lead_organisation_id": facts.lead_organisation_id,
        "officer_id": facts.officer_id,
        "discovered_at": beginning.discovered_at,
        "created_at": now,
        "updated_at": now,
        "people_involved": facts.people_involved,
        "report_count": 1 if has_report else 0,
        "outcome": facts.outcome,
        "due_at": earliest.due_at if earliest else None,
        "due_clock": earliest.name if earliest else "",
        "due_provisional": bool(earliest and earliest.provisional),
        "supervised": facts.supervised,
        "alert_id": beginning.alert_id,
        "alert_key": beginning.alert_key,
        "true_alarm": facts.true_alarm,
        "pending": dict(facts.pending),
        "idempotency_key": beginning.key,
        "request_digest": beginning.digest if beginning.key else "",
        "version": facts.version,
    }


def open_case(
    *,
    by: Actor,
    procedure: str,
    title: str,
    summary: str = "",
    category: str = "",
    kind: str = "HELP",
    urgency: str = "NORMAL",
    place_text: str = "",
    lon: float | None = None,
    lat: float | None = None,
    grid_code: str | None = None,
    division_code: str = "",
    lead_organisation_id: int | None = None,
    assisting: Sequence[int] = (),
    discovered_at: datetime | None = None,
    people_involved: int = 1,
    alert_id: int | None = None,
    alert_key: str = "",
    data: Mapping[str, Any] | None = None,
    note: str = "",
    photos: Sequence[Upload] = (),
    references: Sequence[tuple[str, str]] = (),
    idempotency_key: str = "",
    now: datetime | None = None,
) -> Opened:
    """Begin a case of any procedure that does not come from a report.

    Who may is what the procedure's first action says, and `data` what it needs. Without
    `lead_organisation_id` the table of responsibilities decides, if the procedure has a
    `routing` action or names the lead before its first notices; where it does not know,
    nobody leads yet.
    `grid_code` and `division_code` are those of the coordinates where left out. A place
    outside every grid waits for a dispatcher too, unless the county's own device stands there.
    The same `idempotency_key` with the same content gives the same case again.
    Raises ProcedureUnknown, NeedsField, ActionNotOffered, BadUpload, IdempotencyConflict.
    """
    if procedure == REPORTS:
        raise NeedsField(
            "群众诉求请从“登记诉求”登记，给群众一个回执。",
            "What a resident says is taken down as a report, with a receipt.",
            field="procedure",
        )
    title = title.replace("\x00", "").strip()[:LONGEST_TITLE]
    if not title:
        raise NeedsField("请写明是什么事。", "Say what it is about.", field="title")
    key = key_of(idempotency_key, by)
    # As it was given: what the county's tables make of it may be another by the second try.
    said = {
        "procedure": procedure,
        "title": title,
        "summary": summary,
        "matter": [category, kind, urgency, people_involved, discovered_at],
        "place": [place_text, lon, lat, grid_code, division_code],
        "units": [lead_organisation_id, list(assisting)],
        "alert": [alert_id, alert_key],
        "data": data or {},
        "note": note,
        "references": references,
    }
    now = now or timezone.now()
    place = place_of(lon, lat, place_text)
    if grid_code or division_code or alert_id:
        place = replace(
            place,
            grid_code=grid_code or place.grid_code,
            division_code=division_code or place.division_code,
            astray=False,
        )
    if category and dictionary.category(category) is None:
        category = ""
    chosen = procedure_of(procedure)
    rule = None
    if lead_organisation_id is None:
        rule = dictionary.responsible(category, place.division_code)
        if rule is not None and not chosen.routing and not place.astray:
            lead_organisation_id = rule.organisation_id
            assisting = tuple(assisting) or rule.assisting_ids
            urgency = _higher(urgency, rule.urgency)
            rule = None
    files = tuple(store_photos(photos))
    digest = digest_of({**said, "files": [file.sha256 for file in files]}) if key else ""

    def write() -> Opened:
        case_id, _unused = writing.next_ids()
        begun = begin(
            Beginning(
                case_id=case_id,
                procedure=chosen,
                title=title,
                summary=summary.replace("\x00", "").strip(),
                category=category,
                kind=kind,
                urgency=urgency,
                place=place,
                discovered_at=min(discovered_at or now, now),
                people_involved=people_involved,
                lead_organisation_id=lead_organisation_id,
                assisting=tuple(assisting),
                dispatch=rule,
                alert_id=alert_id,
                alert_key=alert_key,
                data=data or {},
                note=note,
                files=files,
                sealed_body={"alert": alert_id} if alert_id else {},
                personal={"title": title},
                key=key,
                digest=digest,
            ),
            by=by,
            now=now,
            attachments=[attachment_row(file, case_id, None, 1, by, now) for file in files],
            words=words_in([title, summary, place.text]),
            references=references,
        )
        events.case_opened.send(
            sender=events.CaseOpened,
            event=events.CaseOpened(
                case_id=case_id,
                procedure=procedure,
                category=category,
                division_code=place.division_code,
                grid_code=place.grid_code,
                report_id=None,
            ),
        )
        return Opened(
            case_id=case_id,
            number=begun.facts.number,
            state=begun.facts.state,
            version=begun.facts.version,
            record_id=begun.record_id,
        )

    with stored(files):
        opened = written_once(lambda: _earlier(key, digest), write)
        if not opened.created:
            discard(files)
    return opened


def _earlier(key: str | None, digest: str) -> Opened | None:
    """The case that this request opened before. Raises IdempotencyConflict."""
    if not key:
        return None
    act = Act.objects.select_related("case").filter(case__idempotency_key=key, seq=1).first()
    if act is None:
        return None
    case = act.case
    if case.request_digest != digest:
        raise IdempotencyConflict
    return Opened(
        case_id=case.pk,
        number=case.number,
        state=case.state,
        version=case.version,
        record_id=act.record_id or 0,
        created=False,
    )
