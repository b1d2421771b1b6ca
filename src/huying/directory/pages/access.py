"""The door of every page that is not for everybody."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from huying.directory.permissions import NotAllowed, Permission
from huying.directory.queries import actor_of

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def requires(*permissions: Permission) -> Callable[[View[P]], View[P]]:
    """The page needs a signed-in person with at least one of these permissions.

    Without any permission named, signing in is enough. Who is not signed in is asked to, and
    comes back here; who lacks the permission is told which (`NotAllowed`).
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            actor = actor_of(request)
            if actor.account_id is None:
                return sign_in_first(request)
            if permissions and not actor.may_any(*permissions):
                raise NotAllowed(permissions[0])
            return view(request, *args, **kwargs)

        return cast(View[P], guarded)

    return decorate


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back; htmx is told to leave the page it is on."""
    here = request.get_full_path() if request.method == "GET" else ""
    partial = request.headers.get("HX-Request") == "true"
    if partial:
        here = request.headers.get("HX-Current-URL", "")
    target = settings.LOGIN_URL + (f"?{urlencode({'next': here})}" if here else "")
    if partial:
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)
