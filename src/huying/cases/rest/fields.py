"""What the two halves of the interface share: field types."""

from typing import Annotated

from ninja import Field

Receipt = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{12,14}$", description="12 characters")]
Identifier = Annotated[int, Field(ge=1, le=2**63 - 1)]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees, EPSG:4490")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees, EPSG:4490")]
# PostgreSQL stores no NUL; refused here, where the sender can be told.
Words = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str, Field(max_length=200)]
