"""The land of the fictional county: townships, villages and grids that tile it without a gap.

Grids are the cells of a Voronoi diagram, small in the town and large in the country; villages are
groups of neighbouring grids and townships groups of neighbouring villages. The lines between cells
are bent before the cells are cut out of them, so that every border is one line for both sides.
Coordinates are CGCS2000 (EPSG:4490) degrees, rounded to 1e-6 (0.1 m).
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import polygonize, unary_union

from huying.simulation.fiction import place_names
from huying.simulation.fiction.sizes import COUNTY_CODE, COUNTY_NAME, Size
from huying.standards.divisions import GridCode, parse_division

# An outline of about 34 km by 30 km on the North China plain; no real county has it.
_OUTLINE = (
    (115.021, 37.402), (115.063, 37.384), (115.098, 37.391), (115.141, 37.372),
    (115.187, 37.379), (115.223, 37.368), (115.259, 37.385), (115.301, 37.381),
    (115.338, 37.402), (115.347, 37.437), (115.372, 37.463), (115.366, 37.501),
    (115.383, 37.534), (115.371, 37.571), (115.379, 37.604), (115.352, 37.629),
    (115.311, 37.637), (115.279, 37.653), (115.238, 37.646), (115.196, 37.661),
    (115.151, 37.649), (115.113, 37.655), (115.078, 37.633), (115.039, 37.626),
    (115.012, 37.597), (115.019, 37.561), (114.993, 37.528), (115.004, 37.489),
    (114.996, 37.447),
)  # fmt: skip
TOWN_CENTRE = (115.186, 37.512)
_KM = (88.4, 111.0)  # kilometres a degree of longitude and of latitude at 37.5° N
_TOWN_SHARE = 0.38  # of the grids lie in the county town
_TOWN_RADIUS_KM = 3.2

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridPlace:
    """A grid, with its polygon and an inner point."""

    code: str
    name: str
    kind: str  # GENERAL | SPECIAL
    village_code: str
    polygon: Polygon
    urban: bool

    @property
    def centre(self) -> tuple[float, float]:
        point = self.polygon.representative_point()
        return round(point.x, 6), round(point.y, 6)


@dataclass(frozen=True, slots=True)
class VillagePlace:
    """A village (村) or community (社区)."""

    code: str
    name: str
    township_code: str
    boundary: BaseGeometry
    urban: bool


@dataclass(frozen=True, slots=True)
class TownshipPlace:
    """A 街道, 镇 or 乡."""

    code: str
    name: str
    kind: str
    boundary: BaseGeometry


@dataclass(frozen=True, slots=True)
class Land:
    """The whole county; lists are ordered by code."""

    code: str
    name: str
    boundary: Polygon
    townships: list[TownshipPlace]
    villages: list[VillagePlace]
    grids: list[GridPlace]
    _village_by_code: dict[str, VillagePlace] = field(default_factory=dict, repr=False)
    _township_by_code: dict[str, TownshipPlace] = field(default_factory=dict, repr=False)

    def village(self, code: str) -> VillagePlace:
        return self._village_by_code[code]

    def township(self, code: str) -> TownshipPlace:
        return self._township_by_code[code]

    def random_point(self, grid: GridPlace, rng: np.random.Generator) -> tuple[float, float]:
        """A point inside the grid (lon, lat)."""
        left, bottom, right, top = grid.polygon.bounds
        for _ in range(40):
            lon, lat = rng.uniform(left, right), rng.uniform(bottom, top)
            if grid.polygon.contains(Point(lon, lat)):
                return round(float(lon), 6), round(float(lat), 6)
        return grid.centre


def build(size: Size, rng: np.random.Generator) -> Land:
    """The county of this size; the same generator state gives the same land."""
    outline = Polygon(_OUTLINE)
    sites = _relaxed(_sites(size.grids, outline, rng), outline)
    cells = _bent_cells(sites, outline, rng)
    neighbours = _neighbours(cells)
    urban = _km_from_town(sites) < _TOWN_RADIUS_KM
    village_of = _grouped(sites, neighbours, size.villages, rng, apart=urban)
    village_sites = np.array([sites[village_of == v].mean(axis=0) for v in range(size.villages)])
    village_urban = np.array([bool(urban[village_of == v].all()) for v in range(size.villages)])
    village_neighbours = _lifted(neighbours, village_of, size.villages)
    township_of = _townships_of(village_sites, village_neighbours, village_urban, size, rng)
    return _named(cells, village_of, village_urban, village_sites, township_of, rng)


def _sites(count: int, outline: Polygon, rng: np.random.Generator) -> Points:
    """Seeds of the cells: dense in the town, around seats of townships, thin elsewhere."""
    in_town = round(count * _TOWN_SHARE)
    points: list[tuple[float, float]] = []
    while len(points) < in_town:
        east, north = rng.normal(0.0, _TOWN_RADIUS_KM / 1.9, 2)
        if np.hypot(east, north) < _TOWN_RADIUS_KM * 0.97:
            points.append((TOWN_CENTRE[0] + east / _KM[0], TOWN_CENTRE[1] + north / _KM[1]))
    left, bottom, right, top = outline.bounds
    while len(points) < count:
        lon, lat = rng.uniform(left, right), rng.uniform(bottom, top)
        away = np.hypot((lon - TOWN_CENTRE[0]) * _KM[0], (lat - TOWN_CENTRE[1]) * _KM[1])
        if outline.contains(Point(lon, lat)) and away > _TOWN_RADIUS_KM * 1.05:
            points.append((float(lon), float(lat)))
    return np.array(points)


def _voronoi(sites: Points, outline: Polygon) -> list[BaseGeometry]:
    """The cell of each site, in the order of the sites, clipped to the outline."""
    whole = shapely.voronoi_polygons(MultiPoint(sites), extend_to=outline.buffer(0.2))
    tree = shapely.STRtree(list(whole.geoms))
    found = tree.query(shapely.points(sites), predicate="within")
    cells = list(whole.geoms)
    by_site = dict(zip(found[0].tolist(), found[1].tolist(), strict=True))
    return [cells[by_site[at]].intersection(outline) for at in range(len(sites))]


def _relaxed(sites: Points, outline: Polygon) -> Points:
    """Two rounds of Lloyd's relaxation: cells become rounder, density stays."""
    for _ in range(2):
        centroids = shapely.get_coordinates(shapely.centroid(np.array(_voronoi(sites, outline))))
        sites = 0.4 * sites + 0.6 * centroids
    return sites


