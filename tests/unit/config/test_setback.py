"""A clock that is set back ends the worker; one that runs on, or jumps ahead, does not."""

import threading
import time
from collections.abc import Iterable

import pytest

from huying.config import setback


def _watched(offsets: Iterable[float]) -> bool:
    """Whether a clock with these offsets in turn is found to have fallen back."""
    stopping, left = threading.Event(), list(offsets)

    def clock() -> float:
        if len(left) == 1:
            stopping.set()
        return time.monotonic() + left.pop(0)

    return setback.fell_back(stopping, every=0.001, clock=clock)


@pytest.mark.parametrize(
    ("offsets", "falls"),
    [
        ([0, 0, 0], False),
        ([0, 86_400, 86_400, 86_400], False),
        ([0, -20, -20, -20], False),
        ([0, -3_600, 0], True),
        ([0, 86_400, 0, 0], True),
    ],
    ids=["steady", "ahead", "a little", "back", "ahead and back"],
)
def test_a_clock_that_falls_back_is_found(offsets: list[float], falls: bool) -> None:
    assert _watched(offsets) is falls
