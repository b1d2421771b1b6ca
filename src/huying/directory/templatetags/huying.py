"""Template tags and filters of both faces: times, numbers, masks, icons. ``{% load huying %}``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from huying.standards import wording

register = template.Library()

_LARGE_STEPS = ("1", "2", "3")


class RatingLevel(NamedTuple):
    """One of the five levels of 好差评 (国办发〔2019〕51号): stored value, word, icon."""

    value: int
    label: str
    icon: str


@register.filter
def moment(at: datetime | None) -> str:
    """今天 09:12; empty for nothing."""
    return wording.when(at, now=timezone.now(), zone=_zone(), _=_) if at else ""


@register.filter
def moment_end(at: datetime | None) -> str:
    """The end of a period: 今天 24:00."""
    return wording.when_ends(at, now=timezone.now(), zone=_zone(), _=_) if at else ""


@register.filter
def ago(at: datetime | None) -> str:
    """3 分钟前."""
    return wording.ago(at, now=timezone.now(), _=_) if at else ""


@register.filter
def age(at: datetime | None) -> str:
    """3 小时, for a narrow column."""
    return wording.age(at, now=timezone.now(), _=_) if at else ""


@register.filter
def remaining(due_at: datetime | None) -> str:
    """还剩 3 小时（今天 17:30 前）."""
    return wording.remaining(due_at, now=timezone.now(), zone=_zone(), _=_) if due_at else ""


@register.filter
def remaining_short(due_at: datetime | None) -> str:
    """还剩 3 小时, 超期 2 天: for a narrow column."""
    return wording.remaining_short(due_at, now=timezone.now(), _=_) if due_at else ""


@register.filter
def count(number: float | None) -> str:
    """12,345; empty for nothing, words pass unchanged."""
    if number is None:
        return ""
    return wording.grouped(number) if isinstance(number, int | float) else str(number)


@register.filter
def wan(number: float | None) -> str:
    """1.2 万."""
    return wording.wan(number, _=_) if number is not None else ""


@register.filter
def percent(share: float | None) -> str:
    """0.963 → 96.3%."""
    return wording.percent(share) if share is not None else ""


@register.filter
def distance(metres: float | None) -> str:
    """350 米, 1.2 公里."""
    return wording.distance(metres, _=_) if metres is not None else ""


@register.filter
def mask_name(name: str) -> str:
    """王**."""
    return wording.mask_name(name)


@register.filter
def mask_phone(phone: str) -> str:
    """138****5678."""
    return wording.mask_phone(phone)


@register.filter
def mask_id_number(number: str) -> str:
    """110101********1234."""
    return wording.mask_id_number(number)


@register.filter
def times(number: int) -> range:
    """A range to loop over that many times."""
    return range(int(number))


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite, hidden from screen readers unless ``label`` names it."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="hy-icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href
        )
    return format_html(
        '<svg class="hy-icon" aria-hidden="true" focusable="false"><use href="{}"/></svg>', href
    )


@register.simple_tag
def mark() -> SafeString:
    """The mark of Huying: two arcs answering each other."""
    return format_html(
        '<svg class="hy-mark" aria-hidden="true" focusable="false"><use href="{}#mark"/></svg>',
        static("icons.svg"),
    )


@register.simple_tag
def sprite(state: str) -> str:
    """Address of the shape of a clock's state in the sprite."""
    return f"{static('icons.svg')}#clock-{state}"


@register.simple_tag
def clock_words(clock: Any, short: bool = False) -> str:
    """What a clock chip says; ``clock`` has state, due_at, provisional (attributes or keys)."""
    state, due_at = _part(clock, "state"), _part(clock, "due_at")
    if state == "WAITING":
        return _("已中止计时")
    if state == "STOPPED":
        return _("已完成")
    if due_at is None:
        return _("未定时限")
    now = timezone.now()
    if short:
        return wording.remaining_short(due_at, now=now, _=_)
    provisional = bool(_part(clock, "provisional"))
    return wording.remaining(due_at, now=now, provisional=provisional, zone=_zone(), _=_)


@register.simple_tag
def clock_absolute(clock: Any) -> str:
    """When a clock ends, in full; empty without a due date."""
    due_at = _part(clock, "due_at")
    return moment_end(due_at) if due_at else ""


@register.simple_tag
def rating_levels() -> list[RatingLevel]:
    """The five levels, best first."""
    return [
        RatingLevel(5, _("非常满意"), "mood-happy"),
        RatingLevel(4, _("满意"), "mood-smile"),
        RatingLevel(3, _("基本满意"), "mood-empty"),
        RatingLevel(2, _("不满意"), "mood-sad"),
        RatingLevel(1, _("非常不满意"), "mood-angry"),
    ]


@register.simple_tag(takes_context=True)
def large_type_class(context: template.Context) -> SafeString:
    """Class of <html> in large-type mode, from the cookie ``large_type`` (1, 2 or 3)."""
    return mark_safe(" hy-large") if _large_step(context) else mark_safe("")


@register.simple_tag(takes_context=True)
def large_type_attribute(context: template.Context) -> SafeString:
    """The chosen step of large type as an attribute of <html>."""
    step = _large_step(context)
    return format_html(' data-large="{}"', step) if step else mark_safe("")


def _large_step(context: template.Context) -> str:
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        return ""
    # Over TLS the name carries the prefix: web/src/lib/large_type.ts.
    value = request.COOKIES.get("__Host-large_type") or request.COOKIES.get("large_type", "")
    return value if value in _LARGE_STEPS else ""


def _zone() -> Any:
    return timezone.get_current_timezone()


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
