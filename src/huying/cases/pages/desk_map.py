"""The list as a map: grids shaded by one measure, open cases and alerts as points."""

from typing import Any, Final

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from huying.cases import queries
from huying.cases.models import view_of
from huying.cases.pages import desk_filters
from huying.cases.pages.desk import LOOKS, panes
from huying.cases.pages.desk_case import alert_point, case_points
from huying.cases.queries import CaseRow
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, Permission
from huying.sensing import queries as sensing

# More pins than this and the map tells nothing; those due first are shown.
MOST_POINTS: Final = 200
# Of one unit: its open cases are counted one by one.
MOST_PAGES: Final = 5
_TOLERANCE: Final = 0.0003
MEASURES: Final = {
    "OPEN": gettext_lazy("在办"),
    "OVERDUE": gettext_lazy("超期"),
    "RECEIVED_7_DAYS": gettext_lazy("近 7 天收到"),
    "ALERTS": gettext_lazy("预警在办"),
}
# Of one's own cases alone these can be counted.
_OWN_MEASURES: Final = ("OPEN", "OVERDUE")


@never_cache
@require_safe
@requires(*LOOKS)
def desk_map(request: HttpRequest) -> HttpResponse:
    """The map with the queues beside it."""
    actor = directory.actor_of(request)
    said = desk_filters.asked(request.GET)
    offered = MEASURES if view_of(actor).everything else {k: MEASURES[k] for k in _OWN_MEASURES}
    context = panes(actor, said, request) | {
        "measures": [(code, str(label)) for code, label in offered.items()],
        "most_points": MOST_POINTS,
        "points_url": reverse("desk_map_points") + said.query(),
        "list_url": reverse("desk") + said.query(),
        "map_chips": desk_filters.chips(said, reverse("desk_map")),
    }
    return render(request, "cases/desk/map.html", context)


@never_cache
@require_safe
@requires(*LOOKS)
def grids(request: HttpRequest) -> HttpResponse:
    """All grids with their measures; a click opens the list of the grid."""
    actor = directory.actor_of(request)
    measured = _measures(actor)
    found = orjson.loads(directory.grids_geojson(tolerance=_TOLERANCE))
    for feature in found["features"]:
        properties = feature["properties"]
        code = properties["code"]
        properties["url"] = f"{reverse('desk')}?grid={code}"
        properties["short_name"] = properties["name"]
        properties["name"] = (
            f"{properties['township_name']}{properties['division_name']}{properties['name']}"
        )
        for measure, by_grid in measured.items():
            properties[measure] = by_grid.get(code, 0)
    return HttpResponse(orjson.dumps(found), content_type="application/geo+json")


def _measures(actor: Actor) -> dict[str, dict[str, int]]:
    if view_of(actor).everything:
        return {
            code: {one.grid_code: one.value for one in queries.grid_measures(code)}
            for code in MEASURES
        }
    rows: list[CaseRow] = []
    cursor: str | None = None
    for _page in range(MOST_PAGES):
        page = queries.queue(actor, cursor=cursor, limit=200)
        rows += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break
    return {
        "OPEN": _by_grid(rows),
        "OVERDUE": _by_grid([row for row in rows if row.status == "OVERDUE"]),
    }


def _by_grid(rows: list[CaseRow]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        if row.grid_code:
            found[row.grid_code] = found.get(row.grid_code, 0) + 1
    return found


def _open_rows(actor: Actor, said: desk_filters.Asked) -> list[CaseRow]:
    return queries.queue(actor, said.filters, limit=MOST_POINTS).rows


@never_cache
@require_safe
@requires(*LOOKS)
def points(request: HttpRequest) -> JsonResponse:
    """The cases of the list that have a place, and the open alerts."""
    actor = directory.actor_of(request)
    rows = _open_rows(actor, desk_filters.asked(request.GET))
    features: list[dict[str, Any]] = case_points(rows)
    if actor.may(Permission.SENSING_VIEW):
        features += [alert_point(one) for one in sensing.open_alerts(actor) if one.lon and one.lat]
    return JsonResponse({"type": "FeatureCollection", "features": features})
