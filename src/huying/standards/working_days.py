"""Working days: 《全国年节及纪念日放假办法》 and the State Council's yearly notices (调休).

Each year's table is a dated parameter. Years up to the library's last come from
`chinesecalendar`; later ones are imported by the county. A year without a table never
stops anything: its days are guessed from the weekday and ``knows(year)`` says so.
"""

import csv
import datetime as dt
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import chinese_calendar

from huying.standards.errors import InvalidInput

ONE_DAY: Final = dt.timedelta(days=1)
_SATURDAY: Final = 5
FIXED_HOLIDAYS: Final = ((1, 1), (5, 1), (10, 1))
"""Days off in every year's table: 元旦, 劳动节, 国庆节. A table without one is incomplete."""


class DayKind(StrEnum):
    """What a table says of a day that its weekday does not."""

    HOLIDAY = "HOLIDAY"
    MAKE_UP = "MAKE_UP"


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One line of an importable table."""

    date: dt.date
    kind: DayKind


@dataclass(frozen=True, slots=True)
class CalendarProblem:
    """One thing wrong with an imported table; ``line`` counts from 1, 0 = the whole."""

    line: int
    zh: str
    en: str


class CalendarTableInvalid(InvalidInput):
    """An imported table cannot be used; ``problems`` lists everything at once."""

    code = "CALENDAR_TABLE_INVALID"

    def __init__(self, problems: Iterable[CalendarProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "；".join(f"第 {p.line} 行：{p.zh}" if p.line else p.zh for p in self.problems),
            "; ".join(f"line {p.line}: {p.en}" if p.line else p.en for p in self.problems),
        )


@dataclass(frozen=True, slots=True)
class YearTable:
    """One year's days off (weekends inside a holiday included) and worked weekends."""

    year: int
    holidays: frozenset[dt.date]
    make_up_days: frozenset[dt.date]

    def __post_init__(self) -> None:
        problems = []
        for day in sorted(self.holidays | self.make_up_days):
            if day.year != self.year:
                problems.append(
                    CalendarProblem(
                        0,
                        f"{day} 不在 {self.year} 年内，请改正年份",
                        f"{day} is not in {self.year}; correct the year",
                    )
                )
        for day in sorted(self.holidays & self.make_up_days):
            problems.append(
                CalendarProblem(
                    0,
                    f"{day} 既是放假日又是调休上班日，请删去其一",
                    f"{day} is both a holiday and a make-up day; remove one",
                )
            )
        for day in sorted(self.make_up_days - self.holidays):
            if day.weekday() < _SATURDAY:
                problems.append(
                    CalendarProblem(
                        0,
                        f"{day} 不是周末，本来就上班，不应列为调休上班日",
                        f"{day} is not at a weekend, so it cannot be a make-up day",
                    )
                )
        if problems:
            raise CalendarTableInvalid(problems)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are worked. A value: the ``with_…`` methods return another calendar."""

    tables: Mapping[int, YearTable] = field(default_factory=dict)
    # Years once gone through day by day: clocks are counted far more often than there are days.
    _worked: dict[int, list[dt.date]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", MappingProxyType(dict(self.tables)))

    def knows(self, year: int) -> bool:
        """Whether this year's table is here; without it the answers are guesses."""
        return year in self.tables

    @property
    def last_known_year(self) -> int | None:
        """The latest year with a table."""
        return max(self.tables, default=None)

    def missing_years(self, start: dt.date, end: dt.date) -> tuple[int, ...]:
        """The years touched by ``start`` … ``end`` (both included) without a table."""
        return tuple(y for y in range(start.year, end.year + 1) if y not in self.tables)

    def is_holiday(self, day: dt.date) -> bool:
        """Whether the year's table gives this day off (weekends alone do not count)."""
        table = self.tables.get(day.year)
        return table is not None and day in table.holidays

    def is_make_up_day(self, day: dt.date) -> bool:
        """Whether this is a weekend day that is worked."""
        table = self.tables.get(day.year)
        return table is not None and day in table.make_up_days

    def is_working_day(self, day: dt.date) -> bool:
        """Whether offices work on this day; by weekday alone where ``knows`` is false."""
        table = self.tables.get(day.year)
        if day.weekday() < _SATURDAY:
            return table is None or day not in table.holidays
        return table is not None and day in table.make_up_days

    def next_working_day(self, day: dt.date) -> dt.date:
        """``day`` itself if worked, else the first worked day after it."""
        while not self.is_working_day(day):
            day += ONE_DAY
        return day

    def working_days(self, start: dt.date, end: dt.date) -> int:
        """How many days of the half-open period [start, end) are worked."""
        if end <= start:
            return 0
        between = sum(len(self._worked_in(year)) for year in range(start.year, end.year))
        before_start = bisect_left(self._worked_in(start.year), start)
        return between + bisect_left(self._worked_in(end.year), end) - before_start

    def working_day_after(self, day: dt.date, amount: int) -> dt.date:
        """The ``amount``-th worked day after ``day``, from 1."""
        year, worked = day.year, self._worked_in(day.year)
        place = bisect_right(worked, day) + amount - 1
        while place >= len(worked):
            place -= len(worked)
            year += 1
            worked = self._worked_in(year)
        return worked[place]

    def working_day_before(self, day: dt.date, amount: int) -> dt.date:
        """The ``amount``-th worked day before ``day``, from 1."""
        year, worked = day.year, self._worked_in(day.year)
        place = bisect_left(worked, day) - amount
        while place < 0:
            year -= 1
            worked = self._worked_in(year)
            place += len(worked)
        return worked[place]

    def _worked_in(self, year: int) -> list[dt.date]:
        """The worked days of a year, in order."""
        found = self._worked.get(year)
        if found is None:
            days = _days(dt.date(year, 1, 1), dt.date(year + 1, 1, 1))
            found = self._worked[year] = list(filter(self.is_working_day, days))
        return found

    def with_year(
        self, year: int, holidays: Iterable[dt.date], make_up_days: Iterable[dt.date] = ()
    ) -> "WorkingCalendar":
        """A calendar whose table for ``year`` is this one; ``CalendarTableInvalid`` if wrong."""
        table = YearTable(year, frozenset(holidays), frozenset(make_up_days))
        return WorkingCalendar({**self.tables, year: table})

    def with_entries(self, entries: Iterable[CalendarEntry]) -> "WorkingCalendar":
        """A calendar with an imported table added.

        A year whose entries hold all of ``FIXED_HOLIDAYS`` is replaced as a whole. Fewer
        entries amend a year already known (a notice for one year may touch the last days
        of the year before); for a year not known they are refused as incomplete.
        """
        by_year: dict[int, list[CalendarEntry]] = {}
        for entry in entries:
            by_year.setdefault(entry.date.year, []).append(entry)
        if not by_year:
            raise CalendarTableInvalid([_EMPTY])
        calendar, problems = self, []
        for year, rows in sorted(by_year.items()):
            holidays = frozenset(row.date for row in rows if row.kind is DayKind.HOLIDAY)
            make_up = frozenset(row.date for row in rows if row.kind is DayKind.MAKE_UP)
            missing = [d for m, n in FIXED_HOLIDAYS if (d := dt.date(year, m, n)) not in holidays]
            known = self.tables.get(year)
            if missing and known is not None:
                holidays, make_up = (
                    (known.holidays - make_up) | holidays,
                    (known.make_up_days - holidays) | make_up,
                )
            elif missing:
                days = "、".join(map(str, missing))
                problems.append(
                    CalendarProblem(
                        0,
                        f"{year} 年的表不完整，缺少 {days}，请补全全年安排后再导入",
                        f"the table of {year} is incomplete, {days} missing; "
                        "complete the whole year and import it again",
                    )
                )
                continue
            try:
                calendar = calendar.with_year(year, holidays, make_up)
            except CalendarTableInvalid as error:
                problems.extend(error.problems)
        if problems:
            raise CalendarTableInvalid(problems)
        return calendar


