"""How often one address may ask for each page that is open to everybody, and how much a request
may bring along.

Generous: a household, a school and a whole village may stand behind one address. REST and
Open311 count in their own endpoints, and what writes counts more narrowly where it writes.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from huying.config.errors import refused
from huying.directory.permissions import DomainError
from huying.directory.throttle import TooOften, allow_request

A_MINUTE: Final = 60
# Calls a minute, by the address's pattern in urls.py.
PAGES: Final[Mapping[str, int]] = {
    "": 600,
    "services/": 600,
    "report/": 600,
    "progress/": 240,
    "r/<str:code>/rate/": 240,
    "r/<str:code>/follow-up/": 240,
    "r/<str:code>/add/": 240,
    "r/<str:code>/withdraw/": 240,
    "r/<str:code>/files/<int:attachment_id>/": 600,
    "grids.geojson": 240,
    "places/at/": 600,
    "sign-in/": 600,
    "sign-in/second-factor/": 600,
    "sign-in/demo/<str:role>/": 240,
    "ledger/": 600,
    "ledger/checkpoint": 1_200,
    "ledger/keys": 600,
    # Whoever verifies the whole log fetches it all: a million entries are some 8,000 tiles.
    "ledger/tile/<path:rest>": 12_000,
    "verify/<int:record_id>/": 600,
    "verify/<int:record_id>/proof.json": 1_200,
    "verify/<int:record_id>/proof.tlog-proof": 1_200,
}


LARGEST_BODY: Final = 120 * 10**6
"""Bytes: nine photographs of 12 MB and their form. The proxy in front has the same limit."""


class TooLarge(DomainError):
    """More than a request may bring along; nothing of it is read."""

    code = "BODY_TOO_LARGE"
    status = 413

    def __init__(self) -> None:
        super().__init__(
            "一次提交的内容太大了，总共请不要超过 120 MB。请少选几张照片，其余的稍后再补。",
            "This is too much at once: send at most 120 MB. Choose fewer photographs; the others "
            "can be added later.",
        )


class BodyLimitMiddleware:
    """Looks at what a request says of its length: what says nothing is not read at all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = request.META.get("CONTENT_LENGTH") or "0"
        if said.isdigit() and int(said) > LARGEST_BODY:
            return refused(request, TooLarge())
        return self.get_response(request)


class PublicLimitMiddleware:
    """Counts before the view asks the database anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        route = request.resolver_match.route if request.resolver_match else None
        limit = PAGES.get(route) if route is not None else None
        if limit is None:
            return None
        try:
            allow_request(request, f"page {route}", limit=limit, seconds=A_MINUTE)
        except TooOften as error:
            return refused(request, error)
        return None
