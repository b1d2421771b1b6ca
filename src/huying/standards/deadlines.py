"""Deadlines: 《民法典》 articles 200–203.

The first day is not counted (201); the last day ends at 24:00, or when the office closes
(203.2); a last day that is a day off moves to the first day after it that is not (203.1).
Periods in hours run from the moment they start (201.2). Calendar days and working days
are never converted into each other. A due date that depends on a year whose calendar is
not known is computed from weekdays alone and marked provisional (暂定).
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from huying.standards.errors import InvalidInput
from huying.standards.working_days import ONE_DAY, WorkingCalendar

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
LARGEST_AMOUNT: Final = 100_000
"""No lawful limit is near this; it keeps a slip of the pen from walking for ages."""


class LimitUnit(StrEnum):
    """What a limit counts."""

    HOURS = "HOURS"
    CALENDAR_DAYS = "CALENDAR_DAYS"
    WORKING_DAYS = "WORKING_DAYS"


class RollOver(StrEnum):
    """Which last days of a period in calendar days move on (art. 203.1)."""

    NEVER = "NEVER"
    HOLIDAYS = "HOLIDAYS"
    """Only days off of the yearly table."""
    DAYS_OFF = "DAYS_OFF"
    """Days off and ordinary weekends; worked make-up days stay. The practice, the default."""
    DAYS_OFF_AND_MAKE_UP_DAYS = "DAYS_OFF_AND_MAKE_UP_DAYS"
    """Every weekend day, worked or not, and days off."""


class InvalidLimit(InvalidInput):
    """A limit that cannot be read or counted."""

    code = "INVALID_LIMIT"


_UNIT_WORDS: Final = {
    "hour": LimitUnit.HOURS,
    "小时": LimitUnit.HOURS,
    "day": LimitUnit.CALENDAR_DAYS,
    "calendar day": LimitUnit.CALENDAR_DAYS,
    "日": LimitUnit.CALENDAR_DAYS,
    "天": LimitUnit.CALENDAR_DAYS,
    "working day": LimitUnit.WORKING_DAYS,
    "工作日": LimitUnit.WORKING_DAYS,
}
_UNIT_LABELS: Final = {
    LimitUnit.HOURS: ("{}小时", "{} hour"),
    LimitUnit.CALENDAR_DAYS: ("{}日", "{} day"),
    LimitUnit.WORKING_DAYS: ("{}个工作日", "{} working day"),
}
_LIMIT: Final = re.compile(r"(\d{1,6})\s*个?\s*([^\d\s].*?)")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many hours, calendar days (日) or working days (工作日)."""

    amount: int
    unit: LimitUnit

    def __post_init__(self) -> None:
        if not 1 <= self.amount <= LARGEST_AMOUNT:
            raise InvalidLimit(
                f"时限应在 1 至 {LARGEST_AMOUNT} 之间，现为 {self.amount}。",
                f"A limit must lie between 1 and {LARGEST_AMOUNT}, not {self.amount}.",
            )

    @classmethod
    def parse(cls, text: str) -> "Limit":
        """``"15 days"``, ``"5 working days"``, ``"2 hours"``, ``"15日"``, ``"5个工作日"`` …"""
        matched = _LIMIT.fullmatch(text.strip().lower())
        if matched:
            word = matched[2].replace("_", " ")
            unit = _UNIT_WORDS.get(word) or _UNIT_WORDS.get(word.removesuffix("s"))
            if unit is not None:
                return cls(int(matched[1]), unit)
        raise InvalidLimit(
            f"时限 {text!r} 无法识别，请写成“15 days”“5 working days”或“2 hours”。",
            f'The limit {text!r} is not understood; write "15 days", "5 working days" '
            'or "2 hours".',
        )

    def __str__(self) -> str:
        english = _UNIT_LABELS[self.unit][1].format(self.amount)
        return english if self.amount == 1 else english + "s"

    @property
    def zh(self) -> str:
        """As a statute would put it: 15日, 5个工作日, 2小时."""
        return _UNIT_LABELS[self.unit][0].format(self.amount)


