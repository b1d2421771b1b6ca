"""A case at the desk: in the third pane, on a page of its own, on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from huying.cases import actions, queries
from huying.cases.pages import desk_filters, desk_keys
from huying.cases.pages.desk import LOOKS, panes
from huying.cases.pages.receipt import Photo, file_answer
from huying.cases.queries import (
    ActView,
    AttachmentView,
    CaseView,
    ClockView,
    QueueFilters,
    ReportView,
)
from huying.cases.rules import receipts
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, Permission
from huying.sensing import queries as sensing

CHART_HOURS: Final = 48
# About 1 km each way: the grid and its neighbours. Alerts are told of from twice as far.
AROUND_DEGREES: Final = 0.01
ALERT_DEGREES: Final = 0.02
MOST_AROUND: Final = 60
# Four digits of a degree are about ten metres.
SAME_PLACE_DIGITS: Final = 4
MOST_TITLES: Final = 3
_URGENCY: Final = {"OVERDUE": 0, "SOON": 1}
_CHIP_STATES: Final = {"PAUSED": "WAITING", "MET": "STOPPED", "MISSED": "STOPPED"}
NOTES: Final = (
    Permission.CASE_HANDLE,
    Permission.CASE_DISPATCH,
    Permission.CASE_VERIFY,
    Permission.REPORT_RECORD,
)


@dataclass(frozen=True, slots=True)
class Step:
    """An act with its pictures."""

    act: ActView
    by: str
    photos: list[Photo]
    state: str  # NOW | DONE


@dataclass(frozen=True, slots=True)
class Said:
    """A report with its pictures and its receipt as people copy it."""

    report: ReportView
    receipt: str
    photos: list[Photo]
    people: list[tuple[str, int | None, str, str]]  # (part, person, name, telephone), masked


@never_cache
@require_safe
@requires(*LOOKS)
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """The case in the third pane, or with its list beside it."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    context = case_of(view, actor, request)
    if request.headers.get("HX-Target") == "case":
        return render(request, "cases/desk/_case.html", context)
    said = desk_filters.asked(request.GET)
    context |= panes(actor, said, request, opened=case_id)
    return render(request, "cases/desk/case.html", context)


def case_of(view: CaseView, actor: Actor, request: HttpRequest) -> dict[str, Any]:
    """Everything the pane shows."""
    case = view.case
    said = desk_filters.asked(request.GET)
    grid = next(iter(directory.grids([case.grid_code])), None) if case.grid_code else None
    alert = sensing.alert(view.alert_id) if view.alert_id else None
    by_rating = desk_keys.rating_codes(view)
    running = [_clock(one) for one in view.clocks if one.stopped_at is None]
    return {
        "view": view,
        "case": case,
        "grid": grid,
        "back_url": reverse("desk") + said.query(),
        "query": said.query(),
        "keys": desk_keys.keys(one for one in view.actions if one.code not in by_rating),
        "may_rate": any(one.code in by_rating for one in view.actions)
        and any(one.replied_at and not one.rating for one in view.reports),
        "clocks": running,
        "stopped_clocks": [_clock(one) for one in view.clocks if one.stopped_at is not None],
        "reports": [_said(one, view) for one in view.reports],
        "steps": steps_of(view),
        "pending": _pending(view),
        "alert": alert if alert and actor.may(Permission.SENSING_VIEW) else None,
        "papers": photos_of(
            tuple(one for one in view.attachments if not (one.act_id or one.report_id)), case.id
        ),
        "has_place": case.lon is not None or grid is not None,
        "may_reveal": actor.may(Permission.PERSON_REVEAL),
        "may_note": actor.may_any(*NOTES) and case.closed_at is None,
        "may_merge": actor.may(Permission.CASE_MERGE) and case.closed_at is None,
        "open_case": case.closed_at is None,
    }


def _clock(clock: ClockView) -> dict[str, Any]:
    missed = clock.status == "MISSED"
    return {
        "label": clock.label,
        "state": _CHIP_STATES.get(clock.status, clock.status),
        "due_at": clock.due_at,
        "provisional": clock.provisional,
        "started_at": clock.started_at,
        "stopped_at": clock.stopped_at,
        "missed": missed,
        "limit": clock.limit,
        "counted": clock.counted,
        "article": clock.article,
        "source": clock.source,
        "law": clock.law,
    }


