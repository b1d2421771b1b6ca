"""What the actions of this room take and give back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Upload(Protocol):
    """A file as it comes from a form: Django's UploadedFile, or anything like it."""

    @property
    def name(self) -> str | None: ...

    def read(self, num_bytes: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file at hand as bytes; passes for an `Upload`."""

    name: str | None
    content: bytes

    def read(self, num_bytes: int = -1, /) -> bytes:
        return self.content if num_bytes < 0 else self.content[:num_bytes]


@dataclass(frozen=True, slots=True)
class Contact:
    """Who speaks. Goes to the vault; everything may be left out."""

    name: str = ""
    phone: str = ""
    id_number: str = ""
    address: str = ""

    def __bool__(self) -> bool:
        return bool(self.name or self.phone or self.id_number or self.address)


@dataclass(frozen=True, slots=True)
class Received:
    """A report was taken in. `created` is False where the same request came twice."""

    report_id: int
    receipt: str  # 12 characters; shown with receipts.display
    receipt_display: str
    case_id: int
    case_number: str
    state: str
    version: int
    unit_id: int | None
    unit_name: str
    due_at: datetime | None
    provisional: bool
    record_id: int | None
    created: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A case was opened (or, with `created` False, was there: of the same alert or request)."""

    case_id: int
    number: str
    state: str
    version: int
    record_id: int
    created: bool = True


@dataclass(frozen=True, slots=True)
class Acted:
    """An act was done. `state` and `version` are the case's after it."""

    case_id: int
    number: str
    act_id: int
    seq: int
    action: str
    state: str
    version: int
    record_id: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rated:
    report_id: int
    case_id: int
    rating: str
    state: str
    callback_due_at: datetime | None
    record_id: int


@dataclass(frozen=True, slots=True)
class ClocksRun:
    """What one round of the clocks did."""

    warned: int
    overdue: int
    acted: int


__all__ = [
    "Acted",
    "ClocksRun",
    "Contact",
    "GivenFile",
    "Opened",
    "Rated",
    "Received",
    "Upload",
]
