"""Sessions: opened, limited in time, and held to what they owe.

A session ends after a time without use, and after a day's work in any case. The time of last
use is written at most once in a twelfth of the idle time, so that reading pages costs no
write; a session may therefore end up to that much early, never late. A session that owes a
new password or a second factor reaches nothing else until that is done.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

from huying.directory.actions import note_sign_in
from huying.directory.models import Account
from huying.directory.permissions import Actor
from huying.directory.queries import actor_for
from huying.directory.rules.clients import client_named
from huying.directory.throttle import client_address

SEEN = "seen_at"
PROVEN = "proven_at"
PROVEN_SECONDS = 600
STARTED = "started_at"
OWES = "owes"
DUTY_PAGES = {
    "PASSWORD": "/account/password/",
    "SECOND_FACTOR": "/account/second-factor/",
}
_ALWAYS_OPEN = ("/account/", "/sign-out/", "/sign-in/", "/static/")


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
            answer = self._duty(request)
            if answer is not None:
                return answer
        return self.get_response(request)

    def _limit(self, request: HttpRequest) -> None:
        session = request.session
        if SESSION_KEY not in session:
            return
        now = int(time.time())
        seen = session.get(SEEN, now)
        started = session.get(STARTED)
        if started is None:
            started = session[STARTED] = now
        if now - seen >= self.idle_seconds or now - started >= self.absolute_seconds:
            session.flush()
            return
        if SEEN not in session or now - seen >= self.idle_seconds / 12:
            session[SEEN] = now

    def _duty(self, request: HttpRequest) -> HttpResponse | None:
        owes = request.session.get(OWES)
        if not owes or request.path.startswith(_ALWAYS_OPEN):
            return None
        target = DUTY_PAGES[owes[0]]
        if request.path.startswith(("/api/", "/open311/")):
            return JsonResponse(
                {
                    "type": "urn:huying:problem:session-owes",
                    "title": "请先在网页上完成密码或两步验证设置",
                    "status": 403,
                    "code": "SESSION_OWES",
                },
                status=403,
                content_type="application/problem+json",
            )
        return HttpResponseRedirect(target)


def open_session(request: HttpRequest, account_id: int) -> Actor:
    """Sign this browser in as an account that has proven itself; returns the actor."""
    account = Account.objects.get(pk=account_id)
    login(request, account, backend="django.contrib.auth.backends.ModelBackend")
    actor = actor_for(account_id)
    now = int(time.time())
    request.session[STARTED] = request.session[SEEN] = request.session[PROVEN] = now
    owes = note_sign_in(
        account_id=account_id,
        session_key=request.session.session_key or "",
        client=client_named(request.headers.get("User-Agent", "")),
        address=client_address(request),
        by=actor,
    )
    request.session[OWES] = sorted(owes)
    request._huying_actor = actor  # type: ignore[attr-defined]  # as queries.actor_of keeps it
    return actor


def recently_proven(request: HttpRequest) -> bool:
    """Whether whoever sits here gave their password in the last minutes, or has none to give."""
    proven = int(request.session.get(PROVEN, 0))
    account = Account.objects.get(pk=request.session[SESSION_KEY])
    return time.time() - proven < PROVEN_SECONDS or not account.has_usable_password()


def prove(request: HttpRequest) -> None:
    """Note that the password was given just now, under a new session key."""
    request.session.cycle_key()
    request.session[PROVEN] = int(time.time())
