"""The trail: a log line for each thing done, with its numbers and the trace it belongs to.

`grep` for a trace id finds the act, the notices and the ledger record; for the number of a
record, the trace it came from. Numbers and codes only.
"""

import logging
from collections.abc import Sequence
from typing import Final

from django.db import transaction

from huying.telemetry import trace

_logger = logging.getLogger("huying.trail")
MOST_NUMBERS: Final = 50


def note(what: str, **numbers: object) -> None:
    """Log `what` with these numbers once the transaction commits; now where there is none."""
    if not _logger.isEnabledFor(logging.INFO):
        return
    trace_id = trace.current_id()

    def write() -> None:
        _logger.info(what, extra={"numbers": numbers, "trace_id": trace_id})

    transaction.on_commit(write)


def some(numbers: Sequence[int]) -> dict[str, object] | list[int]:
    """Many numbers as a line can hold them: all of fifty, else how many and their ends."""
    if len(numbers) <= MOST_NUMBERS:
        return list(numbers)
    return {"count": len(numbers), "first": min(numbers), "last": max(numbers)}
