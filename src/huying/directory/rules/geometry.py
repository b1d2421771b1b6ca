"""Shapes on the map: GeoJSON polygons in EPSG:4490 (CGCS2000, longitude first), checked."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

from huying.standards.errors import InvalidInput

# What shapely raises for coordinates that are not coordinates.
_NOT_A_SHAPE = (
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    shapely.errors.ShapelyError,
)


class BoundaryRefused(InvalidInput):
    """A boundary that is not a polygon on the map."""

    code = "BOUNDARY_REFUSED"


class TableRefused(InvalidInput):
    """An imported file that cannot be used; every fault is named."""

    code = "TABLE_REFUSED"


# Degrees: a decimetre.
CENTER_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Boundary:
    """A checked polygon: its GeoJSON, its bounds and a point inside it (degrees)."""

    geojson: dict[str, Any]
    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float
    center_lon: float
    center_lat: float


def boundary(geojson: object) -> Boundary:
    """Check a GeoJSON Polygon or MultiPolygon; self-crossing rings are mended.

    Raises `BoundaryRefused`.
    """
    return _measured(_polygon(geojson))


def polygon(geojson: object) -> BaseGeometry:
    """The shape of a boundary that was checked when it was stored."""
    return shape(geojson)  # type: ignore[arg-type]  # anything with the GeoJSON keys will do


def _polygon(geojson: object) -> BaseGeometry:
    if not isinstance(geojson, Mapping) or geojson.get("type") not in ("Polygon", "MultiPolygon"):
        raise BoundaryRefused(
            "边界应为 GeoJSON 的 Polygon 或 MultiPolygon。",
            "A boundary is a GeoJSON Polygon or MultiPolygon.",
        )
    try:
        found = shapely.force_2d(shape(dict(geojson)))
    except (
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        AttributeError,
        shapely.errors.ShapelyError,
    ):
        raise BoundaryRefused(
            "边界坐标无法识别，每个点应为 [经度, 纬度]，首尾相接。",
            "The coordinates are not understood: points are [longitude, latitude], rings closed.",
        ) from None
    if not found.is_valid:
        try:
            parts = shapely.make_valid(found)
        except shapely.errors.GEOSException:
            raise BoundaryRefused(
                "边界自己和自己交叉得太乱，无法整理，请重新勾画。",
                "The boundary crosses itself beyond repair; draw it anew.",
            ) from None
        polygons = [p for p in shapely.get_parts(parts).tolist() if isinstance(p, Polygon)]
        polygons += [
            p
            for multi in shapely.get_parts(parts).tolist()
            if isinstance(multi, MultiPolygon)
            for p in multi.geoms
        ]
        found = polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)
    if found.is_empty or found.area == 0:
        raise BoundaryRefused("边界没有面积。", "The boundary encloses nothing.")
    return found


def _measured(found: BaseGeometry) -> Boundary:
    min_lon, min_lat, max_lon, max_lat = found.bounds
    if not (-180 <= min_lon <= max_lon <= 180 and -90 <= min_lat <= max_lat <= 90):
        raise BoundaryRefused(
            "坐标超出经纬度范围，请确认是经纬度（EPSG:4490），且经度在前。",
            "Coordinates leave the earth: degrees are needed (EPSG:4490), longitude first.",
        )
    inside = found.representative_point()
    # Rounding may leave a boundary that is thinner than the last digit.
    lon = min(max(round(inside.x, CENTER_DIGITS), min_lon), max_lon)
    lat = min(max(round(inside.y, CENTER_DIGITS), min_lat), max_lat)
    return Boundary(dict(mapping(found)), min_lon, min_lat, max_lon, max_lat, lon, lat)


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of an import: its place in the file (from 1), its properties, its boundary."""

    line: int
    properties: Mapping[str, str]
    geometry: object | None


def read_features(text: str) -> list[Feature]:
    """Features of a GeoJSON FeatureCollection, or lines of a CSV with a heading.

    In a CSV a column `boundary` (or 边界) may hold WKT or GeoJSON. Raises `TableRefused`.
    """
    text = text.removeprefix("\ufeff").strip()
    found = list(_from_geojson(text) if text.startswith("{") else _from_csv(text))
    if not found:
        raise TableRefused("文件里没有数据。", "The file holds no rows.")
    return found


def _from_geojson(text: str) -> Iterator[Feature]:
    try:
        collection = json.loads(text)
        features = collection["features"]
        for number, feature in enumerate(features, 1):
            properties = {k: str(v) for k, v in (feature.get("properties") or {}).items()}
            yield Feature(number, properties, feature.get("geometry"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TableRefused(
            "不是有效的 GeoJSON FeatureCollection，请检查文件。",
            "This is not a GeoJSON FeatureCollection.",
        ) from None


_HEADINGS = {
    "代码": "code",
    "编码": "code",
    "区划代码": "code",
    "网格编码": "code",
    "名称": "name",
    "简称": "short_name",
    "类别": "kind",
    "层级": "kind",
    "边界": "boundary",
    "区划": "division",
    "上级": "parent",
    "电话": "phone",
    "办公时间": "opening_hours",
    "地址": "address",
}


def _from_csv(text: str) -> Iterator[Feature]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        for row in reader:
            cells = {
                _HEADINGS.get((key or "").strip(), (key or "").strip()): (value or "").strip()
                for key, value in row.items()
                if isinstance(value, str | None)
            }
            yield Feature(reader.line_num, cells, _csv_geometry(cells.pop("boundary", "")))
    except csv.Error:
        raise TableRefused(
            f"第 {reader.line_num} 行无法读取，请检查引号和逗号。",
            f"Line {reader.line_num} cannot be read; check quotes and commas.",
        ) from None


def _csv_geometry(text: str) -> object | None:
    if not text:
        return None
    try:
        if text.startswith("{"):
            return json.loads(text)  # type: ignore[no-any-return]  # checked by boundary()
        return dict(mapping(shapely.from_wkt(text)))
    except (ValueError, shapely.errors.ShapelyError):
        return {"type": "unreadable"}
