"""The yearly tables, guesses without them, and importing next year's."""

import datetime as dt
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.working_days import (
    CalendarEntry,
    CalendarTableInvalid,
    DayKind,
    WorkingCalendar,
    YearTable,
    parse_calendar_table,
    published_calendar,
)

TABLE_2027 = """date,kind
2027-01-01,HOLIDAY
2027-01-02,HOLIDAY
2027-01-03,HOLIDAY
2027-02-13,MAKE_UP
2027-05-01,HOLIDAY
2027-10-01,HOLIDAY
"""


def test_2026_as_published() -> None:
    calendar = published_calendar()
    table = calendar.tables[2026]
    assert {day.isoformat()[5:] for day in table.make_up_days} == {
        "01-04", "02-14", "02-28", "05-09", "09-20", "10-10",
    }  # fmt: skip
    assert calendar.working_days(dt.date(2026, 1, 1), dt.date(2027, 1, 1)) == 248
    assert not calendar.is_working_day(dt.date(2026, 10, 7))
    assert calendar.is_working_day(dt.date(2026, 10, 8))
    assert calendar.is_make_up_day(dt.date(2026, 10, 10))
    assert calendar.is_holiday(dt.date(2026, 10, 3))
    assert not calendar.is_holiday(dt.date(2026, 10, 24))


def test_every_published_year_is_known_and_plausible() -> None:
    calendar = published_calendar()
    assert calendar.last_known_year is not None
    assert min(calendar.tables) == 2004
    assert calendar.last_known_year >= 2026
    for year in calendar.tables:
        days = calendar.working_days(dt.date(year, 1, 1), dt.date(year + 1, 1, 1))
        assert 245 <= days <= 255, year


def test_an_unknown_year_is_guessed_from_the_weekday_and_says_so() -> None:
    calendar = WorkingCalendar()
    assert not calendar.knows(2031)
    assert calendar.is_working_day(dt.date(2031, 10, 1))
    assert not calendar.is_working_day(dt.date(2031, 10, 4))
    assert calendar.last_known_year is None
    assert published_calendar().missing_years(dt.date(2025, 12, 1), dt.date(2031, 1, 1))[-1] == 2031


@given(
    start=st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31)),
    length=st.integers(0, 800),
    known=st.booleans(),
)
def test_counting_is_going_through_the_days(start: dt.date, length: int, known: bool) -> None:
    calendar = published_calendar() if known else WorkingCalendar()
    days = [start + dt.timedelta(days=n) for n in range(length)]
    worked = [day for day in days if calendar.is_working_day(day)]
    end = start + dt.timedelta(days=length)
    assert calendar.working_days(start, end) == len(worked)
    assert calendar.working_days(end, start) == 0
    before = start - dt.timedelta(days=1)
    for number, day in enumerate(worked, start=1):
        assert calendar.working_day_after(before, number) == day
        assert calendar.working_day_before(end, len(worked) - number + 1) == day


def test_with_year_returns_another_calendar() -> None:
    before = WorkingCalendar()
    after = before.with_year(2027, [dt.date(2027, 1, 1)], [dt.date(2027, 2, 13)])
    assert (before.knows(2027), after.knows(2027)) == (False, True)
    assert not after.is_working_day(dt.date(2027, 1, 1))
    assert after.is_working_day(dt.date(2027, 2, 13))
    assert after.next_working_day(dt.date(2027, 1, 1)) == dt.date(2027, 1, 4)
    with pytest.raises(TypeError):
        after.tables[2028] = YearTable(2028, frozenset(), frozenset())  # type: ignore[index]  # read-only on purpose


@pytest.mark.parametrize(
    ("holidays", "make_up", "message"),
    [
        ([dt.date(2026, 1, 1)], [], "不在 2027 年内"),
        ([dt.date(2027, 2, 13)], [dt.date(2027, 2, 13)], "请删去其一"),
        ([], [dt.date(2027, 2, 12)], "不是周末"),
    ],
)
def test_impossible_tables_are_refused(
    holidays: list[dt.date], make_up: list[dt.date], message: str
) -> None:
    with pytest.raises(CalendarTableInvalid, match=message):
        WorkingCalendar().with_year(2027, holidays, make_up)


