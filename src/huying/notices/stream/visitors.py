"""Who is behind a session cookie; asked in a thread, by the same rules as the pages."""

from importlib import import_module

from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse

from huying.directory.pages.session import SessionLimitMiddleware
from huying.directory.permissions import Actor
from huying.directory.queries import actor_of

_sessions = import_module(settings.SESSION_ENGINE)
_limit = SessionLimitMiddleware(lambda request: HttpResponse())


def visitor(session_key: str) -> Actor | None:
    """The member of staff signed in under a session, or None: no session, over its idle or
    absolute limit, account switched off, password changed. Watching a stream is not using the
    site: the session is not saved, so its idle time runs on."""
    close_old_connections()
    request = HttpRequest()
    request.COOKIES[settings.SESSION_COOKIE_NAME] = session_key
    request.session = _sessions.SessionStore(session_key)
    _limit(request)
    actor = actor_of(request)
    return actor if actor.account_id is not None else None
