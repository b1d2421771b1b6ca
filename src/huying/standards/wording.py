"""How Huying says times, numbers, distances and masked personal data.

Simplified Chinese is the source language. Each function that yields words takes ``_``, the
translation to apply (``gettext`` in pages); without it the Chinese is returned as written, so this
file needs no Django. Datetimes are aware; ``now`` and the county's time zone are passed in.
Source: GB/T 15835-2011 (Arabic numerals in Chinese text); masking as PIPL art. 51 asks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

# Said again here: pages look for all masks in one place.
from huying.standards.id_number import mask_id_number as mask_id_number

CHINA = ZoneInfo("Asia/Shanghai")
Translate = Callable[[str], str]

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_DAYS_FROM = timedelta(hours=48)
_WAN = 10_000
_YI = 100_000_000


def untranslated(text: str) -> str:
    """The text as written: Simplified Chinese."""
    return text


def span(length: timedelta, *, _: Translate = untranslated) -> str:
    """A length of time, rounded down, at least a minute: 12 分钟, 3 小时, 2 天 (from 48 hours)."""
    length = abs(length)
    if length < _HOUR:
        return _("%(n)s 分钟") % {"n": max(length // _MINUTE, 1)}
    if length < _DAYS_FROM:
        return _("%(n)s 小时") % {"n": length // _HOUR}
    return _("%(n)s 天") % {"n": length // _DAY}


def day(
    moment: datetime, *, now: datetime, zone: tzinfo = CHINA, _: Translate = untranslated
) -> str:
    """The date as people say it on the day of ``now``: 今天, 昨天, 后天, 11月25日, 2027年1月3日."""
    date = moment.astimezone(zone).date()
    today = now.astimezone(zone).date()
    near = {0: _("今天"), -1: _("昨天"), -2: _("前天"), 1: _("明天"), 2: _("后天")}
    distance = (date - today).days
    if distance in near:
        return near[distance]
    parts = {"y": date.year, "m": date.month, "d": date.day}
    if date.year == today.year:
        return _("%(m)s月%(d)s日") % parts
    return _("%(y)s年%(m)s月%(d)s日") % parts


def greeting(now: datetime, *, zone: tzinfo = CHINA, _: Translate = untranslated) -> str:
    """How one greets at this hour."""
    hour = now.astimezone(zone).hour
    if hour < 5 or hour >= 18:
        return _("晚上好")
    if hour < 11:
        return _("早上好")
    return _("中午好") if hour < 13 else _("下午好")


def when(
    moment: datetime, *, now: datetime, zone: tzinfo = CHINA, _: Translate = untranslated
) -> str:
    """A point in time: 今天 09:12, 11月20日 08:00."""
    local = moment.astimezone(zone)
    return _("%(day)s %(time)s") % {
        "day": day(moment, now=now, zone=zone, _=_),
        "time": f"{local:%H:%M}",
    }


def when_ends(
    moment: datetime, *, now: datetime, zone: tzinfo = CHINA, _: Translate = untranslated
) -> str:
    """The end of a half-open period: midnight is said as 24:00 of the day that ends."""
    local = moment.astimezone(zone)
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        return when(moment, now=now, zone=zone, _=_)
    last = moment - timedelta(seconds=1)
    return _("%(day)s %(time)s") % {"day": day(last, now=now, zone=zone, _=_), "time": "24:00"}


def remaining_short(due_at: datetime, *, now: datetime, _: Translate = untranslated) -> str:
    """How long is left, or how far past: 还剩 3 小时, 超期 2 天."""
    if now < due_at:
        return _("还剩 %(span)s") % {"span": span(due_at - now, _=_)}
    return _("超期 %(span)s") % {"span": span(now - due_at, _=_)}


def remaining(
    due_at: datetime,
    *,
    now: datetime,
    provisional: bool = False,
    zone: tzinfo = CHINA,
    _: Translate = untranslated,
) -> str:
    """Relative and absolute: 还剩 3 小时（今天 17:30 前）; a provisional due date says so."""
    words = {
        "left": remaining_short(due_at, now=now, _=_),
        "end": when_ends(due_at, now=now, zone=zone, _=_),
    }
    if now >= due_at:
        return _("%(left)s（应在%(end)s 前）") % words
    if provisional:
        return _("%(left)s（%(end)s 前，暂定）") % words
    return _("%(left)s（%(end)s 前）") % words


def ago(moment: datetime, *, now: datetime, _: Translate = untranslated) -> str:
    """Age of something past: 刚刚, 5 分钟前, 3 小时前, 2 天前."""
    age = now - moment
    if age < _MINUTE:
        return _("刚刚")
    return _("%(span)s前") % {"span": span(age, _=_)}


def age(moment: datetime, *, now: datetime, _: Translate = untranslated) -> str:
    """Age for a narrow column: 5 分钟, 3 小时, 2 天."""
    return span(now - moment, _=_)


def grouped(number: float, *, decimals: int | None = None) -> str:
    """Thousands separated: 12,345; zeros at the end are dropped unless ``decimals`` is given."""
    if decimals is not None:
        return f"{number:,.{decimals}f}"
    if float(number).is_integer():
        return f"{int(number):,}"
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def wan(number: float, *, _: Translate = untranslated) -> str:
    """From ten thousand on in 万, from a hundred million on in 亿, one decimal: 1.2 万, 3 亿."""
    size = abs(number)
    if size < _WAN:
        return grouped(number)
    # 99,999,500 and above would round to 10,000 万: say 亿.
    if size < _YI - _WAN / 20:
        return _("%(n)s 万") % {"n": _one_decimal(number / _WAN)}
    return _("%(n)s 亿") % {"n": _one_decimal(number / _YI)}


def _one_decimal(number: float) -> str:
    return f"{number:,.1f}".removesuffix(".0")


def percent(share: float, *, decimals: int = 1) -> str:
    """A share of one as per cent: 0.963 → 96.3%."""
    return f"{share * 100:.{decimals}f}".removesuffix(".0") + "%"


def distance(metres: float, *, _: Translate = untranslated) -> str:
    """Metres to ten, kilometres to one decimal: 350 米, 1.2 公里."""
    # 995 m would round to 1,000 m: say kilometres.
    if metres < 995:
        near = max(round(metres / 10) * 10, 10)
        return _("%(n)s 米") % {"n": near}
    return _("%(n)s 公里") % {"n": _one_decimal(metres / 1000)}


def mask_name(name: str) -> str:
    """A name with all but the surname hidden: 王小明 → 王**, 欧阳娜 → 欧**."""
    return name[:1] + "*" * (len(name) - 1) if name else ""


def mask_phone(phone: str) -> str:
    """A telephone number, its middle hidden: 138****5678; a short one shows its last two only."""
    if len(phone) < 8:
        return "*" * max(len(phone) - 2, 0) + phone[-2:]
    return f"{phone[:3]}{'*' * (len(phone) - 7)}{phone[-4:]}"
