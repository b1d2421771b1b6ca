"""Where: divisions, grids, organisations; which grid a coordinate lies in."""

from collections.abc import Collection
from dataclasses import dataclass

import orjson
import shapely
from shapely.geometry import mapping

from huying.directory.models import Division, Grid, Organisation
from huying.directory.queries.editions import PLACES, Kept
from huying.directory.rules.geometry import polygon


@dataclass(frozen=True, slots=True)
class DivisionRef:
    code: str
    name: str
    kind: str
    parent_code: str | None
    center_lon: float | None
    center_lat: float | None


@dataclass(frozen=True, slots=True)
class GridRef:
    """A grid and the village (community) and township it lies in."""

    code: str
    name: str
    kind: str
    division_code: str
    division_name: str
    township_code: str
    township_name: str
    center_lon: float
    center_lat: float

    @property
    def full_name(self) -> str:
        return f"{self.township_name}{self.division_name}{self.name}"


@dataclass(frozen=True, slots=True)
class OrganisationRef:
    id: int
    code: str
    name: str
    short_name: str
    kind: str
    division_code: str | None
    parent_id: int | None
    phone: str
    address: str
    opening_hours: str


@dataclass(frozen=True, slots=True)
class _Places:
    divisions: dict[str, DivisionRef]
    grids: dict[str, GridRef]
    organisations: dict[int, OrganisationRef]


def _load() -> _Places:
    divisions = {
        row[0]: DivisionRef(*row)
        for row in Division.objects.order_by("code").values_list(
            "code", "name", "kind", "parent_id", "center_lon", "center_lat"
        )
    }
    grids = {}
    for code, name, kind, village, lon, lat in Grid.objects.order_by("code").values_list(
        "code", "name", "kind", "division_id", "center_lon", "center_lat"
    ):
        village_ref = divisions[village]
        township = divisions.get(village_ref.parent_code or "")
        grids[code] = GridRef(
            code,
            name,
            kind,
            village,
            village_ref.name,
            township.code if township else "",
            township.name if township else "",
            lon,
            lat,
        )
    organisations = {
        row[0]: OrganisationRef(*row)
        for row in Organisation.objects.order_by("id").values_list(
            "id",
            "code",
            "name",
            "short_name",
            "kind",
            "division_id",
            "parent_id",
            "phone",
            "address",
            "opening_hours",
        )
    }
    return _Places(divisions, grids, organisations)


@dataclass(frozen=True, slots=True)
class _Shapes:
    codes: list[str]
    polygons: list[shapely.geometry.base.BaseGeometry]
    tree: shapely.STRtree
    rendered: dict[float, bytes]


def _load_shapes() -> _Shapes:
    rows = list(Grid.objects.order_by("code").values_list("code", "boundary"))
    polygons = [polygon(boundary) for _code, boundary in rows]
    shapely.prepare(polygons)
    return _Shapes([code for code, _ in rows], polygons, shapely.STRtree(polygons), {})


_places = Kept(PLACES, _load)
_shapes = Kept(PLACES, _load_shapes)
_MOST_RENDERINGS = 8


def places_edition() -> int:
    """Rises whenever a division, grid or organisation changes: for ETags."""
    return _places.with_edition()[0]


def grid_at(lon: float, lat: float) -> GridRef | None:
    """The grid a coordinate (degrees, EPSG:4490) lies in; None outside of all of them.

    Neighbours share their border: a point on it belongs to the lower code.
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        return None
    shapes = _shapes()
    hits = shapes.tree.query(shapely.Point(lon, lat), predicate="intersects")
    if len(hits) == 0:
        return None
    return _places().grids.get(shapes.codes[int(hits.min())])


def grids(codes: Collection[str] | None = None) -> list[GridRef]:
    """Grids by code; all of them without `codes`."""
    known = _places().grids
    if codes is None:
        return list(known.values())
    return [known[code] for code in codes if code in known]


def county() -> DivisionRef | None:
    """The county itself; None in an empty directory."""
    return next((d for d in _places().divisions.values() if d.kind == "COUNTY"), None)


def divisions(*, parent: str | None = None, kind: str = "") -> list[DivisionRef]:
    """Divisions by code, of one kind, or directly below one parent."""
    return [
        d
        for d in _places().divisions.values()
        if (parent is None or d.parent_code == parent) and (not kind or d.kind == kind)
    ]


def division_names(codes: Collection[str]) -> dict[str, str]:
    """Full names below the county: "城关镇东门社区"; the county's own name for itself."""
    known = _places().divisions
    names = {}
    for code in codes:
        found = known.get(code)
        if found is None:
            continue
        parent = known.get(found.parent_code or "")
        above = parent.name if parent and parent.kind == "TOWNSHIP" else ""
        names[code] = above + found.name
    return names


def organisations(*, kind: str = "") -> list[OrganisationRef]:
    return [o for o in _places().organisations.values() if not kind or o.kind == kind]


def organisation(organisation_id: int) -> OrganisationRef | None:
    return _places().organisations.get(organisation_id)


def grids_geojson(
    *, bbox: tuple[float, float, float, float] | None = None, tolerance: float = 0.0
) -> bytes:
    """Grids as a GeoJSON FeatureCollection in EPSG:4490, ready to send.

    `bbox` (min_lon, min_lat, max_lon, max_lat) keeps the grids that touch it; `tolerance`
    (degrees) simplifies outlines; neighbours keep the border they share.
    """
    shapes = _shapes()
    tolerance = min(max(tolerance, 0.0), 0.05)
    if bbox is None and tolerance in shapes.rendered:
        return shapes.rendered[tolerance]
    if bbox is None:
        chosen = range(len(shapes.codes))
    else:
        hits = shapes.tree.query(shapely.box(*bbox), predicate="intersects")
        chosen = sorted(int(hit) for hit in hits)  # type: ignore[assignment]  # both iterate ints
    known = _places().grids
    outlines = [shapes.polygons[place] for place in chosen]
    if tolerance:
        outlines = list(shapely.coverage_simplify(outlines, tolerance))
    features = []
    for place, outline in zip(chosen, outlines, strict=True):
        ref = known.get(shapes.codes[place])
        if ref is None:
            continue
        features.append(
            {
                "type": "Feature",
                "id": ref.code,
                "properties": {
                    "code": ref.code,
                    "name": ref.name,
                    "kind": ref.kind,
                    "division_code": ref.division_code,
                    "division_name": ref.division_name,
                    "township_code": ref.township_code,
                    "township_name": ref.township_name,
                },
                "geometry": mapping(shapely.set_precision(outline, 1e-6, mode="pointwise")),
            }
        )
    body = orjson.dumps(
        {
            "type": "FeatureCollection",
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}},
            "features": features,
        }
    )
    if bbox is None:
        if len(shapes.rendered) >= _MOST_RENDERINGS:
            shapes.rendered.clear()
        shapes.rendered[tolerance] = body
    return body
