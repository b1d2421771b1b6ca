"""Messages go out, never into the county's own network.

An address somebody entered makes this server connect to where it says. A name is looked up by
whoever connects, a service answers with a redirect: so what is looked at is the address each
socket is about to connect to, after all that, and nothing can lie between looking and going.
"""

import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.utils import timezone

from huying.notices.channels.base import SendFailed
from huying.notices.parameters import parameters
from huying.notices.rules.networks import Network, may_connect


class InnerAddress(OSError):
    """A connection into a network that is not for messages; the client sees it unreachable."""


class _Here(threading.local):
    inner: Collection[Network] | None = None
    refused: bool = False


_here: Final = _Here()


def inner_networks() -> Collection[Network]:
    """The networks of the county's own that a message may be carried to: none unless named."""
    return parameters(timezone.now()).inner_networks


@contextmanager
def outward() -> Iterator[None]:
    """What connects in this thread meanwhile reaches the open internet and the county's named
    networks alone. Raises SendFailed for good where it tried another."""
    _here.inner, _here.refused = inner_networks(), False
    try:
        yield
    except SendFailed:
        if _here.refused:
            raise SendFailed("INNER_ADDRESS", permanent=True) from None
        raise
    finally:
        _here.inner = None


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or _here.inner is None:
        return
    address = arguments[1]
    host = address[0] if isinstance(address, tuple) and address else ""
    if not isinstance(host, str) or not may_connect(host, _here.inner):
        _here.refused = True
        raise InnerAddress("an inner address is not for messages")


# The interpreter calls it before every connect, whichever library makes it (PEP 578).
sys.addaudithook(_look)
