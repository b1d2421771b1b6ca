"""Words for times, numbers, distances and masks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards import wording

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)  # Sunday, 14:30 in China


def at(day: int, hour: int, minute: int = 0, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=wording.CHINA)


@pytest.mark.parametrize(
    ("due_at", "words"),
    [
        (at(22, 17, 30), "还剩 3 小时（今天 17:30 前）"),
        (at(22, 14, 42), "还剩 12 分钟（今天 14:42 前）"),
        (at(22, 14, 30) + timedelta(seconds=20), "还剩 1 分钟（今天 14:30 前）"),
        (at(23, 0), "还剩 9 小时（今天 24:00 前）"),
        (at(26, 0), "还剩 3 天（11月25日 24:00 前）"),
        (at(3, 9, 0, month=1, year=2027), "还剩 41 天（2027年1月3日 09:00 前）"),
        (at(20, 14, 30), "超期 2 天（应在前天 14:30 前）"),
        (NOW, "超期 1 分钟（应在今天 14:30 前）"),
    ],
)
def test_remaining_is_relative_and_absolute(due_at: datetime, words: str) -> None:
    assert wording.remaining(due_at, now=NOW) == words


@pytest.mark.parametrize(
    ("hour", "words"),
    [(4, "晚上好"), (5, "早上好"), (11, "中午好"), (13, "下午好"), (18, "晚上好")],
)
def test_one_is_greeted_by_the_hour(hour: int, words: str) -> None:
    assert wording.greeting(at(22, hour)) == words


def test_a_provisional_due_date_says_so() -> None:
    words = wording.remaining(at(26, 0), now=NOW, provisional=True)
    assert words == "还剩 3 天（11月25日 24:00 前，暂定）"


def test_words_pass_through_the_translation() -> None:
    english = {"还剩 %(span)s": "%(span)s left", "%(n)s 小时": "%(n)s h"}
    words = wording.remaining_short(at(22, 17, 30), now=NOW, _=lambda text: english.get(text, text))
    assert words == "3 h left"


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=4000)))
def test_before_the_end_it_never_says_overdue(left: timedelta) -> None:
    assert wording.remaining_short(NOW + left, now=NOW).startswith("还剩")
    assert wording.remaining_short(NOW - left, now=NOW).startswith("超期")


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (at(22, 9, 12), "今天 09:12"),
        (at(21, 17, 30), "昨天 17:30"),
        (at(23, 8), "明天 08:00"),
        (at(24, 8), "后天 08:00"),
        (at(1, 8), "11月1日 08:00"),
        (at(31, 23, 59, month=12, year=2025), "2025年12月31日 23:59"),
        (datetime(2026, 11, 21, 16, 0, tzinfo=UTC), "今天 00:00"),
    ],
)
def test_when_speaks_of_days_in_the_county(moment: datetime, words: str) -> None:
    assert wording.when(moment, now=NOW) == words


@pytest.mark.parametrize(
    ("age", "words"),
    [(20, "刚刚"), (300, "5 分钟前"), (7200, "2 小时前"), (172800, "2 天前")],
)
def test_ago(age: int, words: str) -> None:
    assert wording.ago(NOW - timedelta(seconds=age), now=NOW) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (12345, "12,345"),
        (3.5, "3.5"),
        (1234.0, "1,234"),
        (0.126, "0.13"),
        (-1200, "-1,200"),
    ],
)
def test_grouped(number: float, words: str) -> None:
    assert wording.grouped(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (9999, "9,999"),
        (10000, "1 万"),
        (12345, "1.2 万"),
        (60_000_000, "6,000 万"),
        (99_999_600, "1 亿"),
        (123_456_789, "1.2 亿"),
        (-12345, "-1.2 万"),
    ],
)
def test_wan(number: float, words: str) -> None:
    assert wording.wan(number) == words


@pytest.mark.parametrize(
    ("metres", "words"),
    [(3, "10 米"), (348, "350 米"), (994, "990 米"), (996, "1 公里"), (1234, "1.2 公里")],
)
def test_distance(metres: float, words: str) -> None:
    assert wording.distance(metres) == words


def test_percent() -> None:
    assert wording.percent(0.963) == "96.3%"
    assert wording.percent(1) == "100%"


@pytest.mark.parametrize(
    ("name", "masked"), [("王小明", "王**"), ("李雷", "李*"), ("娜", "娜"), ("", "")]
)
def test_mask_name(name: str, masked: str) -> None:
    assert wording.mask_name(name) == masked


@given(st.text(alphabet="0123456789-", max_size=20))
def test_a_masked_phone_never_shows_the_middle(phone: str) -> None:
    masked = wording.mask_phone(phone)
    assert len(masked) == len(phone)
    assert sum(a == "*" for a in masked) >= min(max(len(phone) - 7, 0), len(phone))
    assert len(phone) < 3 or "*" in masked or len(phone) < 8


def test_mask_phone_and_id_number() -> None:
    assert wording.mask_phone("13812345678") == "138****5678"
    assert wording.mask_phone("12345") == "***45"
    assert wording.mask_id_number("110101199003071234") == "110101********1234"
    assert wording.mask_id_number("12345") == "*****"
