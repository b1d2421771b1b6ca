"""Which servers a browser may name for this house to call."""

from base64 import b64decode
from collections.abc import Collection
from urllib.parse import urlsplit


def push_host_allowed(endpoint: str, allowed: Collection[str]) -> bool:
    """Whether a push endpoint is https, on the standard port, at an allowed host or below one.

    A subscription comes from the outside and makes this server send a request; without the
    list anybody could point it into the county's own network.
    """
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").rstrip(".")
    return (
        parts.scheme == "https"
        and port in {None, 443}
        and parts.username is None
        and any(host == name or host.endswith("." + name) for name in allowed)
    )


def push_point(p256dh: str, auth: str) -> tuple[bytes, bytes]:
    """The browser's public point and its secret, decoded from URL-safe base64 (RFC 8291, 2).

    Padding is optional. ValueError for what is not base64.
    """

    def decoded(text: str) -> bytes:
        return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

    return decoded(p256dh), decoded(auth)
