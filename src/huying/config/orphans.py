"""A child does not outlive its parent.

A web server killed hard leaves its workers behind: they keep the port and answer with yesterday's
code for ever. Linux ends a process whose parent died, if it asked for that.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have this process asked to end (SIGTERM) when the thread that started it is gone. Kept by
    a program that takes this process over; not passed on to children. Elsewhere than on Linux
    nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    before = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != before:
        os.kill(os.getpid(), signal.SIGTERM)  # it died while we asked


def end_with_server() -> None:
    """The same for a worker of the web server, which loads this application; not for whoever
    else does (tests, a shell)."""
    if "granian" in sys.modules:
        end_with_parent()
