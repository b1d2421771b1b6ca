"""How often somebody may knock: fixed windows, counted in the process.

Nothing is stored: the key (a client's address, a user name) is hashed with a key that lives
only as long as the process. Each process counts for itself, so the bound over the whole site
is `limit × web processes` in a window, and up to twice that across the border of two windows.
At most MOST_KEYS windows are kept; a flood of fresh addresses then drops the oldest half,
never memory.
"""

import secrets
import threading
import time
from hashlib import blake2b

from django.conf import settings
from django.http import HttpRequest

from huying.directory.permissions import DomainError

MOST_KEYS = 50_000
_process_key = secrets.token_bytes(32)
_lock = threading.Lock()
_windows: dict[bytes, tuple[float, int]] = {}


class TooOften(DomainError):
    """More calls than the window allows; `retry_after` in seconds."""

    code = "TOO_OFTEN"
    status = 429

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"操作太频繁了，请 {retry_after} 秒后再试。您填写的内容没有丢失。",
            f"Too many requests; try again in {retry_after} seconds.",
        )


def allow(name: str, key: str, *, limit: int, seconds: int) -> None:
    """Count one call of `name` by `key`; raises `TooOften` beyond `limit` in `seconds`."""
    digest = blake2b(f"{name}\0{key}".encode(), key=_process_key, digest_size=16).digest()
    now = time.monotonic()
    with _lock:
        ends, count = _windows.get(digest, (0.0, 0))
        if now >= ends:
            if len(_windows) >= MOST_KEYS:
                _make_room(now)
            ends, count = now + seconds, 0
        if count >= limit:
            raise TooOften(max(1, int(ends - now) + 1))
        _windows[digest] = (ends, count + 1)


def _make_room(now: float) -> None:
    for digest in [digest for digest, (ends, _) in _windows.items() if ends <= now]:
        del _windows[digest]
    if len(_windows) >= MOST_KEYS:
        for digest in list(_windows)[: MOST_KEYS // 2]:
            del _windows[digest]


def forget() -> None:
    """Open every window anew."""
    with _lock:
        _windows.clear()


def client_address(request: HttpRequest) -> str:
    """The address that called: REMOTE_ADDR, or behind TRUSTED_PROXIES proxies of ours the
    entry the outermost of them wrote into X-Forwarded-For."""
    proxies = int(getattr(settings, "TRUSTED_PROXIES", 0))
    if proxies:
        chain = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(chain) >= proxies and chain[-proxies].strip():
            return str(chain[-proxies]).strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def allow_request(request: HttpRequest, name: str, *, limit: int, seconds: int) -> None:
    """As `allow`, by the client's address."""
    allow(name, client_address(request), limit=limit, seconds=seconds)
