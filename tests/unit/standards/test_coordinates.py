"""Known points, exact inverses, distances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.coordinates import (
    bd09_to_gcj02,
    distance,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    is_outside_china,
    wgs84_to_gcj02,
)

lons, lats = st.floats(73.6, 135.0), st.floats(3.9, 53.5)


def test_a_known_point() -> None:
    # 天安门: the offset in general use.
    gcj = wgs84_to_gcj02(116.39139, 39.90735)
    assert gcj == pytest.approx((116.397632, 39.908753), abs=2e-5)
    bd = gcj02_to_bd09(116.404, 39.915)
    assert bd == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-9)


@pytest.mark.parametrize("point", [(2.35, 48.85), (-74.0, 40.7), (139.7, 35.7), (103.8, -6.2)])
def test_outside_china_nothing_moves(point: tuple[float, float]) -> None:
    assert is_outside_china(*point)
    assert wgs84_to_gcj02(*point) == point
    assert gcj02_to_wgs84(*point) == point


@given(lon=lons, lat=lats)
def test_inverses_are_exact_to_a_millimetre(lon: float, lat: float) -> None:
    gcj = wgs84_to_gcj02(lon, lat)
    assert 0 < distance(lon, lat, *gcj) < 2000
    assert distance(lon, lat, *gcj02_to_wgs84(*gcj)) < 0.001
    assert distance(lon, lat, *bd09_to_gcj02(*gcj02_to_bd09(lon, lat))) < 0.001


@given(lon=lons, lat=lats, lon2=lons, lat2=lats)
def test_distance_is_a_distance(lon: float, lat: float, lon2: float, lat2: float) -> None:
    there, back = distance(lon, lat, lon2, lat2), distance(lon2, lat2, lon, lat)
    assert there == pytest.approx(back)
    assert there >= 0
    assert distance(lon, lat, lon, lat) == 0


def test_distances_known() -> None:
    assert distance(0, 0, 0, 1) == pytest.approx(111195, abs=1)
    assert distance(0, 0, 180, 0) == pytest.approx(20015115, abs=10)
    assert distance(116.4074, 39.9042, 121.4737, 31.2304) == pytest.approx(1_067_000, rel=0.002)
