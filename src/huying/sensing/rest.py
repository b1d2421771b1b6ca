"""/api/v1: observations in, devices, observations and alerts out.

A program needs the token scope observations:write or observations:read; a member of staff who
is signed in needs the permissions of their post.
"""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status
from pydantic import ConfigDict

from huying.directory.bearer import callers
from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.throttle import client_address
from huying.sensing import actions, queries
from huying.sensing.actions import Kept, Outcome, Reading, Refusal, Unreadable
from huying.sensing.rules import payloads, refusals
from huying.sensing.rules.readings import QUARANTINED
from huying.sensing.rules.verdicts import worst

router = Router(tags=["observations"])

BATCH_LIMIT = 10_000
Identifier = Annotated[int, Field(ge=1, le=2**63 - 1)]
Period = Literal["REALTIME", "MINUTE", "HOUR", "DAY"]
Mn = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]


class Problem(Schema):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str


PROBLEMS: dict[int, type[Problem]] = dict.fromkeys((400, 401, 403, 404, 409, 422, 429), Problem)


class ValueIn(Schema):
    model_config = ConfigDict(extra="forbid")

    property: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}$")] = Field(
        description="code of the observed property (HJ 524, HJ 525, or one's own)",
        examples=["a34004"],
    )
    value: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    unit: Annotated[str, Field(max_length=16)] = Field(
        "", description="as measured; converted. Empty: the device's registered unit"
    )
    flag: Literal["N", "F", "M", "S", "D", "C", "T", "B"] = Field(
        "N", description="HJ 212 data flag: only N (and S where allowed) counts"
    )


class ObservationIn(Schema):
    model_config = ConfigDict(extra="forbid")

    device: Mn = Field(description="number of a registered device")
    time: Annotated[str, Field(max_length=40)] = Field(
        description="ISO 8601; the start of the period, or the moment of capture. A reading "
        "whose time cannot be read is quarantined, not refused",
        examples=["2026-11-22T08:00:00+08:00"],
    )
    period: Period = "REALTIME"
    values: Annotated[list[ValueIn], Field(min_length=1, max_length=payloads.MOST_VALUES)]


class BatchIn(Schema):
    model_config = ConfigDict(extra="forbid")

    observations: Annotated[
        list[Annotated[ObservationIn | Any, Field(union_mode="left_to_right")]],
        Field(
            min_length=1,
            max_length=BATCH_LIMIT,
            description="readings; whatever else an item is does not stop the others, it is kept "
            "in quarantine and its result says why",
        ),
    ]


class RefusalOut(Schema):
    reason: str = Field(description="stable code", examples=["NEGATIVE"])
    zh: str
    en: str


class VerdictOut(Schema):
    property: str
    value: float = Field(description="in the county's unit")
    unit: str
    verdict: Literal["NORMAL", "WARNING"]
    threshold: float | None
    why: str
    why_en: str


class ResultOut(Schema):
    result: Literal["STORED", "DUPLICATE", "QUARANTINED"]
    refusals: list[RefusalOut] = Field(description="what of it was not taken, and why")


class OneOut(ResultOut):
    verdict: Literal["NORMAL", "WARNING"] | None = Field(
        description="the worst of the values; null where nothing could be taken"
    )
    why: str
    why_en: str
    value: float | None
    threshold: float | None
    unit: str
    values: list[VerdictOut]
    alerts: list[int] = Field(description="ids of the alerts that opened with this reading")


class BatchOut(Schema):
    stored: int
    duplicates: int
    quarantined: int
    results: list[ResultOut] = Field(description="in the order of the observations")
    alerts: list[int]


def _reading(item: ObservationIn, peer: str) -> Reading | Refusal:
    payload = item.model_dump(exclude_defaults=True)
    raw = orjson.dumps(payload)
    try:
        return payloads.reading_of(payload, listener="HTTP", peer=peer, raw=raw)
    except Unreadable as error:
        return error.refusal


def _any_reading(item: object, peer: str) -> Reading | Kept:
    """What an item of a batch says, in any form MQTT takes as well, or what to keep of it."""
    if isinstance(item, ObservationIn):
        found = _reading(item, peer)
        if isinstance(found, Reading):
            return found
        return Kept(
            found.reason, orjson.dumps(item.model_dump(exclude_defaults=True)), item.device,
            found.detail, "HTTP", peer,
        )  # fmt: skip
    # Half a surrogate pair is no UTF-8, but its escape is JSON.
    raw = json.dumps(item, ensure_ascii=False).encode("utf-8", "backslashreplace")
    mn = ""
    try:
        payload = payloads.object_in(raw)
        mn = str(payload.get("device") or "")
        reading = payloads.reading_of(payload, listener="HTTP", peer=peer, raw=raw)
    except Unreadable as error:
        return Kept(error.refusal.reason, raw, mn, error.refusal.detail, "HTTP", peer)
    foreign = sorted(payload.keys() - ObservationIn.model_fields.keys())
    return reading._replace(
        troubles=[Refusal("UNKNOWN_FIELD", {"field": name[:80]}) for name in foreign[:20]]
    )


