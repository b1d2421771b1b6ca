"""Open311 GeoReport v2 (http://wiki.open311.org/GeoReport_v2/), JSON and XML.

The public side of the cases room in the field's common language: a service is a category, a
service request is one resident's report. The identifier of a request is public; what its
sender alone may do (follow, rate) needs the receipt, which the answer to the POST carries in
`service_notice`. Words and persons are never given out, and the place exactly only where the
category is of public things.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from xml.etree import ElementTree

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from ninja import Field, Form, Header, NinjaAPI, Path, Query, Schema
from ninja.errors import ValidationError
from ninja.openapi.schema import OpenAPISchema

from huying.cases import actions, queries
from huying.cases.queries import CategoryView, PublicReport
from huying.cases.rest.fields import Keys
from huying.directory.permissions import Actor, DomainError
from huying.directory.throttle import TooOften, allow_request

Format = Literal["json", "xml"]

MOST_ROWS = 100
LONGEST_SPAN = timedelta(days=90)


class Open311(NinjaAPI):
    """An API whose definition says that each answer comes as JSON or XML, by the path's end."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        problems = {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}}
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status in (400, 404, 409, 413, 422, 429):
                    content = {"application/json": {"schema": problems}}
                    operation["responses"][status] = {"description": "Refused", "content": content}
                for answer in operation["responses"].values():
                    answer["content"]["text/xml"] = {}
        return schema


api = Open311(
    title="Open311 GeoReport v2",
    version="2.0",
    urls_namespace="open311",
    description="Services, service definitions and service requests of one county.",
)


class Service(Schema):
    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: str
    keywords: str
    group: str


class Definition(Schema):
    service_code: str
    attributes: list[dict[str, Any]]


class Accepted(Schema):
    service_request_id: str
    service_notice: str
    account_id: str | None


class ServiceRequest(Schema):
    service_request_id: str
    status: Literal["open", "closed"]
    status_notes: str
    service_name: str
    service_code: str
    description: str | None
    agency_responsible: str
    service_notice: str | None
    requested_datetime: str
    updated_datetime: str
    expected_datetime: str | None
    address: str
    address_id: str | None
    zipcode: str | None
    lat: float | None
    long: float | None
    media_url: str | None


class Problem(Schema):
    code: int
    description: str


# Names of the XML elements, as GeoReport v2 gives them: list, and one row of it.
_SERVICES = ("services", "service")
_DEFINITION = ("service_definition", "attribute")
_REQUESTS = ("service_requests", "request")
_ERRORS = ("errors", "error")

# XML 1.0, section 2.2: these cannot be written at all.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _fill(element: ElementTree.Element, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        child = ElementTree.SubElement(element, name)
        if isinstance(value, bool):
            child.text = "true" if value else "false"
        elif value is not None:
            child.text = _NOT_XML.sub("", str(value))


def _answer(
    form: Format, names: tuple[str, str], rows: Sequence[Mapping[str, Any]], status: int = 200
) -> HttpResponse:
    if form == "json":
        return HttpResponse(orjson.dumps(rows), status=status, content_type="application/json")
    root = ElementTree.Element(names[0])
    for row in rows:
        _fill(ElementTree.SubElement(root, names[1]), row)
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return HttpResponse(body, status=status, content_type="text/xml; charset=utf-8")


def _wanted_format(request: HttpRequest) -> Format:
    return "xml" if request.path.endswith(".xml") else "json"


def _refuse(request: HttpRequest, status: int, description: str) -> HttpResponse:
    rows = [{"code": status, "description": description}]
    return _answer(_wanted_format(request), _ERRORS, rows, status)


@api.exception_handler(DomainError)
def _domain(request: HttpRequest, error: DomainError) -> HttpResponse:
    answer = _refuse(request, error.status, f"{error.zh} / {error.en}")
    if isinstance(error, TooOften):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    details = "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in error.errors)
    return _refuse(request, 400, f"填写的内容有误，请改正后重试 / invalid input: {details}")


class ServicePath(Schema):
    service_code: Annotated[str, Field(max_length=64, pattern=r"^[A-Z0-9_]+$")]


class RequestPath(Schema):
    request_id: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


def _service(category: CategoryView) -> dict[str, Any]:
    return {
        "service_code": category.code,
        "service_name": category.name,
        "description": category.description or category.name,
        "metadata": False,
        "type": "realtime",
        "keywords": ",".join(category.keywords),
        "group": category.parent_name,
    }