def _bent_cells(sites: Points, outline: Polygon, rng: np.random.Generator) -> list[Polygon]:
    """Cells cut out of bent lines; straight ones where bending would break the tiling."""
    straight = [shapely.set_precision(cell, 1e-6) for cell in _voronoi(sites, outline)]
    lines = shapely.node(
        shapely.multilinestrings([shapely.get_exterior_ring(cell) for cell in straight])
    )
    segments = sorted(
        {_sorted_ends(line) for line in _two_point_lines(lines)}, key=lambda ends: ends
    )
    border = outline.exterior.buffer(1e-5)
    for bend in (0.09, 0.05, 0.0):
        bent = [_bent(ends, 0.0 if _on(border, ends) else bend, rng) for ends in segments]
        pieces = [piece for piece in polygonize(bent) if piece.area > 1e-9]
        found = shapely.STRtree(pieces).query(shapely.points(sites), predicate="within")
        chosen = dict(zip(found[0].tolist(), found[1].tolist(), strict=True))
        if len(pieces) == len(sites) == len(set(chosen.values())):
            return [pieces[chosen[at]] for at in range(len(sites))]
    raise AssertionError("the cells of a Voronoi diagram always tile")


def _two_point_lines(lines: BaseGeometry) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    found: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for line in shapely.get_parts(lines):
        corners = [(round(x, 6), round(y, 6)) for x, y in shapely.get_coordinates(line).tolist()]
        found.extend((a, b) for a, b in pairwise(corners) if a != b)
    return found


def _sorted_ends(
    ends: tuple[tuple[float, float], tuple[float, float]],
) -> tuple[tuple[float, float], tuple[float, float]]:
    return (ends[0], ends[1]) if ends[0] <= ends[1] else (ends[1], ends[0])