@dataclass(frozen=True, slots=True)
class Pause:
    """A half-open period [started_at, ended_at) in which the clock stood still."""

    started_at: dt.datetime
    ended_at: dt.datetime

    def __post_init__(self) -> None:
        _require_aware(self.started_at)
        _require_aware(self.ended_at)
        if self.ended_at < self.started_at:
            raise InvalidLimit(
                "中止的结束时间早于开始时间，请改正。",
                "The pause ends before it starts; correct the times.",
            )


@dataclass(frozen=True, slots=True)
class Due:
    """When a limit ends.

    ``at`` (aware, UTC) is the first moment that is too late; ``last_date`` the local date
    to show people; ``provisional`` says that a missing calendar year may still move it.
    """

    at: dt.datetime
    last_date: dt.date
    provisional: bool

    def is_overdue(self, now: dt.datetime) -> bool:
        """Whether ``now`` is too late."""
        return now >= self.at


def due(
    started_at: dt.datetime,
    limit: Limit,
    calendar: WorkingCalendar,
    *,
    tz: dt.tzinfo = SHANGHAI,
    roll_over: RollOver = RollOver.DAYS_OFF,
    closes_at: dt.time | None = None,
    extensions: Sequence[Limit] = (),
    pauses: Iterable[Pause] = (),
) -> Due:
    """When ``limit`` ends that started at ``started_at`` (aware).

    ``closes_at`` is the office's closing time (local) where days end with it instead of at
    24:00. ``extensions`` lengthen the limit in order, each counted from where the one
    before ended before any roll-over. ``pauses`` do not count: to the second for hours; for
    days, a pause takes out the dates after its first up to and including its last, so that
    stopping and going on within one day changes nothing. Never raises for a year without a
    calendar.
    """
    _require_aware(started_at)
    still = _merged(pauses, started_at)
    skipped = _skipped_dates(still, tz)
    parts = _joined((limit, *extensions))
    at, last, counts_days, provisional = started_at, _date(started_at, tz), False, False
    for part in parts:
        if part.unit is LimitUnit.HOURS:
            begin = _end_of(last, tz, None) if counts_days else at
            at = _after_hours(begin, part.amount, still)
            last, counts_days = _date(at, tz), False
        else:
            last, guessed = _after_days(last, part, calendar, skipped)
            provisional, counts_days = provisional or guessed, True
    if not counts_days:
        return Due(at.astimezone(dt.UTC), last, provisional)
    rule = roll_over if parts[-1].unit is LimitUnit.CALENDAR_DAYS else RollOver.DAYS_OFF
    return _ended(last, calendar, rule, skipped, tz, closes_at, provisional)


def _date(moment: dt.datetime, tz: dt.tzinfo) -> dt.date:
    return moment.astimezone(tz).date()


def _require_aware(moment: dt.datetime) -> None:
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidLimit(
            "时间缺少时区。", "The time has no time zone: an aware datetime is needed."
        )


def _joined(parts: Sequence[Limit]) -> list[Limit]:
    """Neighbours of one unit added up: 60 days extended by 30 days are 90 days."""
    joined = [parts[0]]
    for part in parts[1:]:
        if part.unit is joined[-1].unit:
            joined[-1] = Limit(joined[-1].amount + part.amount, part.unit)
        else:
            joined.append(part)
    return joined


def _merged(pauses: Iterable[Pause], started_at: dt.datetime) -> list[Pause]:
    """Pauses in order, without overlaps, cut off before the start."""
    merged: list[Pause] = []
    for pause in sorted(pauses, key=lambda p: p.started_at):
        begin = max(pause.started_at, started_at)
        if merged and begin <= merged[-1].ended_at:
            begin = merged[-1].started_at
            merged.append(Pause(begin, max(merged.pop().ended_at, pause.ended_at)))
        elif pause.ended_at > begin:
            merged.append(Pause(begin, pause.ended_at))
    return merged


