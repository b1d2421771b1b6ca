"""Due dates: worked examples of the law, and properties over all starts and limits."""

import datetime as dt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from huying.standards.deadlines import (
    SHANGHAI,
    InvalidLimit,
    Limit,
    LimitUnit,
    Pause,
    RollOver,
    due,
)
from huying.standards.working_days import WorkingCalendar, published_calendar

CALENDAR = published_calendar()


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def last_date(start: str, limit: str, **options: object) -> str:
    return str(due(local(start), Limit.parse(limit), CALENDAR, **options).last_date)  # type: ignore[arg-type]  # options are forwarded as given


starts = st.integers(0, 1977 * 24 * 60).map(
    lambda minutes: local("2020-01-01T00:00") + dt.timedelta(minutes=minutes)
)
amounts = st.integers(1, 120)
day_units = st.sampled_from([LimitUnit.CALENDAR_DAYS, LimitUnit.WORKING_DAYS])
pauses = st.lists(
    st.tuples(starts, st.timedeltas(dt.timedelta(0), dt.timedelta(days=40))).map(
        lambda t: Pause(t[0], t[0] + t[1])
    ),
    max_size=3,
)


@pytest.mark.parametrize(
    ("text", "limit", "zh"),
    [
        ("15 days", Limit(15, LimitUnit.CALENDAR_DAYS), "15日"),
        ("1 day", Limit(1, LimitUnit.CALENDAR_DAYS), "1日"),
        ("15 calendar_days", Limit(15, LimitUnit.CALENDAR_DAYS), "15日"),
        ("60日", Limit(60, LimitUnit.CALENDAR_DAYS), "60日"),
        ("5 working days", Limit(5, LimitUnit.WORKING_DAYS), "5个工作日"),
        ("5个工作日", Limit(5, LimitUnit.WORKING_DAYS), "5个工作日"),
        ("10 工作日", Limit(10, LimitUnit.WORKING_DAYS), "10个工作日"),
        ("5 WORKING_DAYS", Limit(5, LimitUnit.WORKING_DAYS), "5个工作日"),
        ("2 hours", Limit(2, LimitUnit.HOURS), "2小时"),
        ("24小时", Limit(24, LimitUnit.HOURS), "24小时"),
    ],
)
def test_limits_are_read_in_both_languages(text: str, limit: Limit, zh: str) -> None:
    assert Limit.parse(text) == limit
    assert limit.zh == zh
    assert Limit.parse(str(limit)) == limit
    assert Limit.parse(limit.zh) == limit


@pytest.mark.parametrize("text", ["", "days", "15", "15 weeks", "-3 days", "0 days", "1.5 days"])
def test_limits_that_are_none_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidLimit, match=r"15 days|1 至"):
        Limit.parse(text)


@pytest.mark.parametrize(
    ("start", "limit", "expected"),
    [
        # The first day does not count.
        ("2026-03-02T09:00", "15 days", "2026-03-17"),
        ("2026-03-02T23:59", "15 days", "2026-03-17"),
        # A Saturday moves to Monday.
        ("2026-03-06T09:00", "15 days", "2026-03-23"),
        # National Day: the 7th is the last day off, the 8th is worked.
        ("2026-09-16T09:00", "15 days", "2026-10-08"),
        # A worked make-up Saturday is a day like any other.
        ("2026-09-25T09:00", "15 days", "2026-10-10"),
        # Working days skip the holiday and count the make-up day (2026-09-20, a Sunday).
        ("2026-09-18T10:00", "5 working days", "2026-09-24"),
        ("2026-09-30T10:00", "3 working days", "2026-10-10"),
        # The petition rule: 60 days from acceptance.
        ("2026-06-01T10:00", "60 days", "2026-07-31"),
    ],
)
def test_worked_examples(start: str, limit: str, expected: str) -> None:
    assert last_date(start, limit) == expected


def test_the_last_day_ends_at_midnight_or_when_the_office_closes() -> None:
    start, limit = local("2026-03-02T09:00"), Limit.parse("1 working day")
    assert due(start, limit, CALENDAR).at == local("2026-03-04T00:00")
    closing = due(start, limit, CALENDAR, closes_at=dt.time(17, 30))
    assert closing.at == local("2026-03-03T17:30")
    assert closing.at.tzinfo is dt.UTC
    assert not closing.is_overdue(local("2026-03-03T17:29"))
    assert closing.is_overdue(local("2026-03-03T17:30"))


def test_the_local_date_starts_the_count_not_the_utc_one() -> None:
    start = dt.datetime(2026, 3, 1, 17, 0, tzinfo=dt.UTC)  # 01:00 on the 2nd in Shanghai
    assert due(start, Limit.parse("1 day"), CALENDAR).last_date == dt.date(2026, 3, 3)