def _on(border: BaseGeometry, ends: tuple[tuple[float, float], tuple[float, float]]) -> bool:
    return bool(border.contains(LineString(ends)))


def _bent(
    ends: tuple[tuple[float, float], tuple[float, float]], bend: float, rng: np.random.Generator
) -> LineString:
    """The line between `ends` with three inner corners, moved aside by up to bend × length."""
    offsets = rng.uniform(-1.0, 1.0, 3) * bend
    if bend == 0.0:
        return LineString(ends)
    (x0, y0), (x1, y1) = ends
    dx, dy = x1 - x0, y1 - y0
    inner = [
        (round(x0 + dx * t - dy * o, 6), round(y0 + dy * t + dx * o, 6))
        for t, o in zip((0.25, 0.5, 0.75), offsets, strict=True)
    ]
    return LineString([ends[0], *inner, ends[1]])


def _neighbours(cells: list[Polygon]) -> list[set[int]]:
    """Which cells share a border line with which."""
    tree = shapely.STRtree(cells)
    left, right = tree.query(cells, predicate="touches")
    shared = shapely.length(shapely.intersection(np.array(cells)[left], np.array(cells)[right]))
    found: list[set[int]] = [set() for _ in cells]
    for a, b, length in zip(left.tolist(), right.tolist(), shared.tolist(), strict=True):
        if length > 0:
            found[a].add(b)
    return found


def _km_from_town(sites: Points) -> npt.NDArray[np.float64]:
    return np.hypot(
        (sites[:, 0] - TOWN_CENTRE[0]) * _KM[0], (sites[:, 1] - TOWN_CENTRE[1]) * _KM[1]
    )


