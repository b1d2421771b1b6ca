"""Grids for maps, and the name of a place, for everybody."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from huying.directory.geojson import geojson_answer
from huying.directory.queries import grid_at

# About 30 m: unseen at the scale of a county, a fifth of the bytes.
MAP_TOLERANCE = 0.0003


@require_safe
def grids(request: HttpRequest) -> HttpResponse:
    """All grids, simplified for a map; unchanged between editions."""
    return geojson_answer(request, None, MAP_TOLERANCE)


@require_safe
def place(request: HttpRequest) -> JsonResponse:
    """What a point is called: {"name", "grid_code", "inside"}; keeps nothing."""
    try:
        found = grid_at(float(request.GET["lon"]), float(request.GET["lat"]))
    except (KeyError, ValueError):
        return JsonResponse({"name": "", "grid_code": None, "inside": False}, status=400)
    if found is None:
        return JsonResponse({"name": _("不在本县网格内"), "grid_code": None, "inside": False})
    return JsonResponse({"name": found.full_name, "grid_code": found.code, "inside": True})