@api.get("/services.{form}", response={200: list[Service]}, summary="GET Service List")
def services(request: HttpRequest, form: Format) -> HttpResponse:
    allow_request(request, "open311.services", limit=600, seconds=60)
    return _answer(form, _SERVICES, [_service(category) for category in queries.categories()])


@api.get(
    "/services/{service_code}.{form}",
    response={200: Definition},
    summary="GET Service Definition",
)
def service_definition(
    request: HttpRequest, form: Format, where: Path[ServicePath]
) -> HttpResponse:
    """No service asks for more than words and a place, so every list of attributes is empty."""
    allow_request(request, "open311.services", limit=600, seconds=60)
    if all(category.code != where.service_code for category in queries.categories()):
        return _refuse(
            request,
            404,
            "没有这个服务代码，请先取服务清单 / unknown service_code: read services first",
        )
    if form == "json":
        body = {"service_code": where.service_code, "attributes": []}
        return HttpResponse(orjson.dumps(body), content_type="application/json")
    root = ElementTree.Element(_DEFINITION[0])
    ElementTree.SubElement(root, "service_code").text = where.service_code
    ElementTree.SubElement(root, "attributes")
    content = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return HttpResponse(content, content_type="text/xml; charset=utf-8")


class NewRequest(Schema):
    """Form fields of POST Service Request. A place in words or as a coordinate is needed.

    Whoever gives an address of a picture sends it by the receipt instead: nothing is fetched.
    """

    service_code: Annotated[str, Field(max_length=64)]
    description: Annotated[str, Field(min_length=2, max_length=4000)]
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    long: Annotated[float, Field(ge=-180, le=180)] | None = None
    address_string: Annotated[str, Field(max_length=200)] = ""
    first_name: Annotated[str, Field(max_length=40)] = ""
    last_name: Annotated[str, Field(max_length=40)] = ""
    phone: Annotated[str, Field(max_length=20)] = ""
    email: Annotated[
        str, Field(max_length=100, description="kept encrypted with name and phone")
    ] = ""
    media_url: Annotated[
        str,
        Field(
            max_length=500,
            pattern=r"^(https?://[^\s\x00]+)?$",
            description="kept as words, never fetched: POST the picture itself to "
            "/api/v1/reports/{receipt}/photos",
        ),
    ] = ""
    device_id: Annotated[str, Field(description="not kept: nobody is followed by a device")] = ""
    address_id: Annotated[str, Field(description="not kept: the county has no such list")] = ""
    account_id: Annotated[str, Field(description="not kept: a receipt takes its place")] = ""

    def contact(self) -> actions.Contact:
        """Who speaks; an e-mail address stands for the name where there is none."""
        name = f"{self.last_name}{self.first_name}".strip()
        email = self.email.strip()
        return actions.Contact(
            name=name or email[:40],
            phone=self.phone,
            address=f"电子邮箱 {email}" if email else "",
        )

    def words(self) -> str:
        picture = f"\n（反映人提供的图片网址，未下载：{self.media_url}）" if self.media_url else ""
        return self.description + picture

    def notice(self, receipt: str) -> str:
        """What the sender is told: the receipt, and what was not taken."""
        notice = f"已收到，回执号 {receipt}，凭它查进度、评价"
        if self.media_url:
            notice += "。图片网址已记下，没有下载，照片请凭回执补传"
        unkept = [name for name in ("device_id", "address_id", "account_id") if getattr(self, name)]
        if unkept:
            notice += f"。{'、'.join(unkept)} 没有收取"
        return notice


@api.post(
    "/requests.{form}",
    response={200: list[Accepted], 400: list[Problem]},
    summary="POST Service Request",
)
def post_request(
    request: HttpRequest, form: Format, given: Form[NewRequest], sent: Header[Keys]
) -> HttpResponse:
    """Report a matter. A repeated Idempotency-Key header gives the first answer again."""
    allow_request(request, "open311", limit=30, seconds=60)
    if (given.lat is None) != (given.long is None):
        return _refuse(request, 400, "经纬度要么都填，要么都不填 / give both lat and long, or none")
    if given.lat is None and not given.address_string.strip():
        return _refuse(
            request,
            400,
            "请填写地点：经纬度或地址 / a place is needed: lat and long, or address_string",
        )
    if all(category.code != given.service_code for category in queries.categories()):
        return _refuse(
            request,
            404,
            "没有这个服务代码，请先取服务清单 / unknown service_code: read services first",
        )
    received = actions.receive_report(
        by=Actor.resident(),
        text=given.words(),
        channel="OPEN311",
        category=given.service_code,
        place_text=given.address_string,
        lon=given.long,
        lat=given.lat,
        contact=given.contact(),
        idempotency_key=sent.idempotency_key,
    )
    row = {
        "service_request_id": str(received.report_id),
        "service_notice": given.notice(received.receipt_display),
        "account_id": None,
    }
    return _answer(form, _REQUESTS, [row])


