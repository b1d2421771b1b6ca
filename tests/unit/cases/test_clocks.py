"""What a clock remembers: stopping, pausing, extending, warning, counting anew."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from huying.cases.rules import clocks
from huying.cases.rules.procedure import Clock
from huying.cases.rules.receipts import ALPHABET, display, new_receipt, read
from huying.cases.rules.responsibility import Rule, rule_for
from huying.cases.rules.wording import fill, until
from huying.standards.deadlines import Limit
from huying.standards.working_days import WorkingCalendar

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, 10:00 in Shanghai
NO_TABLES = WorkingCalendar()
KNOWN = WorkingCalendar().with_year(2026, [date(2026, 1, 1), date(2026, 5, 1), date(2026, 10, 1)])


def _spec(limit: str, **more: object) -> Clock:
    return Clock.model_validate(
        {"label": "办理", "limit": limit, "starts": "a", "stops": "b", **more}
    )


def _started(limit: str, calendar: WorkingCalendar = KNOWN, **more: object) -> clocks.Ticking:
    return clocks.start(
        "work", _spec(limit, **more), {}, report_id=None, now=NOW, calendar=calendar
    )


@pytest.mark.parametrize(
    ("limit", "due"),
    [
        ("2 hours", datetime(2026, 11, 23, 4, 0, tzinfo=UTC)),
        ("15 days", datetime(2026, 12, 8, 16, 0, tzinfo=UTC)),
        ("5 working days", datetime(2026, 11, 30, 16, 0, tzinfo=UTC)),
    ],
)
def test_limits_are_counted_each_in_its_own_kind(limit: str, due: datetime) -> None:
    assert _started(limit).due_at == due


def test_a_pause_is_taken_out() -> None:
    spec = _spec("10 hours")
    clock = clocks.pause(_started("10 hours"), NOW + timedelta(hours=1))
    assert not clock.runs
    again = clocks.resume(clock, spec, NOW + timedelta(hours=5), KNOWN)
    assert again.runs
    assert again.due_at == NOW + timedelta(hours=14)
    assert clocks.resume(again, spec, NOW + timedelta(hours=6), KNOWN) == again


def test_an_extension_counts_from_the_end_and_may_speak_again() -> None:
    clock = replace(_started("60 days"), warned_at=NOW, escalated_at=NOW)
    longer = clocks.extend(clock, _spec("60 days"), Limit.parse("30 days"), KNOWN)
    assert longer.due_at == _started("90 days").due_at
    assert (longer.warned_at, longer.escalated_at) == (None, None)


@pytest.mark.parametrize(
    ("limit", "before", "warn"),
    [
        ("2 hours", "1 hour", NOW + timedelta(hours=1)),
        ("15 days", "3 days", datetime(2026, 12, 5, 16, 0, tzinfo=UTC)),
        ("5 working days", "1 working day", datetime(2026, 11, 29, 16, 0, tzinfo=UTC)),
        ("1 hour", "1 hour", None),
        ("1 hour", "3 days", None),
    ],
)
def test_warnings_come_before(limit: str, before: str, warn: datetime | None) -> None:
    clock = _started(limit, warn_before=before)
    if warn is not None and "working" in before:
        assert clock.warn_at is not None
        assert clock.warn_at < clock.due_at
        assert clock.warn_at >= clock.due_at - timedelta(days=4)
    else:
        assert clock.warn_at == warn


def test_without_a_calendar_it_is_provisional_and_counted_anew_with_one() -> None:
    clock = _started("5 working days", NO_TABLES)
    assert clock.provisional
    holiday = WorkingCalendar().with_year(
        2026,
        [date(2026, 1, 1), date(2026, 5, 1), date(2026, 10, 1), date(2026, 11, 24)],
    )
    anew = clocks.recount(clock, _spec("5 working days"), holiday)
    assert not anew.provisional
    assert anew.due_at == clock.due_at + timedelta(days=1)


@given(
    hours=st.integers(1, 500),
    pauses=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=4),
)
def test_pausing_never_shortens(hours: int, pauses: list[tuple[int, int]]) -> None:
    spec = _spec(f"{hours} hours")
    clock = clocks.start("work", spec, {}, report_id=None, now=NOW, calendar=KNOWN)
    now, total = NOW, timedelta()
    for wait, still in pauses:
        now += timedelta(hours=wait)
        if now >= clock.due_at:
            break
        clock = clocks.pause(clock, now)
        now += timedelta(hours=still)
        total += timedelta(hours=still)
        clock = clocks.resume(clock, spec, now, KNOWN)
    assert clock.due_at == NOW + timedelta(hours=hours) + total


@pytest.mark.parametrize(
    ("due", "words"),
    [
        (datetime(2026, 11, 23, 9, 30, tzinfo=UTC), "今天17:30前"),
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), "今天内"),
        (datetime(2026, 11, 24, 16, 0, tzinfo=UTC), "明天内"),
        (datetime(2026, 11, 27, 16, 0, tzinfo=UTC), "11月27日前"),
        (datetime(2027, 1, 4, 16, 0, tzinfo=UTC), "2027年1月4日前"),
        (None, ""),
    ],
)
def test_due_times_in_words(due: datetime | None, words: str) -> None:
    assert until(due, NOW, relative=True) == words
    with override("en"):
        assert ("by" in until(due, NOW)) == (due is not None)


def test_what_is_kept_says_the_date() -> None:
    assert until(datetime(2026, 11, 23, 9, 30, tzinfo=UTC), NOW) == "11月23日17:30前"
    assert until(datetime(2026, 11, 24, 16, 0, tzinfo=UTC), NOW) == "11月24日前"


def test_a_provisional_date_says_so() -> None:
    assert until(NOW + timedelta(days=3), NOW, provisional=True).endswith("（暂定）")


def test_sentences_never_look_into_what_they_are_given() -> None:
    assert fill("{title}", {"title": "{unit} {0.__class__}"}) == "{unit} {0.__class__}"
    assert fill("{unit}答复：{reply}", {"unit": "住建局"}) == "住建局答复："


def test_receipts_are_read_as_people_write_them() -> None:
    receipt = new_receipt()
    assert len(receipt) == 12
    assert set(receipt) <= set(ALPHABET)
    assert read(display(receipt)) == receipt
    assert read(" " + display(receipt).lower().replace("0", "o").replace("1", "l")) == receipt
    for wrong in ("", "ABC", "U" * 12, receipt + "A", "；" * 12):
        assert read(wrong) == ""
    assert len({new_receipt() for _number in range(1000)}) == 1000


def test_the_longest_territory_answers_and_a_tie_goes_to_a_person() -> None:
    def rule(prefix: str, organisation: int) -> Rule:
        return Rule("GARBAGE", prefix, organisation, (), "NORMAL", "")

    county, township = rule("", 1), rule("990101001", 2)
    assert rule_for([county, township], "GARBAGE", "990101001001") == township
    assert rule_for([county, township], "GARBAGE", "990101002001") == county
    assert rule_for([township], "GARBAGE", "990101002001") is None
    assert rule_for([county], "NOISE", "990101001001") is None
    assert rule_for([township, rule("990101001", 3)], "GARBAGE", "990101001001") is None