def test_hours_run_through_nights_and_holidays() -> None:
    result = due(local("2026-10-01T23:00"), Limit.parse("2 hours"), CALENDAR)
    assert result.at == local("2026-10-02T01:00")
    assert result.last_date == dt.date(2026, 10, 2)
    assert not result.provisional


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        (RollOver.NEVER, "2026-03-06T09:00", "2026-03-21"),
        (RollOver.HOLIDAYS, "2026-03-06T09:00", "2026-03-21"),
        (RollOver.HOLIDAYS, "2026-09-16T09:00", "2026-10-08"),
        (RollOver.DAYS_OFF, "2026-09-25T09:00", "2026-10-10"),
        (RollOver.DAYS_OFF_AND_MAKE_UP_DAYS, "2026-09-25T09:00", "2026-10-12"),
    ],
)
def test_roll_over_is_a_parameter(rule: RollOver, start: str, expected: str) -> None:
    assert last_date(start, "15 days", roll_over=rule) == expected


def test_a_missing_year_gives_a_provisional_date_that_the_import_settles() -> None:
    calendar = WorkingCalendar({2026: CALENDAR.tables[2026]})
    start = local("2026-11-20T10:00")
    guess = due(start, Limit.parse("30 working days"), calendar)
    assert (str(guess.last_date), guess.provisional) == ("2027-01-01", True)
    known = calendar.with_year(2027, [dt.date(2027, 1, d) for d in (1, 2, 3)])
    settled = due(start, Limit.parse("30 working days"), known)
    assert (str(settled.last_date), settled.provisional) == ("2027-01-04", False)
    # The petition of 2 November is the first whose 60 days reach into 2027.
    assert not due(local("2026-11-01T10:00"), Limit.parse("60 days"), calendar).provisional
    assert due(local("2026-11-02T10:00"), Limit.parse("60 days"), calendar).provisional
    never = due(
        local("2026-11-02T10:00"), Limit.parse("60 days"), calendar, roll_over=RollOver.NEVER
    )
    assert not never.provisional


def test_an_extension_is_counted_from_the_nominal_end() -> None:
    # 60 days end on Saturday 2026-05-30; 30 more are counted from there, not from Monday.
    start = "2026-03-31T09:00"
    assert last_date(start, "60 days") == "2026-06-01"
    assert last_date(start, "60 days", extensions=[Limit.parse("30 days")]) == "2026-06-29"
    mixed = [Limit.parse("5 working days")]
    assert last_date(start, "60 days", extensions=mixed) == "2026-06-05"
    hours = [Limit.parse("2 hours")]
    late = due(local(start), Limit.parse("1 day"), CALENDAR, extensions=hours)
    assert late.at == local("2026-04-02T02:00")
    after_hours = due(
        local(start), Limit.parse("2 hours"), CALENDAR, extensions=[Limit.parse("1 day")]
    )
    assert after_hours.last_date == dt.date(2026, 4, 1)


def test_a_pause_shifts_hours_exactly_and_days_wholly() -> None:
    pause = [Pause(local("2026-03-03T10:00"), local("2026-03-05T10:30"))]
    start = local("2026-03-03T09:00")
    assert due(start, Limit.parse("2 hours"), CALENDAR, pauses=pause).at == local(
        "2026-03-05T11:30"
    )
    assert last_date("2026-03-02T09:00", "15 days", pauses=pause) == "2026-03-19"
    assert last_date("2026-03-02T09:00", "5 working days", pauses=pause) == "2026-03-11"
    same_day = [Pause(local("2026-03-03T10:00"), local("2026-03-03T18:00"))]
    assert last_date("2026-03-02T09:00", "15 days", pauses=same_day) == "2026-03-17"


def test_a_pause_begun_on_the_last_day_leaves_the_day_of_resuming() -> None:
    pause = [Pause(local("2026-03-17T10:00"), local("2026-03-25T10:30"))]
    assert last_date("2026-03-02T09:00", "15 days", pauses=pause) == "2026-03-25"
    assert last_date("2026-03-10T09:00", "5 working days", pauses=pause) == "2026-03-25"
    # … also when that day was reached by rolling over a weekend.
    monday = [Pause(local("2026-03-23T10:00"), local("2026-03-28T10:30"))]
    assert last_date("2026-03-06T09:00", "15 days", pauses=monday) == "2026-03-30"
    # A pause after the deadline cannot save it.
    late = [Pause(local("2026-03-18T00:00"), local("2026-03-25T10:30"))]
    assert last_date("2026-03-02T09:00", "15 days", pauses=late) == "2026-03-17"


