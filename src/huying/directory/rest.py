"""/api/v1/: divisions, grids, organisations, and who is calling."""

import math

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from huying.directory import queries
from huying.directory.bearer import callers
from huying.directory.geojson import geojson_answer
from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.throttle import allow_request

router = Router(tags=["directory"])


class BoxRefused(DomainError):
    """A bounding box that is none."""

    code = "BOX_REFUSED"
    status = 422


class DivisionOut(Schema):
    code: str = Field(description="12-digit statistical division code", examples=["990101001001"])
    name: str
    kind: str = Field(description="COUNTY, TOWNSHIP or VILLAGE")
    parent_code: str | None
    center_lon: float | None
    center_lat: float | None


class OrganisationOut(Schema):
    id: int
    code: str
    name: str
    short_name: str
    kind: str = Field(description="DEPARTMENT, TOWNSHIP, VILLAGE, CENTRE or OTHER")
    division_code: str | None
    parent_id: int | None
    phone: str
    address: str
    opening_hours: str = Field(description="As people read it", examples=["周一至周五 8:30—17:30"])


class GridOut(Schema):
    code: str = Field(description="15-digit grid code", examples=["990101001001001"])
    name: str
    kind: str = Field(description="GENERAL or SPECIAL")
    division_code: str
    division_name: str
    township_code: str
    township_name: str


class GridQuery(Schema):
    bbox: str = Field(
        "",
        description="min_lon,min_lat,max_lon,max_lat in degrees",
        examples=["117.0,39.0,117.1,39.1"],
    )
    tolerance: float = Field(0.0, ge=0, le=0.05, description="Simplification in degrees")


class PointQuery(Schema):
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


class PlaceOut(Schema):
    inside: bool = Field(description="Whether the point lies in a grid of this county")
    grid: GridOut | None


class MeOut(Schema):
    ref: str
    kind: str
    name: str
    roles: list[str]
    permissions: list[str]
    organisation_ids: list[int]
    divisions: list[str] = Field(description="Territory as code prefixes")
    grids: list[str]


@router.get("/divisions", response=list[DivisionOut], summary="Divisions of the county")
def list_divisions(
    request: HttpRequest, parent: str | None = None, kind: str = ""
) -> list[queries.DivisionRef]:
    """Divisions by code; `parent` keeps those directly below one, `kind` one level."""
    _polite(request)
    return queries.divisions(parent=parent, kind=kind.upper())


@router.get("/organisations", response=list[OrganisationOut], summary="Organisations that answer")
def list_organisations(request: HttpRequest, kind: str = "") -> list[queries.OrganisationRef]:
    _polite(request)
    return queries.organisations(kind=kind.upper())


@router.get(
    "/grids",
    summary="Grids as GeoJSON (EPSG:4490)",
    openapi_extra={
        "responses": {
            200: {
                "description": "A FeatureCollection; unchanged while the ETag is",
                "content": {"application/geo+json": {"schema": {"type": "object"}}},
            },
            304: {"description": "Unchanged since the ETag of If-None-Match"},
        }
    },
)
def list_grids(request: HttpRequest, wanted: Query[GridQuery]) -> HttpResponse:
    _polite(request)
    return geojson_answer(request, _box(wanted.bbox), wanted.tolerance)


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError:
        west = math.nan
        south = east = north = 0.0
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BoxRefused(
            "bbox 应为 最小经度,最小纬度,最大经度,最大纬度，例如 117.0,39.0,117.1,39.1。",
            "bbox is min_lon,min_lat,max_lon,max_lat, for example 117.0,39.0,117.1,39.1.",
        )
    return (west, south, east, north)


@router.get("/places/at", response=PlaceOut, summary="The grid a point lies in")
def place_at(request: HttpRequest, point: Query[PointQuery]) -> dict[str, object]:
    """The point is not kept."""
    _polite(request)
    found = queries.grid_at(point.lon, point.lat)
    return {"inside": found is not None, "grid": found}


@router.get("/me", response=MeOut, auth=callers(), summary="Who is calling, and what they may")
def me(request: HttpRequest) -> dict[str, object]:
    actor: Actor = request.auth  # type: ignore[attr-defined]  # ninja sets it to what auth returned
    return {
        "ref": actor.ref,
        "kind": actor.kind,
        "name": actor.name,
        "roles": sorted(actor.roles),
        "permissions": sorted(p for p in Permission if actor.may(p)),
        "organisation_ids": sorted(actor.organisation_ids),
        "divisions": sorted(actor.divisions),
        "grids": sorted(actor.grids),
    }


def _polite(request: HttpRequest) -> None:
    """Open to everybody, within reason."""
    allow_request(request, "directory.read", limit=600, seconds=60)
