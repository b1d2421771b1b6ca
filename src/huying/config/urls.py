"""Every address of the site, room by room."""

import importlib
import importlib.util

from django.contrib import admin
from django.urls import include, path

from huying.config import errors, health
from huying.config.api import api

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]
for pages in (
    "directory.pages.urls",
    "ledger.pages",
    "ledger.pages.urls",
    "notices.pages.urls",
    "sensing.pages.urls",
    "cases.pages.urls",
    "cases.open311",
    "insight.pages.urls",
):
    try:
        found = importlib.util.find_spec(f"huying.{pages}")
    except ModuleNotFoundError:
        continue
    if found and hasattr(importlib.import_module(f"huying.{pages}"), "urlpatterns"):
        urlpatterns.append(path("", include(f"huying.{pages}")))

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
