"""One's own account: posts, password, second factor, sessions."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from huying.directory import actions
from huying.directory.onward import next_page
from huying.directory.pages.access import requires
from huying.directory.pages.forms import CodeForm, ConfirmForm, PasswordForm
from huying.directory.pages.session import OWES, open_session, prove, recently_proven
from huying.directory.pages.signing_in import in_language
from huying.directory.permissions import DomainError, Role
from huying.directory.queries import actor_of, home_of, own_account
from huying.ledger.queries import qr_svg

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def proven(view: View[P]) -> View[P]:
    """What changes how one signs in asks for the password once more, unless it was just given."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if recently_proven(request):
            return view(request, *args, **kwargs)
        # What was posted is not carried along: the button is there again afterwards.
        onward = request.path if request.method == "GET" else "/account/"
        return HttpResponseRedirect(f"{reverse('account_confirm')}?{urlencode({'next': onward})}")

    return cast(View[P], guarded)


@never_cache
@sensitive_post_parameters()
@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """确认是本人: the password once more, then on to what needed it."""
    actor = actor_of(request)
    form = ConfirmForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.confirm_password(password=form.cleaned_data["password"], by=actor)
            except DomainError as error:
                form.add_error("password", in_language(error))
                status = error.status
            else:
                before = request.session.session_key or ""
                prove(request)
                actions.renew_session(
                    before=before, after=request.session.session_key or "", by=actor
                )
                return HttpResponseRedirect(next_page(request, "/account/"))
    context = {"shell": _shell(request), "form": form, "next": next_page(request, "/account/")}
    return render(request, "directory/confirm.html", context, status=status)


def _shell(request: HttpRequest) -> str:
    """Grid workers hold a phone; the others sit at a desk."""
    roles = actor_of(request).roles
    phone = Role.GRID_WORKER in roles and len(roles) == 1
    return "directory/shell_phone.html" if phone else "directory/shell_desk.html"


@never_cache
@requires()
def account(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    return render(
        request,
        "directory/account.html",
        {
            "shell": _shell(request),
            "home": home_of(actor),
            "account": own_account(actor, request.session.session_key or ""),
        },
    )


@never_cache
@sensitive_post_parameters()
@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    form = PasswordForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.change_password(
                    old=form.cleaned_data["old"], new=form.cleaned_data["new"], by=actor
                )
            except DomainError as error:
                wrong = error.code == "OLD_PASSWORD_WRONG"
                form.add_error("old" if wrong else "new", in_language(error))
            else:
                open_session(request, actor.own_account())
                messages.success(request, _("密码已修改，其他设备上的登录已退出。"))
                return HttpResponseRedirect(_onward(request))
    return render(
        request,
        "directory/password.html",
        {"shell": _shell(request), "form": form, "owed": _owed(request, "PASSWORD")},
        status=status,
    )


@never_cache
@sensitive_post_parameters()
@requires()
@require_http_methods(["GET", "HEAD", "POST"])
@proven
def second_factor(request: HttpRequest) -> HttpResponse:
    """Set the second factor up: scan, then prove with the first code."""
    actor = actor_of(request)
    try:
        address = actions.offer_second_factor(by=actor)
    except actions.SecondFactorRefused as error:
        messages.warning(request, in_language(error))
        return HttpResponseRedirect("/account/")
    form = CodeForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.confirm_second_factor(code=form.cleaned_data["code"], by=actor)
            except DomainError as error:
                form.add_error("code", in_language(error))
            else:
                open_session(request, actor.own_account())
                messages.success(
                    request,
                    _("两步验证已启用，其他设备上的登录已退出。下次登录请准备好手机。"),
                )
                return HttpResponseRedirect(_onward(request))
    return render(
        request,
        "directory/second_factor_setup.html",
        {
            "shell": _shell(request),
            "form": form,
            "qr": qr_svg(address),
            "secret": _grouped(address.partition("secret=")[2].partition("&")[0]),
            "owed": _owed(request, "SECOND_FACTOR"),
        },
        status=status,
    )


def _grouped(secret: str) -> str:
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


def _owed(request: HttpRequest, duty: str) -> bool:
    return duty in request.session.get(OWES, [])


def _onward(request: HttpRequest) -> str:
    """Back to the account page, or on to work where this was asked for on the way in."""
    return "/start/" if request.POST.get("owed") else "/account/"


@require_POST
@requires()
@proven
def end_session(request: HttpRequest, sign_in_id: int) -> HttpResponse:
    actions.end_session(sign_in_id=sign_in_id, by=actor_of(request))
    messages.success(request, _("那台设备已退出登录。"))
    return HttpResponseRedirect("/account/")


@require_POST
@requires()
@proven
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actions.sign_out_everywhere(account_id=actor.own_account(), by=actor)
    logout(request)
    messages.success(request, _("所有设备都已退出登录。"))
    return HttpResponseRedirect("/sign-in/")
