"""A worker whose clock was set back begins anew.

procrastinate defers a periodic job once for each of its times and remembers the last: a clock that
ran ahead and is set right would keep it from deferring anything until that time has come again.
Whoever supervises the worker starts it again.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

EVERY_SECONDS: Final = 5.0
MOST_SECONDS: Final = 30.0

_logger = logging.getLogger(__name__)


def start(stopping: threading.Event) -> None:
    """Watch the clock in a thread of this process until `stopping`; end it (SIGTERM) where the
    clock falls back."""

    def watch() -> None:
        if fell_back(stopping, every=EVERY_SECONDS):
            _logger.error("the clock was set back; the worker begins anew")
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="clock", daemon=True).start()


def fell_back(
    stopping: threading.Event, *, every: float, clock: Callable[[], float] = time.time
) -> bool:
    """Wait until the clock is more than MOST_SECONDS behind where it was (True) or `stopping`."""
    furthest = clock() - time.monotonic()
    while not stopping.wait(every):
        ahead = clock() - time.monotonic()
        if furthest - ahead > MOST_SECONDS:
            return True
        furthest = max(furthest, ahead)
    return False
