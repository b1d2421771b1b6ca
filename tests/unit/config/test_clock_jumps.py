"""A clock that jumps ends the worker; one that runs on, is slewed or stands still does not."""

import threading
import time
from collections.abc import Iterable

import pytest

from huying.config import clock_jumps


def _watched(offsets: Iterable[float]) -> bool:
    """Whether a clock with these offsets in turn is found to have jumped."""
    stopping, left = threading.Event(), list(offsets)

    def clock() -> float:
        if len(left) == 1:
            stopping.set()
        return time.monotonic() + left.pop(0)

    return clock_jumps.jumped(stopping, every=0.001, clock=clock)


@pytest.mark.parametrize(
    ("offsets", "jumps"),
    [
        ([0, 0, 0], False),
        ([0, -20, -20, -20], False),
        ([0, -5, -10, -15, -20, -25, -30, -35, -40], False),
        ([0, 86_400, 86_400], True),
        ([0, -3_600, 0], True),
    ],
    ids=["steady", "a little", "stands still", "ahead", "back"],
)
def test_a_clock_that_jumps_is_found(offsets: list[float], jumps: bool) -> None:
    assert _watched(offsets) is jumps
