"""What a browser needs apart from pages: the service worker, and the page for no signal."""

from __future__ import annotations

from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

WORKER = "sw.js"


@require_safe
@cache_control(no_cache=True)
def service_worker(_request: HttpRequest) -> HttpResponse:
    """The service worker from the root, so that its scope is the whole site."""
    return HttpResponse(_worker_source(), content_type="text/javascript; charset=utf-8")


def _worker_source() -> bytes:
    """Collected static files first, then the front-end build."""
    if staticfiles_storage.exists(WORKER):
        with staticfiles_storage.open(WORKER) as source:
            return bytes(source.read())
    found = finders.find(WORKER)
    if not isinstance(found, str):
        raise Http404(WORKER)
    return Path(found).read_bytes()


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Shown by the service worker when there is neither a signal nor a kept page."""
    return render(request, "design/offline.html")