def _days(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    while start < end:
        yield start
        start += ONE_DAY


@lru_cache(maxsize=1)
def published_calendar() -> WorkingCalendar:
    """The calendar of the years `chinesecalendar` covers (2004 up to its last release)."""
    tables = {}
    for year in range(min(chinese_calendar.holidays).year, max(chinese_calendar.holidays).year + 1):
        tables[year] = YearTable(
            year,
            frozenset(day for day in chinese_calendar.holidays if day.year == year),
            frozenset(day for day in chinese_calendar.workdays if day.year == year),
        )
    return WorkingCalendar(tables)


_KINDS: Final = {
    "HOLIDAY": DayKind.HOLIDAY,
    "节假日": DayKind.HOLIDAY,
    "放假": DayKind.HOLIDAY,
    "休": DayKind.HOLIDAY,
    "MAKE_UP": DayKind.MAKE_UP,
    "调休上班": DayKind.MAKE_UP,
    "上班": DayKind.MAKE_UP,
    "班": DayKind.MAKE_UP,
}
_DATE_HEADINGS: Final = ("date", "日期")
_KIND_HEADINGS: Final = ("kind", "类型")
_DATE: Final = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})", re.ASCII)
_EMPTY: Final = CalendarProblem(
    0,
    "表中没有任何日期，请填写后再导入",
    "the table holds no dates; fill it in and import it again",
)


