"""Times and sentences in plain words, for what is told to people and kept."""

import string
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import get_language

from huying.cases.rules.clocks import last_date
from huying.standards.deadlines import SHANGHAI, Limit

TITLE_LENGTH: Final = 30
"""Characters of a text that name it in lists."""


def english() -> bool:
    """Whether the reader's language is English."""
    return (get_language() or "zh").startswith("en")


def until(
    due_at: datetime | None, now: datetime, *, provisional: bool = False, relative: bool = False
) -> str:
    """ "11月27日前", "11月23日17:30前"; the year where it is another one. "" without a due time.

    `relative` says today and tomorrow, for what is read at once; what is kept says the date.
    """
    if due_at is None:
        return ""
    day = last_date(due_at)
    whole_day = day != due_at.astimezone(SHANGHAI)
    today = now.astimezone(SHANGHAI).date()
    hour = "" if whole_day else f"{day:%H:%M}"
    if english():
        date = f"{day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")
        words = f"by {hour} on {date}" if hour else f"by {date}"
        return words + (" (provisional)" if provisional else "")
    near = {today: "今天", today + timedelta(days=1): "明天"}
    date = f"{day.month}月{day.day}日"
    if day.year != today.year:
        date = f"{day.year}年{date}"
    before = "前"
    if relative and day.date() in near:
        date, before = near[day.date()], "前" if hour else "内"
    return f"{date}{hour}{before}" + ("（暂定）" if provisional else "")


def stamp(moment: datetime) -> str:
    """A local time as people write it: 11月22日 16:05."""
    local = moment.astimezone(SHANGHAI)
    if english():
        return f"{local.day} {local:%B %Y, %H:%M}"
    return f"{local.year}年{local.month}月{local.day}日{local:%H:%M}"


def limit_words(text: str) -> str:
    """A stored limit as a statute would put it: 5个工作日."""
    limit = Limit.parse(text)
    return str(limit) if english() else limit.zh


def braces(text: str) -> frozenset[str]:
    """The names in a sentence's braces. `ValueError` where they do not match."""
    return frozenset(field for _t, field, _s, _c in string.Formatter().parse(text) if field)


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def fill(words: str, values: Mapping[str, str]) -> str:
    """A sentence of a procedure file with its braces filled; unknown ones stay empty.

    Only the file is a template: values are put in as they are and never looked into.
    """
    return string.Formatter().vformat(words, (), _Known(values)).strip(" 　；;，,")


def glance(title: str, outside: Mapping[str, str]) -> tuple[str, str]:
    """What leaves the platform of a notice: its title, and where, how soon, whose, which number.

    `title` is the file's sentence. One that needs more than `outside` gives, such as an act's
    reason or the unit of what has none yet, is passed over for the name of the procedure and of
    the matter.
    """
    if not all(outside.get(name) for name in braces(title)):
        title = "{procedure}：{title}"
    body = (outside[name] for name in ("place", "owed", "unit", "number"))
    return fill(title, outside), " · ".join(filter(None, body))


def title_of(text: str) -> str:
    """The beginning of what was said, up to the end of a sentence; "" for no words."""
    line = text.replace("\r", "\n").split("\n", 1)[0].strip()
    for mark in "。！？；!?":
        line = line.split(mark, 1)[0]
    if len(line) > TITLE_LENGTH:
        line = line[:TITLE_LENGTH].rstrip("，,、 ") + "…"
    return line
