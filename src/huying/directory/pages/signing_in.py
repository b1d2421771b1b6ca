"""Signing in and out."""

import time

from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from huying.directory import actions
from huying.directory.onward import next_page
from huying.directory.pages.access import requires
from huying.directory.pages.forms import CodeForm, SignInForm
from huying.directory.pages.session import open_session
from huying.directory.permissions import Actor, DomainError, Role
from huying.directory.queries import actor_of, demo_accounts, home_of
from huying.directory.throttle import allow_request

# A password was right and the code is awaited; long enough to look for the phone.
_PENDING = "pending_sign_in"
_PENDING_SECONDS = 300


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        if actor_of(request).account_id is not None:
            return HttpResponseRedirect(next_page(request, "/start/"))
        return _form(request, SignInForm())
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _form(request, form, status=422)
    try:
        allow_request(request, "sign_in", limit=30, seconds=300)
        accepted = actions.check_password_of(
            username=form.cleaned_data["username"],
            password=form.cleaned_data["password"],
            by=Actor.resident(),
        )
    except DomainError as error:
        form.add_error(None, in_language(error))
        return _form(request, form, status=error.status)
    target = next_page(request, "/start/")
    if accepted.needs_second_factor:
        request.session[_PENDING] = [accepted.account_id, int(time.time()), target]
        return HttpResponseRedirect("/sign-in/second-factor/")
    open_session(request, accepted.account_id)
    return HttpResponseRedirect(target)


def _form(request: HttpRequest, form: SignInForm, status: int = 200) -> HttpResponse:
    return render(
        request,
        "directory/sign_in.html",
        {
            "form": form,
            "next": next_page(request, ""),
            "demo_accounts": demo_accounts() if settings.DEMO else [],
        },
        status=status,
    )


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    account_id, at, target = request.session.get(_PENDING, (0, 0, ""))
    if not account_id or time.time() - at > _PENDING_SECONDS:
        request.session.pop(_PENDING, None)
        return HttpResponseRedirect(settings.LOGIN_URL)
    form = CodeForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.check_second_factor(
                    account_id=account_id, code=form.cleaned_data["code"], by=Actor.resident()
                )
            except actions.AccountLocked as error:
                del request.session[_PENDING]
                sign_in_form = SignInForm({"username": ""})
                sign_in_form.errors.clear()
                sign_in_form.add_error(None, in_language(error))
                return _form(request, sign_in_form, status=error.status)
            except DomainError as error:
                form.add_error("code", in_language(error))
                status = error.status
            else:
                del request.session[_PENDING]
                open_session(request, account_id)
                return HttpResponseRedirect(target)
    return render(request, "directory/second_factor.html", {"form": form}, status=status)


@never_cache
@require_POST
def demo_sign_in(request: HttpRequest, role: str) -> HttpResponse:
    """One click to a demonstration account; exists on demonstration sites only."""
    if not settings.DEMO:
        raise Http404
    cards = [card for card in demo_accounts() if card.role == role.upper()]
    asked = request.POST.get("account", "")
    chosen = next((card for card in cards if str(card.account_id) == asked), None)
    if chosen is None and cards:
        chosen = cards[0]
    if chosen is None or role.upper() not in Role.__members__:
        raise Http404
    actor = open_session(request, chosen.account_id)
    return HttpResponseRedirect(next_page(request, home_of(actor)))


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    if actor.account_id is not None:
        actions.note_sign_out(session_key=request.session.session_key or "", by=actor)
    logout(request)
    answer = HttpResponseRedirect("/sign-in/")
    # Not "storage": what a grid worker wrote without a signal and could not send yet lies there.
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@never_cache
@requires()
def start(request: HttpRequest) -> HttpResponse:
    """To where this person's work begins."""
    return HttpResponseRedirect(home_of(actor_of(request)))


def in_language(error: DomainError) -> str:
    return error.en if (get_language() or "").startswith("en") else error.zh