def _writer(request: HttpRequest) -> Actor:
    actor: Actor = request.auth  # type: ignore[attr-defined]  # set by ninja
    if actor.kind != "CLIENT":
        actor.require(Permission.SENSING_MANAGE)
    return actor


def _refusals(outcome: Outcome) -> list[dict[str, str]]:
    return [_refusal(refusal) for refusal in outcome.refusals]


def _refusal(refusal: Refusal) -> dict[str, str]:
    return {
        "reason": refusal.reason,
        "zh": refusals.sentence(refusal.reason, refusal.detail, "zh"),
        "en": refusals.sentence(refusal.reason, refusal.detail, "en"),
    }


@router.post(
    "/observations",
    auth=callers("observations:write"),
    response={200: OneOut | BatchOut, 202: OneOut, **PROBLEMS},
    summary="One reading or a batch",
)
def post_observations(request: HttpRequest, body: ObservationIn | BatchIn) -> Any:
    """One reading is stored and judged at once: NORMAL or WARNING, and why.

    200: stored (or known already). 202: kept in quarantine with its reasons; nothing is lost,
    do not send it again.

    A batch, {"observations": [...]} of up to 10,000, is one transaction with a result for each
    item. What cannot be taken or even read is kept in quarantine and does not stop the others.
    Sending a batch again changes nothing.

    400 (no JSON) and 422 (neither a reading nor a batch, or one of more than 10,000): refused as
    a whole, nothing of it is stored or kept.
    """
    by = _writer(request)
    if isinstance(body, BatchIn):
        return _batch(request, body, by)
    return _one(request, body, by)


def _one(request: HttpRequest, body: ObservationIn, by: Actor) -> Any:
    reading = _reading(body, client_address(request)[:64])
    if isinstance(reading, Refusal):
        refused = _refusal(reading)
        raise DomainError(refused["zh"], refused["en"], code=reading.reason, status=422)
    one = actions.ingest_one(reading=reading, by=by)
    told = _refusals(one.outcome)
    main = worst(one.verdicts)
    answer = {
        "result": one.outcome.result,
        "refusals": told,
        "verdict": main.verdict if main else None,
        "why": main.why_zh if main else "；".join(item["zh"] for item in told),
        "why_en": main.why_en if main else " ".join(item["en"] for item in told),
        "value": main.value if main else None,
        "threshold": main.threshold if main else None,
        "unit": main.unit if main else "",
        "values": [
            {
                "property": item.property_code,
                "value": item.value,
                "unit": item.unit,
                "verdict": item.verdict,
                "threshold": item.threshold,
                "why": item.why_zh,
                "why_en": item.why_en,
            }
            for item in one.verdicts
        ],
        "alerts": one.alerts,
    }
    return Status(202 if one.outcome.result == QUARANTINED else 200, answer)


def _batch(request: HttpRequest, body: BatchIn, by: Actor) -> dict[str, Any]:
    peer = client_address(request)[:64]
    found = [_any_reading(item, peer) for item in body.observations]
    readings = [one for one in found if isinstance(one, Reading)]
    kept = [one for one in found if isinstance(one, Kept)]
    result = actions.ingest_batch(readings=readings, by=by, refused=kept)
    outcomes = iter(result.outcomes)
    results = [
        {"result": QUARANTINED, "refusals": [_refusal(Refusal(one.reason, one.detail))]}
        if isinstance(one, Kept)
        else _result(next(outcomes))
        for one in found
    ]
    counts = result.counts
    return {
        "stored": counts["STORED"],
        "duplicates": counts["DUPLICATE"],
        "quarantined": counts["QUARANTINED"] + len(kept),
        "results": results,
        "alerts": result.alerts,
    }


def _result(outcome: Outcome) -> dict[str, Any]:
    return {"result": outcome.result, "refusals": _refusals(outcome)}


class LatestOut(Schema):
    property: str
    name: str
    unit: str
    value: float
    flag: str


class DeviceOut(Schema):
    id: int
    device: str
    name: str
    kind: str
    enabled: bool
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str | None
    period: str = Field(description="of the newest values; empty before the first")
    at: datetime | None
    aqi: int | None = Field(description="hourly index, where the newest values are hourly")
    values: list[LatestOut]
    last_heard_at: datetime | None
    open_alerts: int


class DevicesOut(Schema):
    devices: list[DeviceOut]
    next_after: int | None = Field(description="`after` of the next page; null on the last")


class DevicesQuery(Schema):
    after: Identifier | None = None
    kind: Literal["AIR", "WATER", "NOISE", "WEATHER", "TRAFFIC", "PEOPLE_FLOW", "OTHER"] | None = (
        None
    )
    limit: Annotated[int, Field(ge=1, le=500)] = 100


