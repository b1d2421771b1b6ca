"""Cases: the queue, one case, the next step. For staff and for systems with a token."""

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import Field, File, Form, Header, Path, Query, Router, Schema, Status
from ninja.files import UploadedFile

from huying.cases import actions, queries
from huying.cases.queries import QueueFilters
from huying.cases.rest.fields import (
    Cursor,
    GivenLatitude,
    GivenLongitude,
    Identifier,
    Keys,
    Latitude,
    Line,
    Longitude,
    Moment,
    Words,
)
from huying.directory.bearer import anyone, callers
from huying.directory.permissions import DomainError
from huying.directory.queries import actor_of
from huying.directory.throttle import allow_request

router = Router(tags=["cases"])


class CasePath(Schema):
    case_id: Identifier


class CaseItem(Schema):
    id: int
    number: str
    title: str
    procedure: str
    state: str
    state_label: str
    turn: str
    category: str
    category_name: str
    urgency: str
    place_text: str
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str
    unit_id: int | None
    unit_name: str
    officer_id: int | None
    discovered_at: datetime
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    due_provisional: bool
    status: str
    report_count: int
    people_involved: int
    version: int


class CasePage(Schema):
    rows: list[CaseItem]
    next_cursor: str | None


class CaseQuery(Schema):
    states: Annotated[str, Field(max_length=200, pattern=r"^[A-Z_,]*$")] = ""
    procedure: Annotated[str, Field(max_length=64)] = ""
    mine: bool = False
    unit: Identifier | None = None
    category: Annotated[str, Field(max_length=64)] = ""
    division: Annotated[str, Field(pattern=r"^[0-9]{0,12}$")] = ""
    grid: Annotated[str, Field(pattern=r"^([0-9]{15})?$")] = ""
    urgency: Literal["", "NORMAL", "URGENT", "EMERGENCY"] = ""
    overdue: bool = False
    soon: bool = False
    supervised: bool = False
    closed: bool | None = False
    text: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""
    cursor: Cursor = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    order: Literal["DUE", "NEWEST"] = "DUE"


@router.get(
    "/cases",
    response={200: CasePage},
    auth=callers("cases:read"),
    summary="The cases you may see",
)
def get_cases(request: HttpRequest, asked: Query[CaseQuery]) -> queries.Page[queries.CaseRow]:
    filters = QueueFilters(
        states=[state for state in asked.states.split(",") if state],
        procedure=asked.procedure,
        mine=asked.mine,
        unit=asked.unit,
        category=asked.category,
        division=asked.division,
        grid=asked.grid,
        urgency=asked.urgency,
        overdue=asked.overdue,
        soon=asked.soon,
        supervised=asked.supervised,
        closed=asked.closed,
        text=asked.text,
    )
    return queries.queue(
        actor_of(request),
        filters,
        cursor=asked.cursor or None,
        limit=asked.limit,
        order=asked.order,
    )


class StateCount(Schema):
    procedure: str
    state: str
    label: str
    count: int


class Counts(Schema):
    open: int
    mine: int
    overdue: int
    soon: int
    supervised: int
    by_state: list[StateCount]


@router.get(
    "/cases/counts",
    response={200: Counts},
    auth=callers("cases:read"),
    summary="How many cases wait",
)
def get_counts(request: HttpRequest) -> queries.QueueCounts:
    return queries.queue_counts(actor_of(request))


class ClockItem(Schema):
    name: str
    label: str
    article: str
    limit: str
    scope: str
    started_at: datetime
    due_at: datetime
    provisional: bool
    stopped_at: datetime | None
    status: str
    counted: str


class ActItem(Schema):
    id: int
    seq: int
    action: str
    label: str
    from_state: str
    to_state: str
    actor_kind: str
    actor_name: str
    organisation_name: str
    at: datetime
    note: str
    article: str
    record_id: int | None


class ReportItem(Schema):
    id: int
    channel: str
    text: str
    place_text: str
    reporter_name: str
    reporter_phone: str
    submitted_at: datetime
    state: str
    reply: str
    rating: str
    joined: bool


class NeedItem(Schema):
    name: str
    kind: str
    required: bool
    label: str
    choices: dict[str, str]


class ActionItem(Schema):
    code: str
    label: str
    why_photo: str
    article: str
    scope: str
    to_state: str
    needs: list[NeedItem]


