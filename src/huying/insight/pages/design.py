"""The design system on one page, ``/design/``: desk, phone, panes, morning page, command screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from huying.insight.pages import design_samples as samples

TEMPLATES = {
    "desk": "design/desk.html",
    "phone": "design/phone.html",
    "home": "design/home.html",
    "panes": "design/panes.html",
    "command": "design/command.html",
    "morning": "design/morning.html",
}
DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "grids": samples.grids,
    "alerts": samples.alerts,
    "line": samples.line_chart,
    "bar": samples.bar_chart,
}
TOKENS = (
    ("--hy-ink", "#1B2430", _("字")),
    ("--hy-brand", "#0B6E63", _("主色")),
    ("--hy-brand-tint", "#E5F1EF", _("主色浅")),
    ("--hy-ground", "#F5F7F9", _("底")),
    ("--hy-line", "#E3E8ED", _("线")),
    ("--hy-on-time", "#1A7F4B", _("按时")),
    ("--hy-soon", "#B26A00", _("将到期")),
    ("--hy-overdue", "#C62828", _("超期")),
    ("--hy-waiting", "#6B7783", _("等待")),
)


class SampleForm(forms.Form):
    """A form with every kind of field, shown once filled wrongly."""

    what = forms.CharField(
        label=_("发生了什么"),
        help_text=_("说清是什么事、多久了就行。不用写姓名和身份证号。"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    phone = forms.RegexField(
        r"^1\d{10}$",
        label=_("手机号"),
        help_text=_("只用来告诉您办理结果。"),
        error_messages={"invalid": _("手机号应是 11 位数字，请再看一下。")},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )
    kind = forms.ChoiceField(
        label=_("属于哪一类"),
        required=False,
        choices=[("", _("不清楚，请帮我选")), ("ROAD", _("道路设施")), ("AIR", _("空气和扬尘"))],
    )
    whose = forms.ChoiceField(
        label=_("替谁反映"),
        choices=[("SELF", _("我自己")), ("OTHER", _("替别人（家人、邻居、村民）"))],
        widget=forms.RadioSelect,
    )


@require_safe
def design_system(request: HttpRequest) -> HttpResponse:
    """The page itself, or (``?data=``) the made-up figures its maps and charts draw."""
    wanted = request.GET.get("data", "")
    if wanted in DATA:
        return JsonResponse(DATA[wanted]())
    show = request.GET.get("show", "desk")
    now = timezone.now()
    form = SampleForm(
        {"what": _("路口井盖破了，车一过就响。"), "phone": "1381234", "whose": "SELF"}
    )
    context = {
        "show": show if show in TEMPLATES else "desk",
        "tokens": TOKENS,
        "clocks": samples.clocks(now),
        "steps": samples.steps(now),
        "receipt": samples.receipt(now),
        "rows": samples.rows(now),
        "late_rows": [r for r in samples.rows(now) if r["clock"].state == "OVERDUE"],
        "form": form,
        "proof_document": samples.proof(),
    }
    return render(request, TEMPLATES.get(show, "design/desk.html"), context)