def _said(report: ReportView, view: CaseView) -> Said:
    people = []
    if report.reporter_id or report.reporter_name:
        part = _("反映人")
        people.append((part, report.reporter_id, report.reporter_name, report.reporter_phone))
    if report.submitter_id:
        people.append(
            (_("代反映"), report.submitter_id, report.submitter_name, report.submitter_phone)
        )
    return Said(
        report,
        receipts.display(report.receipt),
        photos_of(report.attachments, view.case.id),
        people,
    )


def photos_of(attachments: tuple[AttachmentView, ...], case_id: int) -> list[Photo]:
    """Thumbnails that open the whole file; a PDF has none."""
    found = []
    for number, one in enumerate(attachments, 1):
        url = reverse("desk_file", args=[case_id, one.id])
        alt = _("%(kind)s %(number)s") % {"kind": one.kind_label, "number": number}
        picture = one.mime.startswith("image/")
        found.append(Photo(url, f"{url}?small=1" if picture else "", alt))
    return found


def steps_of(view: CaseView) -> list[Step]:
    """The acts, newest first."""
    newest = max((one.seq for one in view.acts), default=0)
    return [
        Step(
            one,
            " ".join(filter(None, [one.organisation_name, one.actor_name])),
            photos_of(one.attachments, view.case.id),
            "NOW" if one.seq == newest and view.case.closed_at is None else "DONE",
        )
        for one in sorted(view.acts, key=lambda act: act.seq, reverse=True)
    ]


def _pending(view: CaseView) -> list[dict[str, Any]]:
    """What waits for an approval, with who asked for it and why."""
    found = []
    for label in view.pending:
        asked = next((one for one in reversed(view.acts) if one.label == label), None)
        found.append({"label": label, "act": asked})
    return found


@never_cache
@require_safe
@requires(*LOOKS)
def news(request: HttpRequest, case_id: int) -> HttpResponse:
    """Who acted since the version the pane shows; empty where nobody else did."""
    actor = directory.actor_of(request)
    since = request.GET.get("since", "")
    seen = int(since) if since.isascii() and since.isdigit() and len(since) < 10 else 0
    view = queries.case_page(case_id, actor)
    newer = [one for one in view.acts if one.seq > seen and one.account_id != actor.account_id]
    if not newer:
        return HttpResponse(status=204)
    last = max(newer, key=lambda one: one.seq)
    context = {"last": last, "count": len(newer), "case": view.case, "query": _query(request)}
    return render(request, "cases/desk/_news.html", context)


def _query(request: HttpRequest) -> str:
    return desk_filters.asked(request.GET).query()