@router.get("/devices", auth=callers("observations:read"), response={200: DevicesOut, **PROBLEMS})
def devices(request: HttpRequest, query: Query[DevicesQuery]) -> Any:
    """The devices the caller may see, with their newest values; pages by `after`."""
    rows = queries.latest_values(
        _reader(request), kind=query.kind or "", after_id=query.after or 0, limit=query.limit
    )
    return {
        "devices": [_device(row) for row in rows],
        "next_after": rows[-1].device_id if len(rows) == query.limit else None,
    }


def _device(row: queries.StationRow) -> dict[str, Any]:
    return {
        "id": row.device_id,
        "device": row.mn,
        "name": row.name,
        "kind": row.kind,
        "enabled": row.enabled,
        "lon": row.lon,
        "lat": row.lat,
        "grid_code": row.grid_code,
        "division_code": row.division_code,
        "period": row.period,
        "at": row.at,
        "aqi": row.aqi.value if row.aqi else None,
        "values": [
            {
                "property": value.code,
                "name": value.name,
                "unit": value.unit,
                "value": value.value,
                "flag": value.flag,
            }
            for value in row.values
        ],
        "last_heard_at": row.last_heard_at,
        "open_alerts": row.open_alerts,
    }


def _reader(request: HttpRequest) -> Actor:
    actor: Actor = request.auth  # type: ignore[attr-defined]  # set by ninja
    actor.require(Permission.SENSING_VIEW)
    return actor


class ObservationOut(Schema):
    device: str
    period: str
    at: datetime
    received_at: datetime
    values: dict[str, float]
    flags: dict[str, str]


class ObservationsOut(Schema):
    observations: list[ObservationOut] = Field(description="oldest first")
    next_since: datetime | None = Field(description="`since` of the next page; null on the last")


class ObservationsQuery(Schema):
    device: Mn
    period: Period = "REALTIME"
    since: datetime | None = Field(None, description="exclusive; a day ago if missing")
    until: datetime | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200


class UnknownDevice(DomainError):
    """No such device, or none the caller may see."""

    code = "UNKNOWN_DEVICE"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这台设备，请核对编号。", "There is no such device.")


@router.get(
    "/observations",
    auth=callers("observations:read"),
    response={200: ObservationsOut, **PROBLEMS},
)
def observations(request: HttpRequest, query: Query[ObservationsQuery]) -> Any:
    """Observations of one device in stored units, by time; pages by `since`."""
    rows = queries.observation_page(
        _reader(request),
        mn=query.device,
        period=query.period,
        since=query.since,
        until=query.until,
        limit=query.limit,
    )
    if rows is None:
        raise UnknownDevice
    return {
        "observations": [
            {
                "device": row.mn,
                "period": row.period,
                "at": row.at,
                "received_at": row.received_at,
                "values": row.values,
                "flags": row.flags,
            }
            for row in rows
        ],
        "next_since": rows[-1].at if len(rows) == query.limit else None,
    }


class AlertOut(Schema):
    id: int
    device: str
    device_name: str
    property: str
    property_name: str
    unit: str
    value: float | None
    peak_value: float | None
    threshold: float | None
    rule: str
    rule_name: str
    severity: str
    opened_at: datetime
    closed_at: datetime | None
    true_alarm: bool | None
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str | None
    summary: str


class AlertsOut(Schema):
    alerts: list[AlertOut] = Field(description="newest first")
    next_before: int | None = Field(description="`before` of the next page; null on the last")


class AlertsQuery(Schema):
    before: Identifier | None = None
    open: bool | None = None
    device: Mn | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("/alerts", auth=callers("observations:read"), response={200: AlertsOut, **PROBLEMS})
def alerts(request: HttpRequest, query: Query[AlertsQuery]) -> Any:
    """The alerts the caller may see; pages by `before`."""
    rows = queries.alert_list(
        _reader(request),
        is_open=query.open,
        device_mn=query.device or "",
        before_id=query.before,
        limit=query.limit,
    )
    return {
        "alerts": [_alert(row) for row in rows],
        "next_before": rows[-1].id if len(rows) == query.limit else None,
    }


def _alert(row: queries.AlertView) -> dict[str, Any]:
    return {
        "id": row.id,
        "device": row.device_mn,
        "device_name": row.device_name,
        "property": row.property_code,
        "property_name": row.property_name,
        "unit": row.unit,
        "value": row.value,
        "peak_value": row.peak_value,
        "threshold": row.threshold,
        "rule": row.rule_code,
        "rule_name": row.rule_name,
        "severity": row.severity,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
        "true_alarm": row.true_alarm,
        "lon": row.lon,
        "lat": row.lat,
        "grid_code": row.grid_code,
        "division_code": row.division_code,
        "summary": row.summary,
    }
