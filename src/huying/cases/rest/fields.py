"""What the two halves of the interface share: field types."""

import re
from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import AwareDatetime, BeforeValidator, Strict

Receipt = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{12,14}$", description="12 characters")]
Identifier = Annotated[int, Field(ge=1, le=2**63 - 1)]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees, EPSG:4490")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees, EPSG:4490")]
# In a JSON body a number is a number: false is not 0, and "117" is not written by a map.
GivenLongitude = Annotated[Longitude, Strict()]
GivenLatitude = Annotated[Latitude, Strict()]
# PostgreSQL stores no NUL; refused here, where the sender can be told.
Words = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


def _written(value: Any) -> Any:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d{2}-\d{2}T", value):
        raise ValueError("ISO 8601 text with an offset, 2026-11-22T08:00:00+08:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
"""ISO 8601 with an offset; a bare number or a time of nowhere is refused."""
YesNo = Annotated[bool, Strict()]
"""true or false in JSON; "0" and 1 are neither."""
Cursor = Annotated[str, Field(max_length=200)]


class Keys(Schema):
    """The header that makes sending something twice harmless."""

    idempotency_key: Annotated[
        str,
        Field(
            alias="Idempotency-Key",
            max_length=80,
            description="the same key gives the same answer again; without a token a UUID",
        ),
    ] = ""
