"""Coordinates: CGCS2000 (GB 22021, EPSG:4490), GCJ-02 and BD-09.

CGCS2000 and WGS-84 differ by centimetres and are one here. GCJ-02 is the offset datum of
Gaode's and Tencent's maps, BD-09 Baidu's on top of it; neither formula is published, these
are the ones in general use. Always longitude first, in degrees.
"""

from collections.abc import Callable
from math import asin, atan2, cos, hypot, pi, radians, sin, sqrt
from typing import Final, NamedTuple

_SEMI_MAJOR: Final = 6378245.0
_ECCENTRICITY: Final = 0.00669342162296594323
_MEAN_RADIUS: Final = 6371008.8
_BAIDU_PI: Final = pi * 3000.0 / 180.0
_TOLERANCE: Final = 1e-10
_MOST_STEPS: Final = 30


class Point(NamedTuple):
    """Longitude and latitude in degrees."""

    lon: float
    lat: float


def is_outside_china(lon: float, lat: float) -> bool:
    """Whether the offset does not apply: outside a plain rectangle round the country."""
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)


def wgs84_to_gcj02(lon: float, lat: float) -> Point:
    """From CGCS2000 / WGS-84 to GCJ-02; unchanged outside China."""
    if is_outside_china(lon, lat):
        return Point(lon, lat)
    return _offset(lon, lat)


def gcj02_to_wgs84(lon: float, lat: float) -> Point:
    """From GCJ-02 to CGCS2000 / WGS-84, to better than a centimetre; outside unchanged."""
    if is_outside_china(lon, lat):
        return Point(lon, lat)
    return _inverse(_offset, lon, lat)


def gcj02_to_bd09(lon: float, lat: float) -> Point:
    """From GCJ-02 to BD-09."""
    radius = hypot(lon, lat) + 0.00002 * sin(lat * _BAIDU_PI)
    angle = atan2(lat, lon) + 0.000003 * cos(lon * _BAIDU_PI)
    return Point(radius * cos(angle) + 0.0065, radius * sin(angle) + 0.006)


def bd09_to_gcj02(lon: float, lat: float) -> Point:
    """From BD-09 to GCJ-02."""
    return _inverse(gcj02_to_bd09, lon, lat)


def distance(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Metres along a great circle (haversine, mean radius of the earth)."""
    half_lat = sin(radians(lat2 - lat1) / 2) ** 2
    half_lon = sin(radians(lon2 - lon1) / 2) ** 2
    chord = half_lat + cos(radians(lat1)) * cos(radians(lat2)) * half_lon
    return 2 * _MEAN_RADIUS * asin(min(1.0, sqrt(chord)))


def _offset(lon: float, lat: float) -> Point:
    x, y = lon - 105.0, lat - 35.0
    waves = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    d_lat += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    d_lat += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves
    d_lon += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    d_lon += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    curvature = 1.0 - _ECCENTRICITY * sin(radians(lat)) ** 2
    meridian = _SEMI_MAJOR * (1.0 - _ECCENTRICITY) / (curvature * sqrt(curvature))
    parallel = _SEMI_MAJOR / sqrt(curvature) * cos(radians(lat))
    return Point(lon + d_lon * 180.0 / (parallel * pi), lat + d_lat * 180.0 / (meridian * pi))


def _inverse(forward: Callable[[float, float], Point], lon: float, lat: float) -> Point:
    """The point ``forward`` takes to this one, by correcting a guess with its own error."""
    guess = Point(lon, lat)
    for _ in range(_MOST_STEPS):
        reached = forward(*guess)
        d_lon, d_lat = lon - reached.lon, lat - reached.lat
        guess = Point(guess.lon + d_lon, guess.lat + d_lat)
        if abs(d_lon) < _TOLERANCE and abs(d_lat) < _TOLERANCE:
            break
    return guess
