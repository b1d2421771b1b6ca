"""Reports: handing in, following, rating. Open to everybody, by receipt."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, File, Header, Path, Query, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import BeforeValidator

from huying.cases import actions, queries
from huying.cases.rest.fields import (
    GivenLatitude,
    GivenLongitude,
    Identifier,
    Keys,
    Latitude,
    Line,
    Longitude,
    Moment,
    Receipt,
    Words,
    YesNo,
)
from huying.directory.bearer import OPTIONAL, anyone
from huying.directory.queries import actor_of
from huying.directory.throttle import allow_request

router = Router(tags=["reports"])


class ReportPath(Schema):
    receipt: Receipt


class PersonGiven(Schema):
    """Who speaks. Everything may be left out; it is kept encrypted and shown masked."""

    name: Annotated[str, Field(max_length=40)] = ""
    phone: Annotated[str, Field(max_length=20)] = ""
    id_number: Annotated[str, Field(max_length=18)] = ""
    address: Line = ""

    def contact(self) -> actions.Contact:
        return actions.Contact(self.name, self.phone, self.id_number, self.address)


def _given_as_object(value: Any) -> Any:
    # Ninja would read the fields off anything at all, and find each left out.
    if isinstance(value, str | int | float | list):
        raise ValueError('a JSON object such as {"name": "李梅"}')
    return value


Person = Annotated[PersonGiven, BeforeValidator(_given_as_object)]


class NewReport(Schema):
    """One person's report. The place of the matter is asked apart from where the phone is."""

    text: Annotated[str, Field(min_length=2, max_length=4000, pattern=r"^[^\x00]*$")]
    category: Annotated[str, Field(max_length=64, description="empty: not sure")] = ""
    kind: Literal["", "CONSULTATION", "HELP", "COMPLAINT", "TIP_OFF", "SUGGESTION", "PRAISE"] = ""
    place_text: Line = ""
    lon: GivenLongitude | None = None
    lat: GivenLatitude | None = None
    phone_lon: GivenLongitude | None = None
    phone_lat: GivenLatitude | None = None
    contact: Person | None = None
    on_behalf: YesNo = False
    submitter: Person | None = None
    secret: YesNo = False
    channel: Literal["WEB", "PHONE", "COUNTER", "PAPER", "GRID", "HOTLINE", "API"] = "API"
    people_involved: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    discovered_at: Moment | None = None
    references: Annotated[list[tuple[Line, Line]], Field(max_length=10)] = []


class ReportAnswer(Schema):
    receipt: str
    receipt_display: str
    report_id: int
    case_number: str
    state: str
    unit_name: str
    due_at: datetime | None
    provisional: bool
    record_id: int | None
    created: bool


@router.post(
    "/reports",
    response={200: ReportAnswer, 201: ReportAnswer},
    auth=anyone("reports:write"),
    openapi_extra=OPTIONAL,
    summary="Hand in a report",
)
def post_report(
    request: HttpRequest, given: NewReport, sent: Header[Keys]
) -> Status[actions.Received]:
    """201 with a new receipt; 200 with the first one when the idempotency key comes again.

    Without sign-in the channel is WEB or API; taking down what others say (PHONE, COUNTER,
    PAPER, GRID, HOTLINE) needs the permission to record reports.
    """
    by = actor_of(request)
    if not by.is_authenticated:
        allow_request(request, "report", limit=30, seconds=60)
    received = actions.receive_report(
        by=by,
        text=given.text,
        channel=given.channel,
        category=given.category,
        kind=given.kind,
        place_text=given.place_text,
        lon=given.lon,
        lat=given.lat,
        phone_lon=given.phone_lon,
        phone_lat=given.phone_lat,
        contact=given.contact.contact() if given.contact else None,
        on_behalf=given.on_behalf,
        submitter=given.submitter.contact() if given.submitter else None,
        secret=given.secret,
        people_involved=given.people_involved,
        discovered_at=given.discovered_at,
        references=given.references,
        idempotency_key=sent.idempotency_key,
    )
    return Status(201 if received.created else 200, received)


class Step(Schema):
    label: str
    done: bool
    current: bool
    at: datetime | None


class Entry(Schema):
    at: datetime
    who: str
    text: str
    record_id: int | None


class Progress(Schema):
    receipt: str
    case_number: str
    title: str
    state: str
    state_label: str
    headline: str
    next_text: str
    submitted_at: datetime
    unit_name: str
    unit_phone: str
    due_at: datetime | None
    provisional: bool
    counted: str
    article: str
    reply: str
    rating: str
    can_rate: bool
    closed: bool
    steps: list[Step]
    entries: list[Entry]
    record_ids: list[int]


@router.get(
    "/reports/{receipt}",
    response={200: Progress},
    auth=None,
    summary="Follow a report by its receipt",
)
def get_report(request: HttpRequest, where: Path[ReportPath]) -> queries.ProgressView:
    allow_request(request, "progress", limit=120, seconds=60)
    return queries.progress(where.receipt)


