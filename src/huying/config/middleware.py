"""Headers every answer carries, and requests that other sites had a browser make."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from huying.config.errors import forbidden

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SAFE: Final = frozenset({"GET", "HEAD"})
# Any page of any site may check our ledger: nothing there is not public.
_ANYBODYS: Final = ("/ledger/", "/verify/")


def _content_security_policy() -> str:
    stream = urlsplit(settings.STREAM_URL)
    live = f" {stream.scheme}://{stream.netloc}" if stream.netloc else ""
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            f"connect-src 'self'{live}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


class SecurityHeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = _content_security_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS:
            # TRACE would give a page's own cookies back to it.
            response: HttpResponse = HttpResponseNotAllowed(METHODS)
        else:
            response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "geolocation=(self), camera=(self), microphone=(self)"
        )
        if "Cache-Control" not in response.headers and _is_somebodys(request):
            response.headers["Cache-Control"] = "no-store"
        return response


def _is_somebodys(request: HttpRequest) -> bool:
    """Whether the answer may hold what only this caller may see."""
    known = settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers
    return known or request.path.startswith(("/r/", "/api/v1/reports/"))


class OwnSiteMiddleware:
    """Refuses what a browser was made to ask by a page of another origin (Fetch Metadata).

    A link from elsewhere may be followed; a form, an image, a frame, a script or a call may not,
    sister hosts of the same domain included. Programs and old browsers send no Sec-Fetch-Site
    and are held by the CSRF token, SameSite and the policy of their own origin, as before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request) if _from_here(request) else forbidden(request)


def _from_here(request: HttpRequest) -> bool:
    if request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}:
        return True
    if request.method not in _SAFE:
        return False
    followed = (
        request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    return followed or request.path.startswith(_ANYBODYS)
