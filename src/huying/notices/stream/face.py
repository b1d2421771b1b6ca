"""GET /live/: server-sent events for one signed-in browser (WHATWG HTML, 9.2).

Events:
    sync    {"unread": n, "reload": bool}: at the start and after every gap. With "reload",
            lists on the page may be out of date: case events are not kept.
    notice  {"id", "kind", "title", "body", "link", "urgency", "at"}, with an event id to
            resume from (header Last-Event-ID, or last_event_id in the address)
    case    {"case_id", "number", "state"}: a case this person may see changed
A comment every 15 seconds keeps proxies from closing the connection.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import orjson
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db import connection as django_connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from huying.notices.rules.cursor import Position, parsed
from huying.notices.stream.catch_up import missed
from huying.notices.stream.hub import Browser, CaseEvent, CatchUp, Dropped, Hub, NoticeEvent
from huying.notices.stream.visitors import visitor
from huying.telemetry import metrics

HEARTBEAT_SECONDS: Final = 15.0
RECHECK_SECONDS: Final = 60.0
MOST_BROWSERS: Final = 5000
MOST_OF_ONE_ACCOUNT: Final = 20

OUT_OF_REACH: Final = (OperationalError, InterfaceError)

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)


class Live:
    """The hub of this process and the threads that ask the database for it."""

    def __init__(self) -> None:
        self.hub = Hub()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="live")

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        known = django_connection.get_connection_params()
        libpq = {
            key: known[key]
            for key in (
                *("dbname", "user", "password", "host", "port", "options"),
                *("sslmode", "sslrootcert", "target_session_attrs"),
            )
            if known.get(key)
        }
        listening = asyncio.create_task(
            self.hub.listen(
                {
                    **libpq,
                    "application_name": "huying live",
                    "keepalives_idle": 15,
                    "keepalives_interval": 5,
                    "keepalives_count": 3,
                }
            )
        )
        try:
            yield
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Callable[..., _T], *arguments: Any) -> _T:
        """Run a blocking question to the database in one of four threads."""

        def asked() -> _T:
            close_old_connections()
            return question(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._threads, asked)

    async def live(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin is not None and origin not in {
            settings.PUBLIC_URL,
            *settings.CSRF_TRUSTED_ORIGINS,
        }:
            return _refusal(403, "ORIGIN_NOT_ALLOWED", _headers(None))
        headers = _headers(origin)
        session_key = request.cookies.get(settings.SESSION_COOKIE_NAME, "")
        try:
            actor = await self.ask(visitor, session_key) if session_key else None
        except OUT_OF_REACH:
            return _refusal(503, "NOT_READY", {**headers, "Retry-After": "5"})
        if actor is None or actor.account_id is None:
            return _refusal(401, "NOT_SIGNED_IN", headers)
        same = len(self.hub.by_account.get(actor.account_id, ()))
        if same >= MOST_OF_ONE_ACCOUNT or self.hub.browsers >= MOST_BROWSERS:
            metrics.BROWSERS_REFUSED.inc()
            return _refusal(429, "TOO_MANY_STREAMS", {**headers, "Retry-After": "30"})
        last = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
        stream = _Stream(self, Browser(actor.account_id, actor), session_key, last or "")
        return StreamingResponse(
            stream.events(),
            media_type="text/event-stream",
            headers={**headers, "X-Accel-Buffering": "no"},
        )

    async def healthz(self, _: Request) -> Response:
        return JSONResponse(
            {"listening": self.hub.is_listening, "browsers": self.hub.browsers},
            status_code=200 if self.hub.is_listening else 503,
        )


class _Stream:
    """The events of one browser, from connecting to leaving."""

    def __init__(self, live: Live, browser: Browser, session_key: str, last: str) -> None:
        self.live = live
        self.browser = browser
        self.session_key = session_key
        self.position: Position | None = None
        self.is_lost = False
        if last:
            try:
                self.position = parsed(last)
            except ValueError:
                self.is_lost = True
        self.resumes = bool(last)

    async def events(self) -> AsyncIterator[bytes]:
        # Joined before the first question to the database: what commits in between waits in
        # the queue, and the position tells whether the answer had it already.
        hub = self.live.hub
        hub.join(self.browser)
        try:
            yield b"retry: 2000\n\n"
            async for block in self._catch_up():
                yield block
            checked_at = time.monotonic()
            while True:
                if time.monotonic() - checked_at >= RECHECK_SECONDS:
                    if not await self._still_allowed():
                        return
                    checked_at = time.monotonic()
                try:
                    event = self.browser.waiting.get_nowait()
                except asyncio.QueueEmpty:
                    # Nothing waits, so all that was handed out went out.
                    self._position.raise_to(hub.low)
                    try:
                        event = await asyncio.wait_for(
                            self.browser.waiting.get(), HEARTBEAT_SECONDS
                        )
                    except TimeoutError:
                        yield b": \nid: %s\n\n" % str(self._position).encode()
                        continue
                if isinstance(event, Dropped):
                    return
                if isinstance(event, CatchUp):
                    self.resumes = True
                    async for block in self._catch_up():
                        yield block
                elif isinstance(event, CaseEvent):
                    yield _block("case", event.data)
                else:
                    fresh = self._notice(event)
                    if fresh:
                        yield fresh
        except OUT_OF_REACH as fault:
            # The browser comes back with its position once the database does.
            _logger.warning("a live stream ends: %s", type(fault).__name__)
            return
        finally:
            hub.leave(self.browser)

    @property
    def _position(self) -> Position:
        if self.position is None:
            raise RuntimeError("the position is known only after the first catching up")
        return self.position

    def _notice(self, event: NoticeEvent) -> bytes | None:
        if not self._position.is_new(event.notice_id, event.transaction):
            return None
        self._position.deliver(event.notice_id, event.transaction, event.low)
        return _block("notice", event.data, str(self._position))

    async def _catch_up(self) -> AsyncIterator[bytes]:
        known = self.position
        found = await self.live.ask(missed, self.browser.account_id, known and known.low)
        if known is not None and (found.too_many or known.low > found.high):
            # Too far behind, or a position in another database's time: the page reads anew.
            self.is_lost, known = True, None
            found = await self.live.ask(missed, self.browser.account_id, None)
        if known is None:
            self.position = Position(found.low, {pk: tx for pk, tx, _ in found.notices})
        else:
            for notice_id, transaction, data in found.notices:
                if known.is_new(notice_id, transaction):
                    # The mark stays until the last is out: the connection may break before.
                    known.deliver(notice_id, transaction, known.low)
                    yield _block("notice", orjson.dumps(data), str(known))
                else:
                    known.seen[notice_id] = transaction
            known.raise_to(found.low)
        state = {"unread": found.unread, "reload": self.resumes or self.is_lost}
        self.resumes = self.is_lost = False
        yield _block("sync", orjson.dumps(state), str(self._position))

    async def _still_allowed(self) -> bool:
        try:
            actor = await self.live.ask(visitor, self.session_key)
        except OUT_OF_REACH:
            return True
        if actor is None or actor.account_id != self.browser.account_id:
            return False
        self.browser.actor = actor
        return True


def _block(event: str, data: bytes, position: str = "") -> bytes:
    identity = f"id: {position}\n".encode() if position else b""
    return identity + b"event: %s\ndata: %s\n\n" % (event.encode(), data)


_SECURE: Final = {
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
}


def _headers(origin: str | None) -> dict[str, str]:
    found = dict(_SECURE)
    if settings.SECURE_HSTS_SECONDS:
        found["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}" + (
            "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
        )
    if origin is not None:
        found["Access-Control-Allow-Origin"] = origin
        found["Access-Control-Allow-Credentials"] = "true"
    return found


def _refusal(status: int, code: str, headers: dict[str, str]) -> Response:
    return JSONResponse({"code": code}, status_code=status, headers=headers)


def build() -> Starlette:
    """The ASGI application, with a hub of its own."""
    live = Live()
    return Starlette(
        routes=[Route("/live/", live.live), Route("/healthz", live.healthz)],
        lifespan=live.lifespan,
    )


application = build()
