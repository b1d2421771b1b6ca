"""Following a report by its receipt: progress, answer, rating, more to say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from huying.cases import actions, queries
from huying.cases.pages.desk_forms import RevealForm
from huying.cases.pages.report_forms import (
    FollowUpForm,
    RatingForm,
    SupplementForm,
    WithdrawForm,
)
from huying.cases.pages.resident import in_language, onward, photos_lost
from huying.cases.queries import ProgressView
from huying.cases.queries.results import AttachmentView
from huying.directory.permissions import Actor, DomainError
from huying.directory.throttle import allow_request
from huying.ledger import queries as ledger

SOON: Final = timedelta(days=1)
_CODE_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph as the page shows it."""

    url: str
    thumbnail_url: str
    alt: str


@never_cache
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """我的进度: by receipt number, or from what this telephone remembers."""
    asked = request.GET.get("receipt", "").strip()
    if not asked:
        return render(request, "cases/resident/find.html")
    code = "".join(letter for letter in asked if letter.isalnum())
    if len(code) == _CODE_LENGTH and code.isascii():
        return HttpResponseRedirect(reverse("receipt", args=[code.upper()]))
    problem = _("回执号是 12 位字母和数字，您填了 %(count)s 位。请对照回执再看一下。") % {
        "count": len(code)
    }
    return _not_found(request, asked, problem, status=422)


def _not_found(request: HttpRequest, asked: str, problem: str, status: int = 404) -> HttpResponse:
    context = {"asked": asked[:40], "problem": problem}
    return render(request, "cases/resident/find.html", context, status=status)


@never_cache
@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """The receipt and all that has happened since."""
    return _page(request, code)


def _page(request: HttpRequest, code: str, status: int = 200, **bound: forms.Form) -> HttpResponse:
    allow_request(request, "progress", limit=120, seconds=60)
    try:
        view = queries.progress(code)
    except actions.ReportNotFound:
        problem = _("没有找到这个回执号。请核对一遍，注意数字 0 和 1；也可以打电话请我们查。")
        return _not_found(request, code, problem)
    new = request.GET.get("new", "")
    context = {
        "view": view,
        "receipt": _card(view),
        "clock": _clock(view, timezone.now()),
        "steps": _timeline(view),
        "photos": photos_of(view.attachments, view.receipt),
        "address": _address(view),
        "looks": [
            (look, "、".join(str(RevealForm.NAMES.get(one, one)) for one in look.fields))
            for look in view.looks
        ],
        "new": bool(new),
        "secret": new == "secret",
        "rating_form": bound.get("rating_form") or RatingForm(),
        "follow_up_form": bound.get("follow_up_form") or FollowUpForm(),
        "supplement_form": bound.get("supplement_form") or SupplementForm(),
        "photos_lost": photos_lost(request, status),
        "rated_badly": view.rating in {"DISSATISFIED", "VERY_DISSATISFIED"},
    }
    return render(request, "cases/resident/receipt.html", context, status=status)


def _address(view: ProgressView) -> str:
    return f"{settings.PUBLIC_URL}{reverse('receipt', args=[view.receipt])}"


def _card(view: ProgressView) -> dict[str, Any]:
    """The receipt card: components/receipt_card.html."""
    sealed = False
    if view.record_id:
        record = ledger.records_by_id([view.record_id]).get(view.record_id)
        sealed = record is not None and record.position is not None
    return {
        "number": view.receipt_display,
        "title": view.title,
        "place": view.place_text,
        "at": view.submitted_at,
        "unit": view.unit_name,
        # What was drawn is ours: a code of an address, nothing a person typed.
        "qr_svg": mark_safe(ledger.qr_svg(_address(view))),  # noqa: S308 - as said above
        "verify_url": reverse("ledger-verify", args=[view.record_id]) if view.record_id else "",
        "sealed": sealed,
    }


def _clock(view: ProgressView, now: datetime) -> dict[str, Any] | None:
    """The promise to answer: components of clock_chip, and how it was counted."""
    if view.due_at is None:
        return None
    if view.replied_at is not None or view.closed:
        state = "STOPPED"
    elif now >= view.due_at:
        state = "OVERDUE"
    else:
        state = "SOON" if view.due_at - now <= SOON else "ON_TIME"
    return {
        "state": state,
        "due_at": view.due_at,
        "provisional": view.provisional,
        "late": view.replied_at is not None and view.replied_at > view.due_at,
    }


