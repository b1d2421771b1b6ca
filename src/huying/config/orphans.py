"""A child does not outlive its parent.

A web server killed hard leaves its workers behind: they keep the port and answer with yesterday's
code for ever. Linux ends a process whose parent died, if it asked for that.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have this process asked to end (SIGTERM) when the thread that started it is gone. Kept by
    a program that takes this process over; not passed on to children. Elsewhere than on Linux
    nothing happens."""
    end_with(os.getppid())


def end_with(parent: int) -> None:
    """The same in a process forked by `parent`, which may be gone already."""
    _end_with(parent, signal.SIGTERM)


def end_with_server() -> None:
    """End at once with the web server whose worker this is; nothing for whoever else loads the
    application (tests, a shell).

    Not SIGTERM: until the worker serves, the server's own handler is in its place and would
    swallow it.
    """
    server = multiprocessing.parent_process()
    if "granian" in sys.modules and server is not None and server.pid is not None:
        _end_with(server.pid, signal.SIGKILL)


def _end_with(parent: int, number: signal.Signals) -> None:
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:
        os.kill(os.getpid(), number)  # it died before we asked
