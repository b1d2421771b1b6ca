"""What a resident opens on a telephone, without an account: say something, find out where to go."""

from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from huying.cases import actions, queries
from huying.cases.pages.report_forms import MOST_PHOTOS, ReportForm
from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError
from huying.directory.throttle import allow_request

NEARBY_METRES = 300
MOST_NEARBY = 3


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Three doors and nothing else."""
    return render(request, "cases/resident/home.html")


@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """Where things are done today: counters with address and telephone, from the directory."""
    found = [one for one in directory.organisations() if one.phone or one.address]
    context = {
        "centres": [one for one in found if one.kind == "CENTRE"],
        "townships": [one for one in found if one.kind == "TOWNSHIP"],
        "departments": [one for one in found if one.kind == "DEPARTMENT"],
    }
    return render(request, "cases/resident/services.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The report: one thing a screen with script, one long page without."""
    if request.method != "POST":
        return report_page(request, ReportForm())
    form = ReportForm(request.POST, request.FILES)
    received, status = None, 422
    if form.is_valid():
        try:
            allow_request(request, "report", limit=30, seconds=60)
            received = handed_in(form, request.POST.get("join", ""), Actor.resident(), "WEB")
        except DomainError as error:
            status = refuse(form, error)
    if received is None:
        return report_page(request, form, status)
    # A secret report leaves no trace on a telephone that somebody else may look at.
    kept = "new=secret" if form.cleaned_data["secret"] else "new=1"
    return onward(request, f"{reverse('receipt', args=[received.receipt])}?{kept}")


def report_page(
    request: HttpRequest,
    form: ReportForm,
    status: int = 200,
    template: str = "cases/resident/report.html",
    **more: Any,
) -> HttpResponse:
    """The form with its categories by group; refused photographs are asked for again."""
    groups = [
        (name, list(members))
        for name, members in groupby(form.categories, key=lambda one: one.parent_name)
    ]
    context = {
        "form": form,
        "groups": groups,
        "most_photos": MOST_PHOTOS,
        "photos_lost": photos_lost(request, status),
        **more,
    }
    return render(request, template, context, status=status)


def photos_lost(request: HttpRequest, status: int) -> bool:
    """Whether chosen photographs must be chosen again: script puts them back by itself."""
    return bool(request.FILES) and status >= 400 and "X-Huying-Outbox" not in request.headers


def handed_in(form: ReportForm, join: str, by: Actor, channel: str) -> actions.Received:
    """Take in what the form says: a report of its own, or 我也遇到了 on one nearby."""
    data = form.cleaned_data
    key = data["idempotency_key"]
    if join.isascii() and join.isdigit() and len(join) < 18:
        return actions.join_report(
            by=by,
            report_id=int(join),
            text=data["text"],
            channel=channel,
            place_text=data["place_text"],
            lon=data["lon"],
            lat=data["lat"],
            contact=form.contact() or form.submitter(),
            secret=data["secret"],
            photos=data["photos"],
            idempotency_key=key,
        )
    return actions.receive_report(
        by=by,
        text=data["text"],
        channel=channel,
        category=data["category"],
        place_text=data["place_text"],
        lon=data["lon"],
        lat=data["lat"],
        phone_lon=data["phone_lon"],
        phone_lat=data["phone_lat"],
        contact=form.contact(),
        on_behalf=form.on_behalf,
        submitter=form.submitter(),
        secret=data["secret"],
        photos=data["photos"],
        idempotency_key=key,
    )


def refuse(form: ReportForm, error: DomainError) -> int:
    """Say on the form what the domain refused; gives the status of the answer."""
    field: str | None = None
    if isinstance(error, actions.NeedsField):
        field = error.field if error.field in form.fields else None
    elif isinstance(error, actions.BadUpload):
        field = "photos"
    elif isinstance(error, actions.IdempotencyConflict):
        form.fresh_key()
        form.add_error(
            None,
            in_language_of(
                "上一份已经收到了，可在“我的进度”里看。如果这是另一件事，请再点一次提交。",
                "The last one has been received: see “My reports”. "
                "If this is another matter, submit once more.",
            ),
        )
        return error.status
    form.add_error(field, in_language(error))
    return error.status


def in_language(error: DomainError) -> str:
    return in_language_of(error.zh, error.en)


def in_language_of(zh: str, en: str) -> str:
    return en if (get_language() or "").startswith("en") else zh


def onward(request: HttpRequest, url: str) -> HttpResponse:
    """To the next page. The outbox is told the address instead, so that no page travels twice."""
    if request.headers.get("X-Huying-Outbox"):
        return HttpResponse(status=204, headers={"X-Huying-Next": url})
    return HttpResponseRedirect(url)


@never_cache
@require_safe
def before_sending(request: HttpRequest) -> HttpResponse:
    """Part of the last step: who will answer and how fast; neighbours who said the same."""
    allow_request(request, "report_before", limit=120, seconds=60)
    form = ReportForm(request.GET)
    form.is_valid()
    data = form.cleaned_data
    lon, lat, category = data.get("lon"), data.get("lat"), data.get("category") or ""
    place = directory.grid_at(lon, lat) if lon is not None and lat is not None else None
    context = {
        "typical": queries.typical_answer(category, place.division_code if place else "")
        if category
        else None,
        "neighbours": queries.nearby_open(lon, lat, category, NEARBY_METRES)[:MOST_NEARBY]
        if lon is not None and lat is not None
        else [],
        "sure": bool(category),
    }
    return render(request, "cases/resident/before.html", context)
