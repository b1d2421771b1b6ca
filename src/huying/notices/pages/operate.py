"""/notices/…: what did not reach people, and how people are reached; for administrators."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from huying.directory.pages.access import requires
from huying.directory.permissions import DomainError, Permission
from huying.directory.queries import actor_of
from huying.notices import actions, queries
from huying.notices.pages.words import CHANNELS, reason

_PAGE = 50
_LARGEST = 2**63 - 1


@never_cache
@require_safe
@requires(Permission.NOTICE_ADMIN)
def dead_letters(request: HttpRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    known = before.isascii() and before.isdigit() and int(before) <= _LARGEST
    letters = queries.dead_letters(before=int(before) if known else None, limit=_PAGE + 1)
    waiting, oldest, dead = queries.outbox_health()
    return render(
        request,
        "notices/dead_letters.html",
        {
            "letters": [
                (letter, str(CHANNELS[letter.channel]), reason(letter.error_code))
                for letter in letters[:_PAGE]
            ],
            "unread_urgent": [] if known else queries.unread_urgent(),
            "waiting": waiting,
            "oldest_minutes": int(oldest // 60),
            "dead": dead,
            "page": {
                "previous_url": "/notices/dead-letters/" if known else "",
                "next_url": f"?before={letters[_PAGE - 1].id}" if len(letters) > _PAGE else "",
            },
        },
    )


@require_POST
@requires(Permission.NOTICE_ADMIN)
def resend(request: HttpRequest) -> HttpResponse:
    # A row's own button sends that row alone, whatever else is ticked.
    asked = request.POST.getlist("only") or request.POST.getlist("id")
    chosen = [int(text) for text in asked if text.isascii() and text.isdigit()]
    if not chosen:
        messages.warning(request, _("请先勾选要重发的通知。"))
        return HttpResponseRedirect("/notices/dead-letters/")
    try:
        count = actions.resend(
            delivery_ids=[pk for pk in chosen if pk <= _LARGEST], by=actor_of(request)
        )
    except actions.NotADeadLetter as error:
        messages.warning(request, _in_language(error))
    else:
        messages.success(request, _("%(count)d 条通知正在重发。") % {"count": count})
    return HttpResponseRedirect("/notices/dead-letters/")


class AddressForm(forms.Form):
    username = forms.CharField(
        label=gettext_lazy("收通知的工作人员"), max_length=60, widget=forms.Select
    )
    name = forms.CharField(
        label=gettext_lazy("名称"),
        max_length=80,
        help_text=gettext_lazy("本人看得到，例如“政务微信”"),
    )
    value = forms.CharField(
        label=gettext_lazy("渠道地址"),
        max_length=500,
        help_text=gettext_lazy(
            "Apprise 格式，例如 wecombot://机器人密钥、dingtalk://令牌、mailtos://…。加密保存，"
            "保存后不再显示。"
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        active = get_user_model().objects.filter(is_active=True).order_by("username")
        people: Any = self.fields["username"].widget
        people.choices = [
            ("", _("请选择")),
            *((one.username, f"{one.name} · {one.username}") for one in active),
        ]


@never_cache
@sensitive_post_parameters("value")
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.NOTICE_ADMIN)
def addresses(request: HttpRequest) -> HttpResponse:
    form = AddressForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and _add(request, form):
            messages.success(request, _("渠道地址已保存。"))
            return HttpResponseRedirect("/notices/addresses/")
    return render(
        request,
        "notices/addresses.html",
        {
            "form": form,
            "addresses": [(row, str(CHANNELS[row.channel])) for row in queries.addresses()],
        },
        status=status,
    )


def _add(request: HttpRequest, form: AddressForm) -> bool:
    username = form.cleaned_data["username"].lower()
    account = get_user_model().objects.filter(username=username, is_active=True).first()
    if account is None:
        form.add_error("username", _("没有这个用户名，请核对。"))
        return False
    try:
        actions.add_address(
            account_id=account.pk,
            channel="APPRISE",
            name=form.cleaned_data["name"],
            value=form.cleaned_data["value"],
            by=actor_of(request),
        )
    except actions.AddressRefused as error:
        form.add_error("value", _in_language(error))
        return False
    return True


@require_POST
@requires(Permission.NOTICE_ADMIN)
def remove_address(request: HttpRequest, address_id: int) -> HttpResponse:
    if actions.remove_address(address_id=address_id, by=actor_of(request)):
        messages.success(request, _("已停用，不会再往这里发通知。"))
    return HttpResponseRedirect("/notices/addresses/")


def _in_language(error: DomainError) -> str:
    return error.en if (get_language() or "").startswith("en") else error.zh
