"""Statute as data: versions of a parameter, each with the day it came into force and its source.

A file holds `versions:`, a list in ascending order of `in_force`; an old day has what was in
force then. Nothing here is from a standard: it is how this house keeps what standards change.
"""

from datetime import date
from pathlib import Path
from typing import Generic, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Takes no key that it does not know, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Version(Strict):
    """What is in force from a day on, and by what."""

    in_force: date
    source: str = Field(min_length=1)


V = TypeVar("V", bound=Version)


class Versions(Strict, Generic[V]):
    """All versions of a set of parameters."""

    versions: tuple[V, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        dates = [version.in_force for version in self.versions]
        if dates != sorted(set(dates)):
            raise ValueError("versions: each needs its own in_force date, in ascending order")
        return self

    def on(self, day: date) -> V:
        """The version in force on `day`; the first one for any earlier day."""
        earlier = [version for version in self.versions if version.in_force <= day]
        return earlier[-1] if earlier else self.versions[0]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a file; ValueError (pydantic's) or yaml.YAMLError says what is wrong."""
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