@dataclass(frozen=True, slots=True)
class _Skipped:
    """Local dates that do not count: those after ``first`` up to and including ``last``."""

    started_at: dt.datetime
    first: dt.date
    last: dt.date


def _skipped_dates(pauses: Sequence[Pause], tz: dt.tzinfo) -> list[_Skipped]:
    """Disjoint and in order, as the pauses are."""
    periods = [
        _Skipped(p.started_at, _date(p.started_at, tz), _date(p.ended_at, tz)) for p in pauses
    ]
    return [period for period in periods if period.last > period.first]


def _after_hours(begin: dt.datetime, hours: int, pauses: Sequence[Pause]) -> dt.datetime:
    at = begin + dt.timedelta(hours=hours)
    for pause in pauses:
        if pause.ended_at <= begin:
            continue
        paused_from = max(pause.started_at, begin)
        if paused_from >= at:
            break
        at += pause.ended_at - paused_from
    return at


def _after_days(
    first: dt.date, limit: Limit, calendar: WorkingCalendar, skipped: Sequence[_Skipped]
) -> tuple[dt.date, bool]:
    """The ``amount``-th counted day after ``first``, and whether it rests on a guess."""
    if limit.unit is LimitUnit.CALENDAR_DAYS:
        last = first + dt.timedelta(days=limit.amount)
        for pause in skipped:
            if pause.first >= last:
                break
            if pause.last > first:
                last += pause.last - max(pause.first, first)
        return last, False
    day, left, guessed = first, limit.amount, False
    for pause in skipped:
        if pause.last <= day:
            continue
        worked = calendar.working_days(day + ONE_DAY, pause.first + ONE_DAY)
        if worked >= left:
            break
        guessed = guessed or _guesses(day, pause.first, calendar)
        day, left = pause.last, left - worked
    last = calendar.working_day_after(day, left)
    return last, guessed or _guesses(day, last, calendar)


def _guesses(after: dt.date, last: dt.date, calendar: WorkingCalendar) -> bool:
    """Whether a day after ``after`` up to ``last`` lies in a year without a table."""
    return after < last and bool(calendar.missing_years(after + ONE_DAY, last))


def _ended(
    nominal: dt.date,
    calendar: WorkingCalendar,
    rule: RollOver,
    skipped: Sequence[_Skipped],
    tz: dt.tzinfo,
    closes_at: dt.time | None,
    provisional: bool,
) -> Due:
    """The nominal last day, rolled over; a pause begun on it leaves the day of resuming."""
    last, guessed = _rolled(nominal, calendar, rule)
    end = _end_of(last, tz, closes_at)
    for pause in skipped:
        if pause.first >= nominal and pause.started_at < end:
            last, guess = _rolled(max(pause.last, last), calendar, rule)
            guessed = guessed or guess
            end = _end_of(last, tz, closes_at)
    return Due(end, last, provisional or guessed)


def _rolled(day: dt.date, calendar: WorkingCalendar, rule: RollOver) -> tuple[dt.date, bool]:
    """The first day from ``day`` on which a period may end, and whether that is a guess."""
    if rule is RollOver.NEVER:
        return day, False
    first = day
    while _is_off(day, calendar, rule):
        day += ONE_DAY
    return day, not (calendar.knows(first.year) and calendar.knows(day.year))


def _is_off(day: dt.date, calendar: WorkingCalendar, roll_over: RollOver) -> bool:
    if roll_over is RollOver.HOLIDAYS:
        return calendar.is_holiday(day)
    if roll_over is RollOver.DAYS_OFF:
        return not calendar.is_working_day(day)
    return not calendar.is_working_day(day) or calendar.is_make_up_day(day)


def _end_of(day: dt.date, tz: dt.tzinfo, closes_at: dt.time | None) -> dt.datetime:
    if closes_at is None:
        end = dt.datetime.combine(day + ONE_DAY, dt.time(), tz)
    else:
        end = dt.datetime.combine(day, closes_at, tz)
    return end.astimezone(dt.UTC)