def parse_calendar_table(text: str) -> tuple[CalendarEntry, ...]:
    """The entries of a CSV or JSON table with the columns ``date`` and ``kind``.

    CSV needs a heading line ``date,kind`` (or ``日期,类型``); JSON is a list of objects with
    these keys. ``kind`` is HOLIDAY or MAKE_UP (or 放假 / 上班). Raises
    ``CalendarTableInvalid`` naming every wrong line. Sorted by date.
    """
    text = text.removeprefix("\ufeff").strip()
    rows = _json_rows(text) if text[:1] in ("[", "{") else _csv_rows(text)
    problems: list[CalendarProblem] = []
    entries: dict[dt.date, CalendarEntry] = {}
    for line, raw_date, raw_kind in rows:
        day, kind = _parse_date(raw_date), _KINDS.get(raw_kind.upper())
        if day is None:
            problems.append(
                CalendarProblem(
                    line,
                    f"日期 {raw_date!r} 无法识别，请写成 2027-01-01 的样子",
                    f"the date {raw_date!r} is not understood; write it like 2027-01-01",
                )
            )
        if kind is None:
            problems.append(
                CalendarProblem(
                    line,
                    f"类型 {raw_kind!r} 无法识别，请写 HOLIDAY（放假）或 MAKE_UP（调休上班）",
                    f"the kind {raw_kind!r} is not understood; write HOLIDAY or MAKE_UP",
                )
            )
        if day is None or kind is None:
            continue
        if day in entries:
            problems.append(
                CalendarProblem(
                    line,
                    f"{day} 重复出现，请只保留一行",
                    f"{day} appears twice; keep one line",
                )
            )
        entries[day] = CalendarEntry(day, kind)
    if not entries and not problems:
        problems.append(_EMPTY)
    if problems:
        raise CalendarTableInvalid(problems)
    return tuple(entries[day] for day in sorted(entries))


def _parse_date(text: str) -> dt.date | None:
    matched = _DATE.fullmatch(text)
    if matched is None or (not matched[2] and len(text) != 8):
        return None
    try:
        return dt.date(int(matched[1]), int(matched[3]), int(matched[4]))
    except ValueError:
        return None


def _csv_rows(text: str) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(text.splitlines(), strict=False)
    heading = [cell.strip().lower() for cell in next(reader, [])]
    date_at = next((heading.index(h) for h in _DATE_HEADINGS if h in heading), None)
    kind_at = next((heading.index(h) for h in _KIND_HEADINGS if h in heading), None)
    if date_at is None or kind_at is None:
        raise CalendarTableInvalid(
            [
                CalendarProblem(
                    1,
                    "首行应为 date,kind（日期,类型）",
                    "the first line must be date,kind",
                )
            ]
        )
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            problem = CalendarProblem(
                reader.line_num,
                "此行过长或引号不成对，请改正",
                "this line is too long or its quotes do not match; correct it",
            )
            raise CalendarTableInvalid([problem]) from None
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if any(cells):
            cells += [""] * (max(date_at, kind_at) + 1 - len(cells))
            yield reader.line_num, cells[date_at], cells[kind_at]


def _json_rows(text: str) -> Iterator[tuple[int, str, str]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CalendarTableInvalid(
            [
                CalendarProblem(
                    getattr(error, "lineno", 0),
                    "JSON 格式有误，请检查括号、引号和逗号",
                    "the JSON is broken; check brackets, quotes and commas",
                )
            ]
        ) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CalendarTableInvalid(
            [
                CalendarProblem(
                    0,
                    '应为列表，如 [{"date": "2027-01-01", "kind": "HOLIDAY"}]',
                    'a list is needed, like [{"date": "2027-01-01", "kind": "HOLIDAY"}]',
                )
            ]
        )
    for number, row in enumerate(rows, 1):
        yield number, str(row.get("date", "")).strip(), str(row.get("kind", "")).strip()
