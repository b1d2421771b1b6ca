"""A worker whose clock jumped begins anew.

procrastinate defers a periodic job once for each of its times and remembers the last: a clock that
ran ahead and is set right would keep it from deferring anything until that time has come again, and
after one that was slow it would make up for every minute. Whoever supervises the worker starts it
again.
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
    clock jumps."""

    def watch() -> None:
        if jumped(stopping, every=EVERY_SECONDS):
            _logger.error("the clock jumped; the worker begins anew")
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="clock", daemon=True).start()


def jumped(
    stopping: threading.Event, *, every: float, clock: Callable[[], float] = time.time
) -> bool:
    """Wait until the clock goes more than MOST_SECONDS otherwise than time does between two looks
    (True) or `stopping`."""
    before = clock() - time.monotonic()
    while not stopping.wait(every):
        ahead = clock() - time.monotonic()
        if abs(ahead - before) > MOST_SECONDS:
            return True
        before = ahead
    return False
