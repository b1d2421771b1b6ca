"""/inbox/preferences/: through which channels, and when not."""

from dataclasses import dataclass
from datetime import time

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.queries import actor_of
from huying.notices import actions, queries
from huying.notices.pages.shells import shell
from huying.notices.pages.words import CHANNELS, TOPICS

_USUAL = "USUAL"
_COMBINATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("INBOX", ()),
    ("WEB_PUSH", ("WEB_PUSH",)),
    ("APPRISE", ("APPRISE",)),
    ("WEB_PUSH.APPRISE", ("WEB_PUSH", "APPRISE")),
)


@dataclass(frozen=True, slots=True)
class _Option:
    value: str
    label: str
    checked: bool


@dataclass(frozen=True, slots=True)
class _Topic:
    code: str
    label: str
    hint: str
    options: list[_Option]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires()
def preferences(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    problem, status = "", 200
    if request.method == "POST":
        try:
            actions.set_preferences(
                channels=_channels(request), quiet_hours=_quiet_hours(request), by=actor
            )
        except DomainError as error:
            problem = error.en if (get_language() or "").startswith("en") else error.zh
            status = error.status
        else:
            messages.success(request, _("通知方式已保存。"))
            return HttpResponseRedirect("/inbox/preferences/")
    choices = queries.choices(actor.own_account())
    quiet = choices.quiet_hours or choices.offered_quiet_hours
    return render(
        request,
        "notices/preferences.html",
        {
            **shell(request),
            "home": "/inbox/",
            "top_title": _("通知方式"),
            "topics": [_topic(code, choices, actor) for code in TOPICS],
            "problem": problem,
            "is_quiet": choices.quiet_hours is not None,
            "quiet_from": quiet[0].strftime("%H:%M"),
            "quiet_to": quiet[1].strftime("%H:%M"),
            "addresses": [(row, str(CHANNELS[row.channel])) for row in choices.addresses],
            "can_push": "WEB_PUSH" in choices.reachable,
            "can_message": "APPRISE" in choices.reachable,
        },
        status=status,
    )


def _combinations(actor: Actor) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The demo channel, made to fail, is for who mends channels."""
    if settings.DEMO and actor.may(Permission.NOTICE_ADMIN):
        return (*_COMBINATIONS, ("DEMO", ("DEMO",)))
    return _COMBINATIONS


def _topic(code: str, choices: queries.Choices, actor: Actor) -> _Topic:
    label, hint = TOPICS[code]
    chosen = frozenset(choices.channels[code]) if code in choices.chosen else None
    options = [_Option(_USUAL, _("默认（紧急时推送）"), chosen is None)]
    labels = {
        "INBOX": _("只看站内消息"),
        "WEB_PUSH": _("手机推送"),
        "APPRISE": _("政务微信、短信等"),
        "WEB_PUSH.APPRISE": _("两种都要"),
        "DEMO": _("演示渠道（会失败）"),
    }
    options += [
        _Option(value, labels[value], chosen == frozenset(channels))
        for value, channels in _combinations(actor)
    ]
    return _Topic(code, str(label), str(hint), options)


def _channels(request: HttpRequest) -> dict[str, tuple[str, ...]]:
    """What was chosen; a topic left at the county's setting is left out."""
    known = dict(_combinations(actor_of(request)))
    chosen = {topic: request.POST.get(f"topic-{topic}", _USUAL) for topic in TOPICS}
    if not set(chosen.values()) <= {*known, _USUAL}:
        raise actions.AddressRefused("没有这种通知方式，请重新选择。", "There is no such channel.")
    return {topic: known[value] for topic, value in chosen.items() if value != _USUAL}


def _quiet_hours(request: HttpRequest) -> tuple[time, time] | None:
    if request.POST.get("quiet") != "1":
        return None
    try:
        return (
            time.fromisoformat(request.POST.get("quiet_from", "")),
            time.fromisoformat(request.POST.get("quiet_to", "")),
        )
    except ValueError:
        raise actions.AddressRefused(
            "免打扰时间请按“22:00”这样填写。", "Write quiet hours like 22:00."
        ) from None


@require_POST
@requires()
def remove_address(request: HttpRequest, address_id: int) -> HttpResponse:
    if actions.remove_address(address_id=address_id, by=actor_of(request)):
        messages.success(request, _("已关闭，这里不会再收到提醒。"))
    return HttpResponseRedirect("/inbox/preferences/")
