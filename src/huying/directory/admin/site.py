"""The admin site as a whole: its door and its front page."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from huying.directory.onward import next_page
from huying.directory.permissions import NotAllowed, Permission
from huying.directory.queries import actor_of, calendar_gap

admin.site.site_title = gettext_lazy("呼应")
admin.site.site_header = gettext_lazy("基础数据")
admin.site.index_title = gettext_lazy("基础数据")
admin.site.enable_nav_sidebar = False

_plain_index = admin.site.index


# What each kind of master data is for, in the order in which a county fills it.
_NOTES = {
    "ResponsibilityRule": gettext_lazy("哪类事、在哪里，归哪个单位办"),
    "Division": gettext_lazy("县、乡镇街道、村社区，编码和边界"),
    "Grid": gettext_lazy("每个网格的编码、边界和所属村社区"),
    "Organisation": gettext_lazy("部门、乡镇、村委会的名称、电话和地址"),
    "Account": gettext_lazy("谁能登录；停用、重设密码"),
    "Post": gettext_lazy("谁在哪个单位、哪片辖区，担任什么角色"),
    "DutyShift": gettext_lazy("急事先通知谁：各单位每天的值班人"),
    "WorkingYear": gettext_lazy("每年的放假和调休，时限按它计算"),
    "ApiToken": gettext_lazy("给其他系统的接口令牌和权限范围"),
}


def _described(model: dict[str, Any]) -> dict[str, Any]:
    return {**model, "note": _NOTES.get(model["object_name"], "")}


def _sign_in(request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
    """There is one door: who is signed in already lacks the permission, the others sign in."""
    if actor_of(request).account_id is not None:
        raise NotAllowed(Permission.DIRECTORY_MANAGE)
    onward = urlencode({"next": next_page(request, "/admin/")})
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{onward}")


def _sign_out(request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
    return HttpResponseRedirect("/account/")


def _index(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
    """The front page, with what the calendar lacks."""
    warnings = []
    if actor_of(request).may(Permission.DIRECTORY_MANAGE):
        warnings = [
            _(
                "还没有 %(year)s 年的放假安排，跨年的到期日只能暂定。公布后请尽快导入，"
                "系统会自动重算。"
            )
            % {"year": gap.year}
            for gap in calendar_gap(timezone.localdate())
        ]
    answer = _plain_index(request, {**(extra_context or {}), "calendar_warnings": warnings})
    order = list(_NOTES)
    for app in (answer.context_data or {}).get("app_list", ()):
        app["models"] = sorted(
            map(_described, app["models"]),
            key=lambda model: (
                order.index(model["object_name"]) if model["note"] else len(order),
                model["name"],
            ),
        )
    return answer


# The site object is Django's; replacing its door keeps every room's registrations in place.
admin.site.login = _sign_in  # type: ignore[method-assign]  # see above
admin.site.logout = _sign_out  # type: ignore[assignment,method-assign]  # see above
admin.site.password_change = _sign_out  # type: ignore[method-assign,assignment]  # see above
admin.site.index = _index  # type: ignore[method-assign]  # see above