def test_overlapping_pauses_count_once_and_those_before_the_start_not_at_all() -> None:
    overlapping = [
        Pause(local("2026-03-04T10:00"), local("2026-03-09T10:00")),
        Pause(local("2026-03-03T10:00"), local("2026-03-05T10:00")),
        Pause(local("2026-02-01T10:00"), local("2026-02-20T10:00")),
    ]
    assert last_date("2026-03-02T09:00", "15 days", pauses=overlapping) == "2026-03-23"


def test_naive_times_and_backward_pauses_are_refused() -> None:
    with pytest.raises(InvalidLimit, match="时区"):
        due(dt.datetime(2026, 1, 1), Limit.parse("1 day"), CALENDAR)  # noqa: DTZ001  # the case under test
    with pytest.raises(InvalidLimit, match="早于"):
        Pause(local("2026-03-04T10:00"), local("2026-03-03T10:00"))


@given(start=starts, amount=amounts, unit=day_units, more=st.integers(0, 30), pauses=pauses)
def test_monotone_in_start_and_amount_and_never_due_on_a_day_off(
    start: dt.datetime, amount: int, unit: LimitUnit, more: int, pauses: list[Pause]
) -> None:
    result = due(start, Limit(amount, unit), CALENDAR, pauses=pauses)
    assert CALENDAR.is_working_day(result.last_date)
    assert result.at > start
    assert not result.provisional
    longer = due(start, Limit(amount + more, unit), CALENDAR, pauses=pauses)
    later = due(start + dt.timedelta(hours=more), Limit(amount, unit), CALENDAR, pauses=pauses)
    assert longer.at >= result.at
    assert later.at >= result.at
    assert due(start, Limit(amount, unit), CALENDAR).at <= result.at


@given(start=starts, amount=amounts)
def test_exactly_the_working_days_are_counted(start: dt.datetime, amount: int) -> None:
    result = due(start, Limit(amount, LimitUnit.WORKING_DAYS), CALENDAR)
    first = start.astimezone(SHANGHAI).date() + dt.timedelta(days=1)
    assert CALENDAR.working_days(first, result.last_date + dt.timedelta(days=1)) == amount


@given(start=starts, amount=amounts, pauses=pauses)
def test_working_days_in_a_pause_are_not_counted(
    start: dt.datetime, amount: int, pauses: list[Pause]
) -> None:
    def date(moment: dt.datetime) -> dt.date:
        return moment.astimezone(SHANGHAI).date()

    result = due(start, Limit(amount, LimitUnit.WORKING_DAYS), CALENDAR, pauses=pauses)
    still = [(date(max(p.started_at, start)), date(p.ended_at)) for p in pauses]
    assume(all(since != result.last_date for since, _until in still))
    counted, day = 0, date(start)
    while day < result.last_date:
        day += dt.timedelta(days=1)
        paused = any(since < day <= until for since, until in still)
        counted += CALENDAR.is_working_day(day) and not paused
    assert counted == amount
    assert CALENDAR.is_working_day(day)


@given(start=starts, amount=amounts)
def test_calendar_days_move_only_over_days_off(start: dt.datetime, amount: int) -> None:
    result = due(start, Limit(amount, LimitUnit.CALENDAR_DAYS), CALENDAR)
    nominal = start.astimezone(SHANGHAI).date() + dt.timedelta(days=amount)
    assert result.last_date >= nominal
    assert CALENDAR.working_days(nominal, result.last_date) == 0


@given(start=starts, amount=amounts, pause=pauses)
def test_hours_are_shifted_by_exactly_the_paused_time_inside(
    start: dt.datetime, amount: int, pause: list[Pause]
) -> None:
    result = due(start, Limit(amount, LimitUnit.HOURS), CALENDAR, pauses=pause)
    seconds = {
        (p.started_at, p.ended_at) for p in pause if p.started_at < result.at and p.ended_at > start
    }
    assume(len(seconds) <= 1)
    stood = sum(((end - max(begin, start)) for begin, end in seconds), start=dt.timedelta())
    assert result.at - start == dt.timedelta(hours=amount) + stood


@given(start=starts, amount=amounts, unit=day_units, extra=st.integers(1, 60))
def test_an_extension_of_the_same_unit_is_a_longer_limit(
    start: dt.datetime, amount: int, unit: LimitUnit, extra: int
) -> None:
    extended = due(start, Limit(amount, unit), CALENDAR, extensions=[Limit(extra, unit)])
    assert extended == due(start, Limit(amount + extra, unit), CALENDAR)


@given(start=starts, amount=amounts, unit=day_units)
def test_what_is_not_provisional_does_not_depend_on_other_years(
    start: dt.datetime, amount: int, unit: LimitUnit
) -> None:
    known = {start.year: CALENDAR.tables[start.year]}
    guess = due(start, Limit(amount, unit), WorkingCalendar(known))
    if not guess.provisional:
        assert guess == due(start, Limit(amount, unit), CALENDAR)
    else:
        assert guess.last_date.year > start.year
