"""Values kept in the process until the edition of their data changes.

The edition is one number in the database, asked for at most every RECHECK_SECONDS; another
process therefore sees a change that late. The process that changes data forgets at once.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import transaction

from huying.directory.models import Edition

RECHECK_SECONDS = 5.0
PLACES = "places"
CALENDAR = "calendar"

T = TypeVar("T")
_registered: list["Kept[Any]"] = []
_forgetters: list[Callable[[], None]] = []


class Kept(Generic[T]):
    """`kept()` gives what `load` returned for the current edition."""

    def __init__(self, edition: str, load: Callable[[], T]) -> None:
        self.edition = edition
        self.load = load
        self._lock = threading.Lock()
        self._value: tuple[int, T] | None = None
        self._checked = 0.0
        _registered.append(self)

    def __call__(self) -> T:
        return self.with_edition()[1]

    def with_edition(self) -> tuple[int, T]:
        """The edition's number (0 before the first change) and the value."""
        value = self._value
        if value is not None and time.monotonic() - self._checked < RECHECK_SECONDS:
            return value
        with self._lock:
            # Asked before loading: data newer than its number is read again, never older kept.
            number = current_edition(self.edition)
            if self._value is None or self._value[0] != number:
                self._value = (number, self.load())
            self._checked = time.monotonic()
            return self._value

    def forget(self) -> None:
        with self._lock:
            self._value = None


def current_edition(name: str) -> int:
    found = Edition.objects.filter(name=name).values_list("number", flat=True).first()
    return found or 0


def on_forget(forget: Callable[[], None]) -> Callable[[], None]:
    """Register another cache with `forget_caches`."""
    _forgetters.append(forget)
    return forget


def forget_caches() -> None:
    """Drop everything this process keeps of the directory."""
    for kept in _registered:
        kept.forget()
    for forget in _forgetters:
        forget()


def forget_edition(name: str) -> None:
    """Drop what is kept of one edition: now, and once more when the change is committed."""

    def forget() -> None:
        for kept in _registered:
            if kept.edition == name:
                kept.forget()

    forget()
    transaction.on_commit(forget)
