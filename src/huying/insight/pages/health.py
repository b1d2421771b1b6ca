"""The administrator's health page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from huying.directory.pages.access import requires
from huying.directory.permissions import Permission
from huying.insight import queries


@require_safe
@requires(Permission.HEALTH_VIEW)
def health(request: HttpRequest) -> HttpResponse:
    """The whole page, or for htmx its inner part, asked for again every ten seconds."""
    partial = request.headers.get("HX-Request") == "true"
    template = "insight/health_parts.html" if partial else "insight/health.html"
    return render(request, template, {"page": queries.health(timezone.now())})