class CaseDocument(Schema):
    case: CaseItem
    summary: str
    outcome: str
    clocks: list[ClockItem]
    reports: list[ReportItem]
    acts: list[ActItem]
    references: list[tuple[str, str]]
    actions: list[ActionItem]


def _action_item(offered: queries.OfferedAction) -> dict[str, Any]:
    return {
        "code": offered.code,
        "label": offered.label,
        "why_photo": offered.why_photo,
        "article": offered.article,
        "scope": offered.scope,
        "to_state": offered.to_state,
        "needs": [
            {
                "name": need.name,
                "kind": str(need.kind),
                "required": not need.optional,
                "label": str(need.label),
                "choices": {code: str(words) for code, words in need.choices.items()},
            }
            for need in offered.needs
        ],
    }


@router.get(
    "/cases/{case_id}",
    response={200: CaseDocument},
    auth=callers("cases:read"),
    summary="One case with its clocks, reports (masked), acts and what you may do",
)
def get_case(request: HttpRequest, where: Path[CasePath]) -> dict[str, Any]:
    view = queries.case_page(where.case_id, actor_of(request))
    return {
        "case": view.case,
        "summary": view.summary,
        "outcome": view.outcome,
        "clocks": view.clocks,
        "reports": view.reports,
        "acts": view.acts,
        "references": view.references,
        "actions": [_action_item(offered) for offered in view.actions],
    }


class NewAct(Schema):
    """One step of the procedure. `version` is the case's as you saw it."""

    action: Annotated[str, Field(max_length=64, pattern=r"^[a-z_]+$")]
    version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    note: Words = ""
    data: dict[str, Any] = {}
    report_id: Identifier | None = None


class ActAnswer(Schema):
    case_id: int
    number: str
    act_id: int
    seq: int
    action: str
    state: str
    version: int
    record_id: int
    due_at: datetime | None


@router.post(
    "/cases/{case_id}/acts",
    response={200: ActAnswer},
    auth=callers("cases:act"),
    summary="Do the next step",
)
def post_act(request: HttpRequest, where: Path[CasePath], given: NewAct) -> actions.Acted:
    """409 STALE_CASE when somebody acted since `version`, naming who; nothing is changed then."""
    return actions.act(
        case_id=where.case_id,
        action=given.action,
        by=actor_of(request),
        version=given.version,
        note=given.note,
        data=given.data,
        report_id=given.report_id,
    )


class ActForm(Schema):
    action: Annotated[str, Field(max_length=64, pattern=r"^[a-z_]+$")]
    version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    note: Words = ""
    data: Annotated[str, Field(max_length=10_000, description="a JSON object")] = "{}"


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise DomainError(
            'data 应是一个 JSON 对象，例如 {"outcome": "SOLVED"}',
            'data must be a JSON object such as {"outcome": "SOLVED"}',
            status=422,
        )
    return found


@router.post(
    "/cases/{case_id}/acts-with-photos",
    response={200: ActAnswer},
    auth=callers("cases:act"),
    summary="Do the next step, with photographs",
)
def post_act_with_photos(
    request: HttpRequest,
    where: Path[CasePath],
    given: Form[ActForm],
    photos: File[list[UploadedFile]],
) -> actions.Acted:
    return actions.act(
        case_id=where.case_id,
        action=given.action,
        by=actor_of(request),
        version=given.version,
        note=given.note,
        data=_object(given.data),
        photos=photos,
    )


class OpeningItem(Schema):
    procedure: str
    version: int
    name: str
    law: str
    step: ActionItem


@router.get(
    "/procedures",
    response={200: list[OpeningItem]},
    auth=callers("cases:read"),
    summary="The kinds of matter you may open, and what each asks for",
)
def get_procedures(request: HttpRequest) -> list[dict[str, Any]]:
    """Residents' reports are not among them: POST /reports."""
    return [
        {
            "procedure": one.procedure,
            "version": one.version,
            "name": one.name,
            "law": one.law,
            "step": _action_item(one.step),
        }
        for one in queries.openings(actor_of(request))
    ]


class Reference(Schema):
    system: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
    number: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]


class OpenedAnswer(Schema):
    case_id: int
    number: str
    state: str
    version: int


