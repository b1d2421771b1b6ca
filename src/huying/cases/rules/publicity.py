"""How exactly a place is shown to people who have no part in the matter."""

from math import cos, radians
from typing import Final

METRES_PER_DEGREE: Final = 111_320


def coarse(lon: float, lat: float, metres: int) -> tuple[float, float]:
    """The nearest point of a net of so many metres: always the same one for a place, so that
    asking again tells no more. Degrees in, degrees out."""
    tall = metres / METRES_PER_DEGREE
    row = round(lat / tall) * tall
    wide = tall / max(0.01, cos(radians(row)))
    column = round(lon / wide) * wide
    return (
        round(min(180.0, max(-180.0, column)), 6),
        round(min(90.0, max(-90.0, row)), 6),
    )
