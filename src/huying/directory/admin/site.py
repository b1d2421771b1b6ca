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
    return _plain_index(request, {**(extra_context or {}), "calendar_warnings": warnings})


# The site object is Django's; replacing its door keeps every room's registrations in place.
admin.site.login = _sign_in  # type: ignore[method-assign]  # see above
admin.site.logout = _sign_out  # type: ignore[assignment,method-assign]  # see above
admin.site.password_change = _sign_out  # type: ignore[method-assign,assignment]  # see above
admin.site.index = _index  # type: ignore[method-assign]  # see above