def _timeline(view: ProgressView) -> list[dict[str, Any]]:
    """Newest first, what comes next above: components/timeline.html."""
    steps: list[dict[str, Any]] = []
    following = view.next_text
    if view.state == "CALLBACK":
        following = _("下一步：打电话回访您，没办好的重新办")
    if following and not view.closed:
        steps.append({"state": "NEXT", "title": following})
    for position, entry in enumerate(view.entries):
        steps.append(
            {
                "state": "NOW" if position == 0 else "DONE",
                "title": _shortened(entry.text, view.reply),
                "by": entry.who,
                "at": entry.at,
                "photos": photos_of(entry.attachments, view.receipt),
            }
        )
    return steps


def _shortened(text: str, reply: str) -> str:
    """A line of what happened without the whole answer, which stands above in full."""
    said = " ".join(reply.split())
    before, found, after = " ".join(text.split()).partition(said) if said else (text, "", "")
    if not found:
        return text
    return (before.rstrip("：: ") + after).strip() or text


def photos_of(attachments: tuple[AttachmentView, ...], receipt: str) -> list[Photo]:
    found = []
    for number, one in enumerate(attachments, 1):
        url = reverse("receipt_file", args=[receipt, one.id])
        alt = _("%(kind)s %(number)s") % {"kind": one.kind_label, "number": number}
        found.append(Photo(url, f"{url}?small=1", alt))
    return found


@require_safe
def attachment(request: HttpRequest, code: str, attachment_id: int) -> HttpResponse:
    """A photograph of this report, for who holds its receipt."""
    return file_answer(
        *queries.attachment_file(
            attachment_id, receipt=code, thumbnail=bool(request.GET.get("small"))
        )
    )


def file_answer(path: Path, mime: str) -> HttpResponse:
    """A stored photograph or scan."""
    return HttpResponse(
        path.read_bytes(), content_type=mime, headers=queries.file_headers(path, mime)
    )


@require_POST
def rate(request: HttpRequest, code: str) -> HttpResponse:
    form = RatingForm(request.POST)
    if form.is_valid():
        try:
            allow_request(request, "rating", limit=30, seconds=60)
            actions.rate(
                receipt=code,
                rating=form.cleaned_data["level"],
                comment=form.cleaned_data["comment"],
                by=Actor.resident(),
            )
        except actions.AlreadyRated as error:
            messages.warning(request, in_language(error))
            return onward(request, _here(code, "rating"))
        except DomainError as error:
            form.add_error(None, in_language(error))
            return _page(request, code, status=error.status, rating_form=form)
        messages.success(request, _("谢谢您的评价。"))
        return onward(request, _here(code, "rating"))
    return _page(request, code, status=422, rating_form=form)


@require_POST
def follow_up(request: HttpRequest, code: str) -> HttpResponse:
    form = FollowUpForm(request.POST)
    if form.is_valid():
        try:
            allow_request(request, "rating", limit=30, seconds=60)
            actions.follow_up(
                receipt=code, comment=form.cleaned_data["comment"], by=Actor.resident()
            )
        except DomainError as error:
            form.add_error("comment", in_language(error))
            return _page(request, code, status=error.status, follow_up_form=form)
        messages.success(request, _("追评已收到。"))
        return onward(request, _here(code, "rating"))
    return _page(request, code, status=422, follow_up_form=form)


@require_POST
def supplement(request: HttpRequest, code: str) -> HttpResponse:
    form = SupplementForm(request.POST, request.FILES)
    if form.is_valid():
        data = form.cleaned_data
        try:
            allow_request(request, "supplement", limit=20, seconds=60)
            actions.supplement(
                receipt=code,
                text=data["text"] or _("补充照片"),
                photos=data["photos"],
                by=Actor.resident(),
            )
        except DomainError as error:
            field = "photos" if isinstance(error, actions.BadUpload) else None
            form.add_error(field, in_language(error))
            return _page(request, code, status=error.status, supplement_form=form)
        messages.success(request, _("补充的情况已转给办理单位。"))
        return onward(request, _here(code, "progress"))
    return _page(request, code, status=422, supplement_form=form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, code: str) -> HttpResponse:
    """撤回: what it means, why, and then it is done; not any more once it was answered."""
    allow_request(request, "progress", limit=120, seconds=60)
    view = queries.progress(code)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.withdraw(receipt=code, reason=form.reason(), by=Actor.resident())
            except DomainError as error:
                form.add_error(None, in_language(error))
                status = error.status
            else:
                messages.success(request, _("已撤回。办理单位会知道。"))
                return HttpResponseRedirect(reverse("receipt", args=[view.receipt]))
    context = {"view": view, "form": form}
    return render(request, "cases/resident/withdraw.html", context, status=status)


def _here(code: str, part: str) -> str:
    return f"{reverse('receipt', args=[code])}#{part}"
