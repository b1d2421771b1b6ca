"""Where a person goes on to after signing in."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def next_page(request: HttpRequest, default: str) -> str:
    """Where `next` asks to go, if it is a page of this site."""
    asked = str(request.POST.get("next") or request.GET.get("next") or "")
    if asked and url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure()):
        return asked
    return default