@never_cache
@require_safe
@requires(*LOOKS)
def paper(request: HttpRequest, case_id: int) -> HttpResponse:
    """The case on paper: masked as on the screen, with the number of each proof."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    context = case_of(view, actor, request) | {
        "printed_at": timezone.now(),
        "printed_by": actor.name,
    }
    return render(request, "cases/desk/print.html", context)


@require_safe
@requires(*LOOKS)
def attachment(request: HttpRequest, case_id: int, attachment_id: int) -> HttpResponse:
    """A photograph or a scan of a case this person sees."""
    return file_answer(
        *queries.attachment_file(
            attachment_id,
            actor=directory.actor_of(request),
            thumbnail=bool(request.GET.get("small")),
        )
    )


@never_cache
@require_safe
@requires(*LOOKS)
def alert_chart(request: HttpRequest, case_id: int) -> JsonResponse:
    """The hours around the alert of this case, for components/chart.html."""
    actor = directory.actor_of(request)
    actor.require(Permission.SENSING_VIEW)
    view = queries.case_page(case_id, actor)
    alert = sensing.alert(view.alert_id) if view.alert_id else None
    if alert is None:
        raise actions.CaseNotFound
    since = alert.opened_at - timedelta(hours=CHART_HOURS / 2)
    until = min(timezone.now(), alert.opened_at + timedelta(hours=CHART_HOURS / 2))
    code = alert.property_code or "a34004"
    hours = sensing.station_hours(alert.device_id, since=since, until=until, codes=[code])
    body: dict[str, Any] = {
        "type": "line",
        "unit": alert.unit,
        "x_label": _("时间"),
        "x": [f"{timezone.localtime(row.at):%m-%d %H:%M}" for row in hours],
        "series": [
            {
                "name": alert.property_name or code,
                "values": [round(row.means[code], alert.decimals) for row in hours],
                "role": "main",
            }
        ],
    }
    if alert.threshold is not None:
        body["threshold"] = {"value": alert.threshold, "label": _("预警值")}
    return JsonResponse(body)


@never_cache
@require_safe
@requires(*LOOKS)
def around(request: HttpRequest, case_id: int) -> HttpResponse:
    """The grid of the case and its neighbours, as GeoJSON."""
    view = queries.case_page(case_id, directory.actor_of(request))
    center = _center(view)
    if center is None:
        return JsonResponse({"type": "FeatureCollection", "features": []})
    lon, lat = center
    box = (
        lon - AROUND_DEGREES,
        lat - AROUND_DEGREES,
        lon + AROUND_DEGREES,
        lat + AROUND_DEGREES,
    )
    found = orjson.loads(directory.grids_geojson(bbox=box, tolerance=0.0001))
    for feature in found["features"]:
        feature["properties"]["here"] = int(feature["properties"]["code"] == view.case.grid_code)
    return HttpResponse(orjson.dumps(found), content_type="application/geo+json")


@never_cache
@require_safe
@requires(*LOOKS)
def around_points(request: HttpRequest, case_id: int) -> JsonResponse:
    """The case, the other open cases of its grid, and the open alerts nearby."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    rows = [view.case] if view.case.lon is not None else []
    if view.case.grid_code:
        page = queries.queue(actor, QueueFilters(grid=view.case.grid_code), limit=MOST_AROUND)
        rows += [row for row in page.rows if row.id != case_id and row.lon is not None]
    others = case_points([row for row in rows if row.id != case_id])
    features = [case_point(row, here=True) for row in rows if row.id == case_id] + others
    center = _center(view)
    if center and actor.may(Permission.SENSING_VIEW):
        features += [
            alert_point(one)
            for one in sensing.open_alerts(actor)
            if one.lon is not None
            and one.lat is not None
            and abs(one.lon - center[0]) < ALERT_DEGREES
            and abs(one.lat - center[1]) < ALERT_DEGREES
        ]
    return JsonResponse({"type": "FeatureCollection", "features": features})


def _center(view: CaseView) -> tuple[float, float] | None:
    case = view.case
    if case.lon is not None and case.lat is not None:
        return case.lon, case.lat
    grid = next(iter(directory.grids([case.grid_code])), None) if case.grid_code else None
    return (grid.center_lon, grid.center_lat) if grid else None


def case_point(row: queries.CaseRow, *, here: bool = False) -> dict[str, Any]:
    """An open case on a map."""
    level = row.status if row.status in {"OVERDUE", "SOON"} else "NORMAL"
    return _point(
        row.lon,
        row.lat,
        name=f"{_('本事项：')}{row.title}" if here else row.title,
        words=f"{row.state_label} {row.place_text or row.division_name}",
        url="" if here else reverse("desk_case", args=[row.id]),
        level=level,
        kind={"OVERDUE": _("已超期"), "SOON": _("快到期")}.get(level, _("在办")),
    )


def case_points(rows: Sequence[queries.CaseRow]) -> list[dict[str, Any]]:
    """Open cases on a map; those in one place are one point, which opens the list of the grid."""
    places: dict[tuple[float, float], list[queries.CaseRow]] = {}
    for row in rows:
        if row.lon is not None and row.lat is not None:
            key = (round(row.lon, SAME_PLACE_DIGITS), round(row.lat, SAME_PLACE_DIGITS))
            places.setdefault(key, []).append(row)
    found = []
    for together in places.values():
        first = min(together, key=lambda row: _URGENCY.get(row.status, 2))
        point = case_point(first)
        if len(together) > 1:
            properties = point["properties"]
            properties["name"] = _("%(count)s 件在同一处") % {"count": len(together)}
            properties["words"] = "；".join(row.title for row in together[:MOST_TITLES])
            if first.grid_code:
                properties["url"] = f"{reverse('desk')}?grid={first.grid_code}"
        found.append(point)
    return found


def alert_point(alert: sensing.AlertView) -> dict[str, Any]:
    """An open alert on a map."""
    return _point(
        alert.lon,
        alert.lat,
        name=f"{_('预警：')}{alert.device_name}",
        words=alert.finding,
        url="",
        level="ALERT",
        kind=_("正在预警"),
    )


def _point(lon: float | None, lat: float | None, **properties: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {name: value for name, value in properties.items() if value},
    }