@pytest.mark.parametrize(
    "text",
    [
        TABLE_2027,
        "\ufeff" + TABLE_2027.replace("\n", "\r\n"),
        TABLE_2027.replace("date,kind", "日期,类型").replace("HOLIDAY", "放假"),
        TABLE_2027.replace("MAKE_UP", "上班").replace("-0", "/").replace("-", "/"),
        TABLE_2027.replace("-", ""),
        "kind,note,date\n"
        + "".join(
            f"{kind},x,{day}\n"
            for day, kind in (line.split(",") for line in TABLE_2027.split()[1:])
        ),
        json.dumps(
            [
                dict(zip(("date", "kind"), line.split(","), strict=True))
                for line in TABLE_2027.split()[1:]
            ]
        ),
    ],
)
def test_every_usual_form_of_a_table_is_read(text: str) -> None:
    entries = parse_calendar_table(text)
    assert len(entries) == 6
    assert entries[3] == CalendarEntry(dt.date(2027, 2, 13), DayKind.MAKE_UP)
    calendar = WorkingCalendar().with_entries(entries)
    assert calendar.knows(2027)
    assert calendar.working_days(dt.date(2027, 1, 1), dt.date(2027, 1, 9)) == 5


def test_every_wrong_line_is_named_in_both_languages() -> None:
    with pytest.raises(CalendarTableInvalid) as caught:
        parse_calendar_table("date,kind\n2027-02-30,HOLIDAY\n2027-01-01,OFF\n\n2027-05-01\n")
    assert [p.line for p in caught.value.problems] == [2, 3, 5]
    assert "第 2 行" in caught.value.zh
    assert "line 3" in caught.value.en


@pytest.mark.parametrize(
    "text",
    [
        "",
        "date,kind\n",
        "2027-01-01,HOLIDAY\n",
        "[]",
        "[1]",
        '{"a": 1}',
        "[{",
        "date,kind\n20271,休",
    ],
)
def test_tables_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(CalendarTableInvalid):
        parse_calendar_table(text)


def test_the_same_day_twice_is_refused() -> None:
    with pytest.raises(CalendarTableInvalid, match="重复"):
        parse_calendar_table("date,kind\n2027-01-01,休\n2027-1-1,休\n")


def test_an_incomplete_unknown_year_is_refused_and_a_known_one_amended() -> None:
    entries = parse_calendar_table("date,kind\n2027-01-01,休\n2026-12-31,休\n")
    with pytest.raises(CalendarTableInvalid, match="2027 年的表不完整"):
        published_calendar().with_entries(entries)
    amended = published_calendar().with_entries(entries[:1])
    assert not amended.is_working_day(dt.date(2026, 12, 31))
    assert amended.is_make_up_day(dt.date(2026, 10, 10))
    back = amended.with_entries([CalendarEntry(dt.date(2026, 10, 10), DayKind.HOLIDAY)])
    assert not back.is_working_day(dt.date(2026, 10, 10))
    with pytest.raises(CalendarTableInvalid):
        published_calendar().with_entries([])


@given(text=st.text(max_size=80), head=st.sampled_from(["date,kind\n", "[", ""]))
def test_no_text_crashes_the_parser(text: str, head: str) -> None:
    with suppress(CalendarTableInvalid):
        assert parse_calendar_table(head + text)


def test_monstrous_tables_are_refused_not_crashed_on() -> None:
    with pytest.raises(CalendarTableInvalid):
        parse_calendar_table("[" * 100_000)
    with pytest.raises(CalendarTableInvalid, match="第 2 行"):
        parse_calendar_table("date,kind\n" + "x" * 200_000)
