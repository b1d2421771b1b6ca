"""How many connections a process may hold open: each is a file to the system."""

import resource
from contextlib import suppress


def raise_limit() -> None:
    """Raise the soft limit of open files, mostly 1,024, to the hard one; children inherit it."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems name a hard limit they do not grant: then it stays as it is.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
