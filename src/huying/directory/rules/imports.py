"""Rows of master data, and how they are read from the files a county has (GeoJSON, CSV)."""

from dataclasses import dataclass

from huying.directory.rules.geometry import Feature, read_features


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDivision:
    """`boundary` GeoJSON Polygon or MultiPolygon in EPSG:4490, or None with a center."""

    code: str
    name: str
    boundary: object | None = None
    center_lon: float | None = None
    center_lat: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrid:
    """`kind` GENERAL or SPECIAL; `boundary` GeoJSON in EPSG:4490."""

    code: str
    name: str
    kind: str = "GENERAL"
    boundary: object


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrganisation:
    """`kind` one of Organisation.Kind; `parent_code` another organisation's code."""

    code: str
    name: str
    short_name: str = ""
    kind: str = "DEPARTMENT"
    division_code: str = ""
    parent_code: str = ""
    phone: str = ""
    address: str = ""
    opening_hours: str = ""


_KINDS = {
    "网格": "GENERAL",
    "专属网格": "SPECIAL",
    "部门": "DEPARTMENT",
    "乡镇": "TOWNSHIP",
    "街道": "TOWNSHIP",
    "村": "VILLAGE",
    "社区": "VILLAGE",
    "综治中心": "CENTRE",
    "其他": "OTHER",
}


def read_divisions(text: str) -> list[NewDivision]:
    """Divisions from GeoJSON or CSV (code, name, boundary). Raises `TableRefused`."""
    return [
        NewDivision(code=_of(f, "code"), name=_of(f, "name"), boundary=f.geometry)
        for f in read_features(text)
    ]


def read_grids(text: str) -> list[NewGrid]:
    """Grids from GeoJSON or CSV (code, name, kind, boundary). Raises `TableRefused`."""
    return [
        NewGrid(
            code=_of(f, "code"),
            name=_of(f, "name"),
            kind=_kind(_of(f, "kind") or "GENERAL"),
            boundary=f.geometry,
        )
        for f in read_features(text)
    ]


def read_organisations(text: str) -> list[NewOrganisation]:
    """Organisations from CSV (code, name, short_name, kind, division, parent, phone,
    address, opening_hours)."""
    return [
        NewOrganisation(
            code=_of(f, "code"),
            name=_of(f, "name"),
            short_name=_of(f, "short_name"),
            kind=_kind(_of(f, "kind")),
            division_code=_of(f, "division"),
            parent_code=_of(f, "parent"),
            phone=_of(f, "phone"),
            address=_of(f, "address"),
            opening_hours=_of(f, "opening_hours"),
        )
        for f in read_features(text)
    ]


def _of(feature: Feature, name: str) -> str:
    return feature.properties.get(name, "").strip()


def _kind(text: str) -> str:
    return _KINDS.get(text, text.upper())
