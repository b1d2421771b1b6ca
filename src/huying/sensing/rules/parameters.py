"""Dated parameters of sensing, validated when loaded."""

from datetime import date
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Retention(_Strict):
    """How long is kept what can be dropped. Less than the least would take away what pages,
    late data and replays still need."""

    in_force: date
    source: str = Field(min_length=1)
    observations_months: int = Field(ge=3, le=1200, strict=True)
    running_hours_months: int = Field(ge=1, le=1200, strict=True)
    quarantine_days: int = Field(ge=30, le=36_500, strict=True)


class ParameterFile(_Strict):
    versions: tuple[Retention, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        dates = [version.in_force for version in self.versions]
        if dates != sorted(set(dates)):
            raise ValueError("each version needs its own in_force date, in ascending order")
        return self

    def on(self, day: date) -> Retention:
        """The version in force on `day`; the first one for any earlier day."""
        earlier = [version for version in self.versions if version.in_force <= day]
        return earlier[-1] if earlier else self.versions[0]


def load(path: Path) -> ParameterFile:
    """Read and validate a file; ValueError (pydantic's) or yaml.YAMLError says what is wrong."""
    return ParameterFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