def _moment(text: str, name: str) -> datetime | None:
    """A W3C date-time, as GeoReport v2 wants it; raises a refusal that says how to write one."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year <= 9000:
        raise DomainError(
            f"{name} 的格式应为 2026-11-22T08:00:00+08:00",
            f"{name} must look like 2026-11-22T08:00:00+08:00",
        )
    return found if timezone.is_aware(found) else timezone.make_aware(found)


class Wanted(Schema):
    service_request_id: (
        Annotated[str, Field(pattern=r"^[0-9]{1,18}(,[0-9]{1,18}){0,99}$")] | None
    ) = None
    service_code: Annotated[str, Field(max_length=64)] = ""
    start_date: Annotated[str, Field(max_length=40)] = ""
    end_date: Annotated[str, Field(max_length=40)] = ""
    status: Literal["open", "closed", "open,closed", "closed,open", ""] = ""
    page_size: Annotated[int, Field(ge=1, le=MOST_ROWS)] = MOST_ROWS
    cursor: Annotated[
        str, Field(max_length=100, description="from the Link header of the page before")
    ] = ""


def _row(report: PublicReport) -> dict[str, Any]:
    return {
        "service_request_id": str(report.id),
        "status": "open" if report.open else "closed",
        "status_notes": report.headline,
        "service_name": report.category_name,
        "service_code": report.category,
        "description": None,
        "agency_responsible": report.unit_name,
        "service_notice": None,
        "requested_datetime": report.submitted_at.isoformat(timespec="seconds"),
        "updated_datetime": report.updated_at.isoformat(timespec="seconds"),
        "expected_datetime": report.due_at.isoformat(timespec="seconds") if report.due_at else None,
        "address": report.place_text,
        "lat": report.lat,
        "long": report.lon,
        "address_id": None,
        "zipcode": None,
        "media_url": None,
    }


@api.get(
    "/requests.{form}",
    response={200: list[ServiceRequest]},
    summary="GET Service Requests",
)
def get_requests(request: HttpRequest, form: Format, wanted: Query[Wanted]) -> HttpResponse:
    """The newest first, at most 100 a page; without dates the last 90 days.

    Where there are more, `Link: <…>; rel="next"` (RFC 8288) is the address of the next page.
    """
    allow_request(request, "open311.read", limit=240, seconds=60)
    until = _moment(wanted.end_date, "end_date")
    since = _moment(wanted.start_date, "start_date")
    if since is None:
        since = (until or timezone.now()) - LONGEST_SPAN
    ids = [int(part) for part in (wanted.service_request_id or "").split(",") if part]
    page = queries.public_reports(
        ids=ids or None,
        since=None if ids else since,
        until=None if ids else until,
        status=wanted.status.upper() if wanted.status in ("open", "closed") else "",
        category=wanted.service_code,
        cursor=wanted.cursor or None,
        limit=wanted.page_size,
    )
    answer = _answer(form, _REQUESTS, [_row(report) for report in page.rows])
    if page.next_cursor:
        further = request.GET.copy()
        further["cursor"] = page.next_cursor
        address = request.build_absolute_uri(f"{request.path}?{further.urlencode()}")
        answer["Link"] = f'<{address}>; rel="next"'
    return answer


@api.get(
    "/requests/{request_id}.{form}",
    response={200: list[ServiceRequest]},
    summary="GET Service Request",
)
def get_request(request: HttpRequest, form: Format, where: Path[RequestPath]) -> HttpResponse:
    allow_request(request, "open311.read", limit=240, seconds=60)
    page = queries.public_reports(ids=[int(where.request_id)], limit=1)
    if not page.rows:
        return _refuse(request, 404, "没有这个编号 / no such service_request_id")
    return _answer(form, _REQUESTS, [_row(page.rows[0])])


urlpatterns = [path("open311/v2/", api.urls)]