@router.post(
    "/reports/{receipt}/photos",
    response={201: None},
    auth=None,
    summary="Add a photograph to a report",
)
def post_report_photo(
    request: HttpRequest, where: Path[ReportPath], photo: File[UploadedFile]
) -> Status[None]:
    """JPEG, PNG or WebP up to 12 MB; re-encoded, location data removed."""
    allow_request(request, "photo", limit=30, seconds=60)
    report = queries.progress(where.receipt)
    actions.add_report_photo(receipt=report.receipt, file=photo, by=actor_of(request))
    return Status(201, None)


class RatingGiven(Schema):
    rating: Literal[
        "VERY_SATISFIED", "SATISFIED", "FAIRLY_SATISFIED", "DISSATISFIED", "VERY_DISSATISFIED"
    ]
    comment: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


class RatingAnswer(Schema):
    rating: str
    state: str
    callback_due_at: datetime | None
    record_id: int


@router.post(
    "/reports/{receipt}/rating",
    response={200: RatingAnswer},
    auth=None,
    summary="Rate the answer, once",
)
def post_rating(request: HttpRequest, where: Path[ReportPath], given: RatingGiven) -> actions.Rated:
    allow_request(request, "rating", limit=30, seconds=60)
    return actions.rate(
        receipt=where.receipt, rating=given.rating, comment=given.comment, by=actor_of(request)
    )


class FollowUp(Schema):
    comment: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


@router.post(
    "/reports/{receipt}/follow-up",
    response={204: None},
    auth=None,
    summary="Add a word after rating",
)
def post_follow_up(request: HttpRequest, where: Path[ReportPath], given: FollowUp) -> Status[None]:
    allow_request(request, "rating", limit=30, seconds=60)
    actions.follow_up(receipt=where.receipt, comment=given.comment, by=actor_of(request))
    return Status(204, None)


class Withdrawal(Schema):
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


@router.post(
    "/reports/{receipt}/withdrawal",
    response={204: None},
    auth=None,
    summary="Take the report back, as long as it is not answered",
)
def post_withdrawal(
    request: HttpRequest, where: Path[ReportPath], given: Withdrawal
) -> Status[None]:
    allow_request(request, "supplement", limit=20, seconds=60)
    actions.withdraw(receipt=where.receipt, reason=given.reason, by=actor_of(request))
    return Status(204, None)


class Public(Schema):
    """A report as anybody may see it: no words of the reporter."""

    id: int
    case_number: str
    open: bool
    state_label: str
    headline: str
    category: str
    category_name: str
    unit_name: str
    submitted_at: datetime
    updated_at: datetime
    place_text: str
    lon: float | None
    lat: float | None


class Around(Schema):
    lon: Longitude
    lat: Latitude
    category: Annotated[str, Field(max_length=64)] = ""
    radius_m: Annotated[int, Field(ge=1, le=2000)] = 300


@router.get(
    "/public-reports",
    response={200: list[Public]},
    auth=None,
    summary="Open reports near a place",
)
def get_public_reports(request: HttpRequest, around: Query[Around]) -> list[queries.PublicReport]:
    allow_request(request, "nearby", limit=120, seconds=60)
    return queries.nearby_open(
        around.lon, around.lat, category=around.category, radius_m=around.radius_m
    )


class Joining(Schema):
    text: Words = ""
    contact: Person | None = None
    secret: YesNo = False


class PublicPath(Schema):
    report_id: Identifier


@router.post(
    "/public-reports/{report_id}/join",
    response={200: ReportAnswer, 201: ReportAnswer},
    auth=anyone("reports:write"),
    openapi_extra=OPTIONAL,
    summary="我也遇到了: report the same matter, with a receipt of one's own",
)
def post_join(
    request: HttpRequest, where: Path[PublicPath], given: Joining, sent: Header[Keys]
) -> Status[actions.Received]:
    allow_request(request, "report", limit=30, seconds=60)
    received = actions.join_report(
        by=actor_of(request),
        report_id=where.report_id,
        text=given.text,
        contact=given.contact.contact() if given.contact else None,
        secret=given.secret,
        channel="API",
        idempotency_key=sent.idempotency_key,
    )
    return Status(201 if received.created else 200, received)


class Category(Schema):
    code: str
    name: str
    description: str
    parent: str
    parent_name: str
    kind: str


@router.get(
    "/categories", response={200: list[Category]}, auth=None, summary="What can be reported"
)
def get_categories(request: HttpRequest) -> list[queries.CategoryView]:
    allow_request(request, "dictionary", limit=600, seconds=60)
    return queries.categories()


class TypicalQuery(Schema):
    category: Annotated[str, Field(max_length=64)]
    division: Annotated[str, Field(pattern=r"^([0-9]{12})?$")] = ""


class Typical(Schema):
    unit_name: str
    days: int | None
    sample: int
    text: str


@router.get(
    "/typical-answer",
    response={200: Typical, 204: None},
    auth=None,
    summary="Who handles such a matter, and how long it usually takes",
)
def get_typical(
    request: HttpRequest, asked: Query[TypicalQuery]
) -> Status[queries.TypicalAnswer | None]:
    allow_request(request, "dictionary", limit=600, seconds=60)
    found = queries.typical_answer(asked.category, asked.division)
    return Status(200, found) if found else Status(204, None)
