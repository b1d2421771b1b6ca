"""The land tiles its county, and its codes are valid."""

import numpy as np
import pytest
import shapely

from huying.simulation.fiction import land
from huying.simulation.fiction.sizes import Size
from huying.standards.divisions import TownshipKind, VillageKind, parse_division, parse_grid


@pytest.fixture(scope="module")
def county() -> land.Land:
    return land.build(Size.of(60_000), np.random.default_rng(2026))


def test_counts_of_the_demonstration_county(county: land.Land) -> None:
    assert len(county.townships) == 8
    assert len(county.villages) == 62
    assert len(county.grids) == 200


def test_grids_tile_the_county_without_gap_or_overlap(county: land.Land) -> None:
    polygons = [grid.polygon for grid in county.grids]
    assert all(polygon.is_valid for polygon in polygons)
    assert sum(polygon.area for polygon in polygons) == pytest.approx(
        county.boundary.area, rel=1e-9
    )
    assert len(county.boundary.interiors) == 0
    tree = shapely.STRtree(polygons)
    left, right = tree.query(polygons, predicate="overlaps")
    shared = shapely.area(shapely.intersection(np.array(polygons)[left], np.array(polygons)[right]))
    assert shared.sum() == pytest.approx(0, abs=1e-12)


def test_every_point_of_the_county_lies_in_a_grid(county: land.Land) -> None:
    rng = np.random.default_rng(5)
    west, south, east, north = county.boundary.bounds
    points = np.asarray(
        shapely.points(rng.uniform(west, east, 2_000), rng.uniform(south, north, 2_000))
    )
    inside = points[shapely.contains(county.boundary, points)]
    tree = shapely.STRtree([grid.polygon for grid in county.grids])
    found = tree.query(inside, predicate="intersects")
    assert len(inside) > 1_000
    assert set(found[0].tolist()) == set(range(len(inside)))


def test_villages_and_townships_are_made_of_their_grids(county: land.Land) -> None:
    for village in county.villages:
        own = [grid.polygon for grid in county.grids if grid.village_code == village.code]
        assert 1 <= len(own) <= 30
        assert sum(polygon.area for polygon in own) == pytest.approx(village.boundary.area)
    for township in county.townships:
        own_villages = [v for v in county.villages if v.township_code == township.code]
        assert township.boundary.geom_type == "Polygon"
        assert sum(v.boundary.area for v in own_villages) == pytest.approx(township.boundary.area)


def test_codes_are_valid_and_say_what_they_name(county: land.Land) -> None:
    kinds = {
        "SUBDISTRICT": TownshipKind.SUBDISTRICT,
        "TOWN": TownshipKind.TOWN,
        "TOWNSHIP": TownshipKind.TOWNSHIP,
    }
    for township in county.townships:
        assert parse_division(township.code).township_kind is kinds[township.kind]
    for village in county.villages:
        kind = parse_division(village.code).village_kind
        wanted = (
            VillageKind.RESIDENTS_COMMITTEE if village.urban else VillageKind.VILLAGERS_COMMITTEE
        )
        assert kind is wanted
        assert village.name.endswith("社区" if village.urban else "村")
    codes = [grid.code for grid in county.grids]
    assert len(set(codes)) == len(codes)
    assert all(parse_grid(code).division.code == code[:12] for code in codes)


def test_names_are_unique(county: land.Land) -> None:
    assert len({village.name for village in county.villages}) == len(county.villages)
    assert len({grid.name for grid in county.grids}) == len(county.grids)


def test_town_grids_are_small_and_country_grids_large(county: land.Land) -> None:
    town = [grid.polygon.area for grid in county.grids if grid.urban]
    country = [grid.polygon.area for grid in county.grids if not grid.urban]
    assert np.median(country) > 4 * np.median(town)


def test_a_seed_reproduces_and_another_differs() -> None:
    size = Size.of(60_000)
    one, same, other = (land.build(size, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert [grid.polygon.wkb for grid in one.grids] == [grid.polygon.wkb for grid in same.grids]
    assert [v.name for v in one.villages] == [v.name for v in same.villages]
    assert [v.name for v in one.villages] != [v.name for v in other.villages]


def test_points_lie_in_their_grid(county: land.Land) -> None:
    rng = np.random.default_rng(1)
    for grid in county.grids[::20]:
        assert grid.polygon.contains(shapely.Point(county.random_point(grid, rng)))


def test_a_million_residents_have_more_grids() -> None:
    size = Size.of(1_000_000)
    assert (size.townships, size.grids) == (20, 1_666)