def _grouped(
    sites: Points,
    neighbours: list[set[int]],
    groups: int,
    rng: np.random.Generator,
    *,
    apart: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Connected groups of about equal size, none mixing the two sides of `apart`."""
    result = np.full(len(sites), -1)
    first = 0
    inside = round(groups * float(apart.mean()))
    for side, wanted in ((True, inside), (False, groups - inside)):
        members = np.flatnonzero(apart == side)
        labels = _grown(sites[members], members, neighbours, wanted, rng)
        result[members] = labels + first
        first += wanted
    return result


def _grown(
    points: Points,
    members: npt.NDArray[np.int64],
    neighbours: list[set[int]],
    groups: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Grow `groups` connected regions over `members`, the smallest region first."""
    seeds = _spread(points, groups, rng)
    place = {int(cell): at for at, cell in enumerate(members)}
    label = np.full(len(members), -1)
    fronts: list[deque[int]] = []
    for number, seed in enumerate(seeds):
        label[seed] = number
        fronts.append(deque([seed]))
    sizes = np.ones(groups, dtype=int)
    growing = set(range(groups))
    while growing:
        number = min(growing, key=lambda g: (sizes[g], g))
        taken = None
        while fronts[number] and taken is None:
            at = fronts[number][0]
            free = sorted(
                place[n] for n in neighbours[int(members[at])] if n in place and label[place[n]] < 0
            )
            if free:
                taken = free[0]
            else:
                fronts[number].popleft()
        if taken is None:
            growing.discard(number)
            continue
        label[taken] = number
        sizes[number] += 1
        fronts[number].append(taken)
    for island in np.flatnonzero(label < 0).tolist():  # islands cut off by the other side
        nearest = np.argsort(np.hypot(*(points - points[island]).T))
        label[island] = next(int(label[n]) for n in nearest if label[n] >= 0)
    return label


def _spread(points: Points, count: int, rng: np.random.Generator) -> list[int]:
    """`count` members far from each other (farthest-point choice)."""
    chosen = [int(rng.integers(len(points)))]
    away = np.hypot(*(points - points[chosen[0]]).T)
    while len(chosen) < count:
        chosen.append(int(np.argmax(away)))
        away = np.minimum(away, np.hypot(*(points - points[chosen[-1]]).T))
    return chosen


def _lifted(
    neighbours: list[set[int]], group_of: npt.NDArray[np.int64], groups: int
) -> list[set[int]]:
    """Which groups are neighbours, from which cells are."""
    found: list[set[int]] = [set() for _ in range(groups)]
    for cell, others in enumerate(neighbours):
        for other in others:
            if group_of[cell] != group_of[other]:
                found[int(group_of[cell])].add(int(group_of[other]))
    return found


def _townships_of(
    sites: Points,
    neighbours: list[set[int]],
    urban: npt.NDArray[np.bool_],
    size: Size,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """The township of each village; 街道 take the town, 镇 and 乡 the country."""
    kinds = [kind for _, kind in place_names.TOWNSHIPS[: size.townships]]
    town = [at for at, kind in enumerate(kinds) if kind == "SUBDISTRICT"]
    country = [at for at, kind in enumerate(kinds) if kind != "SUBDISTRICT"]
    result = np.full(len(sites), -1)
    for side, numbers in ((True, town), (False, country)):
        members = np.flatnonzero(urban == side)
        labels = _grown(sites[members], members, neighbours, len(numbers), rng)
        result[members] = np.array(numbers)[labels]
    return result


def _named(
    cells: list[Polygon],
    village_of: npt.NDArray[np.int64],
    village_urban: npt.NDArray[np.bool_],
    village_sites: Points,
    township_of: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Land:
    """Codes and names for all of it."""
    town_names = iter(place_names.community_names(rng, int(village_urban.sum())))
    country_names = iter(place_names.village_names(rng, int((~village_urban).sum())))
    townships: list[TownshipPlace] = []
    villages: list[VillagePlace] = []
    grids: list[GridPlace] = []
    used: dict[str, int] = {}
    specials = iter(place_names.SPECIAL_GRIDS)
    for number in range(int(township_of.max()) + 1):
        name, kind = place_names.TOWNSHIPS[number]
        sequence = place_names.TOWNSHIP_FIRST[kind] + used.get(kind, 0)
        used[kind] = used.get(kind, 0) + 1
        township_code = f"{COUNTY_CODE[:6]}{sequence:03d}000"
        mine: list[BaseGeometry] = []
        counted = {True: 0, False: 0}
        # From north to south, as the statistical codes usually run.
        for village in sorted(
            np.flatnonzero(township_of == number), key=lambda v: -village_sites[v, 1]
        ):
            town = bool(village_urban[village])
            counted[town] += 1
            last = counted[town] if town else 199 + counted[town]
            village_code = f"{township_code[:9]}{last:03d}"
            village_name = next(town_names if town else country_names)
            members = [int(at) for at in np.flatnonzero(village_of == village)]
            boundary = unary_union([cells[at] for at in members])
            mine.append(boundary)
            villages.append(VillagePlace(village_code, village_name, township_code, boundary, town))
            for order, at in enumerate(members, start=1):
                code = GridCode(parse_division(village_code), order).code
                special = next(specials, None) if order == 4 else None
                bare = village_name.removesuffix("社区").removesuffix("村")
                grids.append(
                    GridPlace(
                        code=code,
                        name=f"{special}专属网格" if special else f"{bare}第{_ordinal(order)}网格",
                        kind="SPECIAL" if special else "GENERAL",
                        village_code=village_code,
                        polygon=cells[at],
                        urban=town,
                    )
                )
        townships.append(TownshipPlace(township_code, name, kind, unary_union(mine)))
    return Land(
        code=COUNTY_CODE,
        name=COUNTY_NAME,
        boundary=Polygon(shapely.get_exterior_ring(unary_union(cells))),
        townships=sorted(townships, key=lambda t: t.code),
        villages=sorted(villages, key=lambda v: v.code),
        grids=sorted(grids, key=lambda g: g.code),
        _village_by_code={v.code: v for v in villages},
        _township_by_code={t.code: t for t in townships},
    )


def _ordinal(number: int) -> str:
    """1–99 in Chinese numerals."""
    digits = "零一二三四五六七八九"
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else f"{digits[tens]}十")
    return head + (digits[ones] if ones or not tens else "")
