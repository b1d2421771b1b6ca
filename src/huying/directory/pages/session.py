"""Sessions end after a time without use, and after a day's work in any case.

The time of last use is written at most once in a twelfth of the idle time, so that reading
pages costs no write; a session may therefore end up to that much early, never late.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse

SEEN = "seen_at"
STARTED = "started_at"


class SessionLimitMiddleware:
    """Idle limit SESSION_IDLE_MINUTES, absolute limit SESSION_COOKIE_AGE seconds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.idle_seconds = settings.SESSION_IDLE_MINUTES * 60
        self.absolute_seconds = settings.SESSION_COOKIE_AGE

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without the cookie there is no session to limit, and no reason to ask the database.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            self._limit(request)
        return self.get_response(request)

    def _limit(self, request: HttpRequest) -> None:
        session = request.session
        if SESSION_KEY not in session:
            return
        now = int(time.time())
        seen = session.get(SEEN, now)
        started = session.setdefault(STARTED, now)
        if now - seen >= self.idle_seconds or now - started >= self.absolute_seconds:
            session.flush()
            return
        if SEEN not in session or now - seen >= self.idle_seconds / 12:
            session[SEEN] = now
