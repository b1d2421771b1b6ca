"""/sensing/rules/: when an alert opens, how often it was right, and every former wording."""

import re
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from huying.directory.pages.access import requires
from huying.directory.permissions import DomainError, NotAllowed, Permission
from huying.directory.queries import actor_of
from huying.sensing import actions, queries
from huying.sensing.models import AlertRule, AlertRuleVersion
from huying.sensing.models.devices import Medium
from huying.sensing.pages.forms import RuleForm

_LABELS: Final = {
    "name": gettext_lazy("名称"),
    "threshold": gettext_lazy("预警值"),
    "clear_threshold": gettext_lazy("解除值"),
    "for_seconds": gettext_lazy("持续（秒）"),
    "window_seconds": gettext_lazy("比较时长（秒）"),
    "severity": gettext_lazy("级别"),
    "enabled": gettext_lazy("启用"),
    "source": gettext_lazy("依据"),
    "test": gettext_lazy("判断方式"),
    "property_code": gettext_lazy("监测项目"),
    "period": gettext_lazy("数据"),
    "comparison": gettext_lazy("比较"),
    "medium": gettext_lazy("适用类别"),
    "device_mns": gettext_lazy("仅适用设备"),
}


@require_safe
@requires(Permission.SENSING_VIEW)
def index(request: HttpRequest) -> HttpResponse:
    media = dict(Medium.choices)
    rows = [
        {"row": row, "medium": media.get(row.rule.medium, ""), "devices": row.rule.devices.count()}
        for row in queries.rule_rows()
    ]
    context = {"rows": rows, "may_manage": actor_of(request).may(Permission.SENSING_MANAGE)}
    return render(request, "sensing/rules.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.SENSING_VIEW)
def edit(request: HttpRequest, code: str = "") -> HttpResponse:
    """A rule and its history; the form only for those who may change it."""
    actor = actor_of(request)
    may_manage = actor.may(Permission.SENSING_MANAGE)
    rule = AlertRule.objects.filter(code=code).first() if code else None
    if code and rule is None:
        raise Http404
    if rule is None and not may_manage:
        raise NotAllowed(Permission.SENSING_MANAGE)
    initial = RuleForm.initial_of(rule) if rule else {}
    form = RuleForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.save_rule(
                code=code or _new_code(),
                wording=form.wording(),
                by=actor,
                note=form.cleaned_data["note"],
                version=form.cleaned_data["version"],
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("规则已保存，从下一批数据起生效"))
            return redirect("sensing_rules")
    context = {
        "rule": rule,
        "row": next((row for row in queries.rule_rows() if rule and row.rule.id == rule.id), None),
        "form": form,
        "history": _history(queries.rule_versions(code)) if rule else [],
        "may_manage": may_manage,
    }
    return render(request, "sensing/rule.html", context, status=422 if form.errors else 200)


def _new_code() -> str:
    """The next free code of the county's own: local_1, local_2 …"""
    codes = AlertRule.objects.filter(code__startswith="local_").values_list("code", flat=True)
    numbers = [int(found[1]) for code in codes if (found := re.fullmatch(r"local_(\d+)", code))]
    return f"local_{max(numbers, default=0) + 1}"


def _history(versions: Any) -> list[dict[str, Any]]:
    """Each wording with what it changed against the one before."""
    found = []
    rows: list[AlertRuleVersion] = list(versions)
    for place, row in enumerate(rows):
        before = rows[place + 1].body if place + 1 < len(rows) else {}
        changes = [
            f"{_LABELS[name]} {_shown(before.get(name))} → {_shown(value)}"
            for name, value in row.body.items()
            if name in _LABELS and before and before.get(name) != value
        ]
        found.append({"row": row, "changes": changes, "who": _who(row.changed_by)})
    return found


def _shown(value: Any) -> str:
    if value is None or value in ("", []):
        return _("（空）")
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, list):
        return _("、").join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _who(ref: str) -> str:
    kind, _colon, number = ref.partition(":")
    return _("工作人员（编号 %s）") % number if kind == "staff" else _("系统")
