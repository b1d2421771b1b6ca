"""Dated parameters of sensing, validated when loaded."""

from pydantic import Field

from huying.standards.dated import Version, Versions


class Retention(Version):
    """How long is kept what can be dropped. Less than the least would take away what pages,
    late data and replays still need."""

    observations_months: int = Field(ge=3, le=1200, strict=True)
    running_hours_months: int = Field(ge=1, le=1200, strict=True)
    quarantine_days: int = Field(ge=30, le=36_500, strict=True)


ParameterFile = Versions[Retention]
