"""/api/v1/notices: one's own inbox, and the push subscription of the browser at hand.

For signed-in staff with a session; a program with a token has no inbox.
"""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from huying.directory.bearer import SessionAuth
from huying.directory.permissions import Actor
from huying.directory.throttle import allow_request
from huying.notices import actions, queries

router = Router(tags=["notices"], auth=SessionAuth())

Identifier = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Problem(Schema):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str


PROBLEMS: dict[int, type[Problem]] = dict.fromkeys((400, 401, 403, 422), Problem)


class DeliveryOut(Schema):
    channel: str = Field(description="WEB_PUSH, APPRISE or DEMO")
    state: str = Field(description="PENDING, SENT, FAILED, DEAD or SKIPPED")
    sent_at: datetime | None


class NoticeOut(Schema):
    id: int
    kind: str = Field(description="topic.what", examples=["alert.opened"])
    urgency: str = Field(description="NORMAL, URGENT or EMERGENCY")
    title: str
    body: str
    link: str
    delivered_at: datetime = Field(description="when it reached the inbox")
    read_at: datetime | None
    deliveries: list[DeliveryOut]


class InboxOut(Schema):
    notices: list[NoticeOut] = Field(description="newest first")
    next_before: int | None = Field(description="`before` of the next page; null on the last")
    unread: int = Field(description="counted up to 100")


class InboxQuery(Schema):
    before: Identifier | None = Field(None, description="only ids below")
    unread: bool = Field(False, description="only unread ones")
    limit: int = Field(30, ge=1, le=100)


class Some(Schema):
    ids: list[Identifier] = Field(max_length=500)


class UpTo(Schema):
    up_to: Identifier = Field(description="the newest notice on the screen")


class MarkedOut(Schema):
    marked: int = Field(description="how many were unread")
    unread: int


class PushKeys(Schema):
    p256dh: Annotated[str, Field(max_length=200)]
    auth: Annotated[str, Field(max_length=100)]


class Subscription(Schema):
    """PushSubscription.toJSON() of the browser."""

    endpoint: Annotated[str, Field(max_length=1000)]
    keys: PushKeys
    name: Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")] = ""


class Endpoint(Schema):
    endpoint: Annotated[str, Field(max_length=1000)]


class PushKeyOut(Schema):
    public_key: str = Field(description="applicationServerKey, base64url")


class AddressOut(Schema):
    id: int


class RemovedOut(Schema):
    removed: bool


@router.get("/notices", response={200: InboxOut, **PROBLEMS}, summary="One's inbox")
def list_notices(request: HttpRequest, wanted: Query[InboxQuery]) -> dict[str, object]:
    account_id = _caller(request).own_account()
    page = queries.inbox(
        account_id, before=wanted.before, only_unread=wanted.unread, limit=wanted.limit
    )
    return {
        "notices": page.rows,
        "next_before": page.next_before,
        "unread": queries.unread_count(account_id),
    }


@router.post("/notices/read", response={200: MarkedOut, **PROBLEMS}, summary="Mark some read")
def mark_read(request: HttpRequest, some: Some) -> dict[str, int]:
    by = _caller(request)
    return _marked(by, actions.mark_read(notice_ids=some.ids, by=by))


@router.post("/notices/read-all", response={200: MarkedOut, **PROBLEMS}, summary="Mark all read")
def mark_all_read(request: HttpRequest, given: UpTo) -> dict[str, int]:
    """Up to the newest one on the screen; what came meanwhile stays unread."""
    by = _caller(request)
    return _marked(by, actions.mark_all_read(up_to=given.up_to, by=by))


@router.get(
    "/notices/push-key", response={200: PushKeyOut}, auth=None, summary="Key to subscribe with"
)
def push_key(request: HttpRequest) -> dict[str, str]:
    allow_request(request, "push_key", limit=600, seconds=60)
    return {"public_key": queries.vapid_public_key()}


@router.post(
    "/notices/push", response={201: AddressOut, **PROBLEMS}, summary="Push to this browser"
)
def subscribe(request: HttpRequest, given: Subscription) -> Status[dict[str, int]]:
    address_id = actions.subscribe_push(
        endpoint=given.endpoint,
        p256dh=given.keys.p256dh,
        auth=given.keys.auth,
        name=given.name or _device(request),
        by=_caller(request),
    )
    return Status(201, {"id": address_id})


@router.post("/notices/push/remove", response={200: RemovedOut, **PROBLEMS}, summary="Push no more")
def unsubscribe(request: HttpRequest, given: Endpoint) -> dict[str, bool]:
    return {"removed": actions.unsubscribe_push(endpoint=given.endpoint, by=_caller(request))}


def _caller(request: HttpRequest) -> Actor:
    caller: Actor = request.auth  # type: ignore[attr-defined]  # ninja sets what auth returned
    return caller


def _marked(by: Actor, marked: int) -> dict[str, int]:
    return {"marked": marked, "unread": queries.unread_count(by.own_account())}


def _device(request: HttpRequest) -> str:
    """What a person calls the device at hand; nothing finer is kept."""
    agent = request.headers.get("User-Agent", "")
    if "MicroMessenger" in agent:
        return "微信"
    return "手机浏览器" if "Mobile" in agent else "电脑浏览器"
