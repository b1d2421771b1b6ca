"""Published coordinates tell no more than the net they lie on."""

from math import cos, radians

from hypothesis import given
from hypothesis import strategies as st

from huying.cases.rules.publicity import METRES_PER_DEGREE, coarse

LON, LAT = st.floats(73.0, 135.0), st.floats(3.0, 54.0)


@given(lon=LON, lat=LAT, metres=st.sampled_from([50, 100, 500]))
def test_it_is_near_and_of_the_net(lon: float, lat: float, metres: int) -> None:
    east, north = coarse(lon, lat, metres)
    assert abs(north - lat) * METRES_PER_DEGREE <= metres / 2 + 1
    assert abs(east - lon) * METRES_PER_DEGREE * cos(radians(north)) <= metres / 2 + 1
    assert coarse(east, north, metres) == (east, north), "asked again, it tells the same"


def test_two_houses_of_a_lane_are_one_place() -> None:
    here = coarse(117.0, 39.0, 100)
    assert coarse(here[0] + 0.0002, here[1] - 0.0002, 100) == here


@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_it_stays_on_earth(lon: float, lat: float) -> None:
    east, north = coarse(lon, lat, 100)
    assert abs(east) <= 180
    assert abs(north) <= 90
