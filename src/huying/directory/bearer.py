"""Who calls the REST interface: a program with a token, or a member of staff with a session.

    router.get("/cases", auth=callers("cases:read"))   ->  request.auth is an Actor

A program needs the scope; a person signed in through a page needs no scope, only their own
permissions, which the called action asks for.
"""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from huying.directory.actions import note_token_use
from huying.directory.permissions import Actor, NotAllowed
from huying.directory.queries import actor_of, actor_of_token


class TokenAuth(HttpBearer):
    """`Authorization: Bearer hy_…`, valid and of the scope; its use is noted now and then."""

    def __init__(self, scope: str = "") -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        holder = actor_of_token(token)
        if holder is None:
            return None
        if self.scope and self.scope not in holder.scopes:
            raise NotAllowed(
                zh=f"此令牌没有 {self.scope} 权限范围，请向安全管理员申请。",
                en=f"This token lacks the scope {self.scope}; ask the security administrator.",
            )
        note_token_use(holder=holder, by=holder.actor)
        request._huying_actor = holder.actor  # type: ignore[attr-defined]  # as queries.actor_of keeps it
        return holder.actor


class SessionAuth(APIKeyCookie):
    """The session of a page; writes carry the CSRF token as every form does."""

    def __init__(self) -> None:
        self.param_name = settings.SESSION_COOKIE_NAME
        super().__init__(csrf=True)

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        actor = actor_of(request)
        return actor if actor.account_id is not None else None


def callers(scope: str = "") -> list[Any]:
    """The `auth=` of an endpoint for programs with `scope` and for signed-in staff."""
    return [TokenAuth(scope), SessionAuth()]


def no_credentials(request: HttpRequest) -> Actor | None:
    """A resident, where neither token nor session came along; a wrong token stays refused."""
    if "Authorization" in request.headers or settings.SESSION_COOKIE_NAME in request.COOKIES:
        return None
    return Actor.resident()


def nobody_signed_in(request: HttpRequest) -> Actor | None:
    """A resident whose browser holds a session in which nobody is signed in."""
    if "Authorization" in request.headers:
        return None
    actor = actor_of(request)
    return actor if actor.account_id is None else None


OPTIONAL: Final[dict[str, Any]] = {"security": [{}]}
"""`openapi_extra` of an endpoint for anyone: its definition says that credentials are optional."""


def anyone(scope: str = "") -> list[Any]:
    """As `callers`, and residents without any sign-in: `request.auth` is always an Actor."""
    return [TokenAuth(scope), no_credentials, SessionAuth(), nobody_signed_in]
