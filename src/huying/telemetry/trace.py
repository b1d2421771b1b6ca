"""The one id that leads from a frame or a request to its acts, notices and ledger records.

It is a trace id as W3C Trace Context has it (32 hexadecimal digits): taken over from a caller's
`traceparent`, else made where something enters. It travels in a context variable, and from one
process to the next in the row that the other process works off.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Trace:
    """`parent_id` is the caller's span (16 digits) and `sampled` its word; empty without one."""

    trace_id: str
    parent_id: str = ""
    sampled: bool = True


_current: ContextVar[Trace | None] = ContextVar("huying_trace", default=None)


def current() -> Trace | None:
    return _current.get()


def current_id() -> str:
    """The id of what is being done; empty where nothing began one."""
    found = _current.get()
    return found.trace_id if found is not None else ""


def new_id() -> str:
    return secrets.token_hex(16)


def parsed(traceparent: str) -> Trace | None:
    """A `traceparent` header; None where it is none (W3C Trace Context, 3.2.2.3: begin anew)."""
    found = _PARENT.fullmatch(traceparent.strip().lower())
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16):
        return None
    if not int(parent_id, 16):
        return None
    return Trace(trace_id, parent_id, bool(int(flags, 16) & 1))


@contextmanager
def begun(*, traceparent: str = "", trace_id: str | None = None) -> Iterator[str]:
    """Everything inside belongs to one trace; yields its id.

    The caller's where `traceparent` is one, the stored one where `trace_id` is given (32 digits,
    hyphens allowed), else a new one.
    """
    found = parsed(traceparent) if traceparent else None
    if found is None:
        found = Trace(trace_id.replace("-", "") if trace_id else new_id())
    token = _current.set(found)
    try:
        yield found.trace_id
    finally:
        _current.reset(token)