class NewCase(Schema):
    """A matter that does not come from a report. `data` is what the procedure asks for."""

    procedure: Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]
    title: Annotated[str, Field(min_length=2, max_length=120, pattern=r"^[^\x00]*$")]
    summary: Words = ""
    category: Annotated[str, Field(max_length=64)] = ""
    urgency: Literal["NORMAL", "URGENT", "EMERGENCY"] = "NORMAL"
    place_text: Line = ""
    lon: GivenLongitude | None = None
    lat: GivenLatitude | None = None
    people_involved: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    discovered_at: Moment | None = None
    references: Annotated[list[Reference], Field(max_length=10)] = []
    data: dict[str, Any] = {}
    note: Words = ""


@router.post(
    "/cases",
    response={200: OpenedAnswer, 201: OpenedAnswer},
    auth=callers("cases:act"),
    summary="Open a matter of any procedure",
)
def post_case(request: HttpRequest, given: NewCase, sent: Header[Keys]) -> Status[actions.Opened]:
    """201 with a new case; 200 with the first one when the idempotency key comes again.

    404 for a procedure there is not, 409 for one that is not yours to open.
    """
    opened = actions.open_case(
        by=actor_of(request),
        procedure=given.procedure,
        title=given.title,
        summary=given.summary,
        category=given.category,
        urgency=given.urgency,
        place_text=given.place_text,
        lon=given.lon,
        lat=given.lat,
        people_involved=given.people_involved,
        discovered_at=given.discovered_at,
        references=[(one.system, one.number) for one in given.references],
        data=given.data,
        note=given.note,
        idempotency_key=sent.idempotency_key,
    )
    return Status(201 if opened.created else 200, opened)


class Merging(Schema):
    merged: Annotated[list[Identifier], Field(min_length=1, max_length=50)]
    note: Line = ""


@router.post(
    "/cases/{case_id}/merge",
    response={200: ActAnswer},
    auth=callers("cases:act"),
    summary="Bring the reports of other cases into this one",
)
def post_merge(request: HttpRequest, where: Path[CasePath], given: Merging) -> actions.Acted:
    return actions.merge_cases(
        into=where.case_id, merged=given.merged, note=given.note, by=actor_of(request)
    )


class Splitting(Schema):
    reports: Annotated[list[Identifier], Field(min_length=1, max_length=50)]
    note: Line = ""


@router.post(
    "/cases/{case_id}/split",
    response={201: OpenedAnswer},
    auth=callers("cases:act"),
    summary="Give some reports a case of their own",
)
def post_split(
    request: HttpRequest, where: Path[CasePath], given: Splitting
) -> Status[actions.Opened]:
    opened = actions.split(
        case_id=where.case_id, report_ids=given.reports, note=given.note, by=actor_of(request)
    )
    return Status(201, opened)


@router.post(
    "/cases/{case_id}/references",
    response={204: None},
    auth=callers("cases:act"),
    summary="Note the number another system has for it",
)
def post_reference(request: HttpRequest, where: Path[CasePath], given: Reference) -> Status[None]:
    actions.add_reference(
        case_id=where.case_id, system=given.system, number=given.number, by=actor_of(request)
    )
    return Status(204, None)


class Task(Schema):
    case: CaseItem
    distance_m: int | None
    main_action: str | None


class Where(Schema):
    lon: Longitude | None = None
    lat: Latitude | None = None


@router.get(
    "/tasks",
    response={200: list[Task]},
    auth=callers("cases:read"),
    summary="A grid worker's tasks, by clock, then distance",
)
def get_tasks(request: HttpRequest, at: Query[Where]) -> list[dict[str, Any]]:
    return [
        {
            "case": task.case,
            "distance_m": task.distance_m,
            "main_action": task.main_action.code if task.main_action else None,
        }
        for task in queries.tasks_near(actor_of(request), at.lon, at.lat)
    ]


class FilePath(Schema):
    attachment_id: Identifier


class FileQuery(Schema):
    receipt: Annotated[str, Field(pattern=r"^([0-9A-Za-z-]{12,14})?$")] = ""
    thumbnail: bool = False


@router.get(
    "/attachments/{attachment_id}",
    auth=anyone("cases:read"),
    summary="A photograph or scan, for those who may see it",
    response={200: bytes},
    include_in_schema=False,
)
def get_attachment(
    request: HttpRequest, where: Path[FilePath], asked: Query[FileQuery]
) -> HttpResponse:
    allow_request(request, "files", limit=600, seconds=60)
    path, mime = queries.attachment_file(
        where.attachment_id, actor_of(request), receipt=asked.receipt, thumbnail=asked.thumbnail
    )
    return HttpResponse(
        path.read_bytes(), content_type=mime, headers=queries.file_headers(path, mime)
    )
