"""What every page knows about the site. Each costly value is a function: asked only if shown."""

from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from huying.directory import queries as directory
from huying.directory.permissions import Permission
from huying.notices import queries as notices


class Place(NamedTuple):
    label: str | Promise
    url: str
    needs: Permission


PLACES = (
    Place(_("工作台"), "/desk/", Permission.CASE_VIEW_OWN_UNIT),
    Place(_("工作台"), "/desk/", Permission.CASE_VIEW_ALL),
    Place(_("任务"), "/work/", Permission.CASE_VIEW_OWN_GRID),
    Place(_("晨报"), "/leader/", Permission.INDICATOR_VIEW),
    Place(_("指挥屏"), "/command/", Permission.INDICATOR_VIEW),
    Place(_("监测"), "/sensing/", Permission.SENSING_VIEW),
    Place(_("审计"), "/audit/", Permission.LEDGER_AUDIT),
    Place(_("待核数据"), "/sensing/quarantine/", Permission.QUARANTINE_REPLAY),
    Place(_("运行状况"), "/health/", Permission.HEALTH_VIEW),
    Place(_("基础数据"), "/admin/", Permission.DIRECTORY_MANAGE),
    Place(_("账号"), "/admin/", Permission.ACCOUNT_MANAGE),
)


def _navigation(request: HttpRequest) -> list[dict[str, Any]]:
    actor = directory.actor_of(request)
    items: dict[str, dict[str, Any]] = {}
    for place in PLACES:
        if actor.may(place.needs):
            items.setdefault(place.url, {"label": place.label, "url": place.url})
    current = max((url for url in items if request.path.startswith(url)), key=len, default=None)
    if current:
        items[current]["current"] = True
    return list(items.values())


def _unread(request: HttpRequest) -> int:
    return notices.unread_count(request.user.pk) if request.user.is_authenticated else 0


class CountyProfile(NamedTuple):
    """Shown on every page: whose site it is, and how to reach a person without it."""

    name: str
    help_phone: str
    counter_address: str
    counter_hours: str


def _profile() -> CountyProfile:
    county = directory.county()
    centre = next(iter(directory.organisations(kind="CENTRE")), None)
    return CountyProfile(
        county.name if county else "",
        centre.phone if centre else "",
        centre.address if centre else "",
        centre.opening_hours if centre else "",
    )


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "demo": settings.DEMO,
        "public_url": settings.PUBLIC_URL,
        "stream_url": settings.STREAM_URL,
        "county_name": SimpleLazyObject(lambda: _profile().name),
        "help_phone": SimpleLazyObject(lambda: _profile().help_phone),
        "counter_address": SimpleLazyObject(lambda: _profile().counter_address),
        "counter_hours": SimpleLazyObject(lambda: _profile().counter_hours),
        "nav_items": SimpleLazyObject(lambda: _navigation(request)),
        "inbox_unread": SimpleLazyObject(lambda: _unread(request)),
        "may_erase": SimpleLazyObject(
            lambda: directory.actor_of(request).may(Permission.PERSON_ERASE)
        ),
        "user_role_label": SimpleLazyObject(lambda: directory.actor_of(request).role_label),
        "vapid_public_key": SimpleLazyObject(notices.vapid_public_key),
    }
