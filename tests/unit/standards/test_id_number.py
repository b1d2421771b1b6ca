"""GB 11643: its published vectors, and that one slip is always noticed."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.id_number import (
    InvalidIdNumber,
    Sex,
    check_digit,
    mask_id_number,
    parse_id_number,
)

TODAY = dt.date(2026, 11, 22)

numbers = st.tuples(
    st.integers(110000, 829999),
    st.dates(dt.date(1900, 1, 1), TODAY),
    st.integers(0, 999),
).map(lambda t: f"{t[0]}{t[1]:%Y%m%d}{t[2]:03d}")


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        ("11010519491231002X", dt.date(1949, 12, 31), Sex.FEMALE),
        ("440524188001010014", dt.date(1880, 1, 1), Sex.MALE),
        (" 110105 19491231 002x ", dt.date(1949, 12, 31), Sex.FEMALE),
    ],
)
def test_vectors(number: str, born: dt.date, sex: Sex) -> None:
    parsed = parse_id_number(number, on=TODAY)
    assert (parsed.birth_date, parsed.sex) == (born, sex)
    assert parsed.number[-1] == check_digit(parsed.number[:17])
    assert parsed.division_prefix == parsed.number[:6]


def test_mask() -> None:
    parsed = parse_id_number("11010519491231002X", on=TODAY)
    assert parsed.masked == "110105********002X"
    assert parsed.number not in repr(parsed)
    assert mask_id_number("12345678901234") == "*" * 14
    assert mask_id_number("") == ""


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "18 位"),
        ("1101051949123100", "18 位"),
        ("11010519491231002A", "18 位"),
        ("01010519491231002X", "18 位"),
        ("１1010519491231002X", "18 位"),
        ("110105194913310027", "出生日期"),
        ("110105202612310020", "出生日期"),
        ("110105194912310021", "校验位"),
    ],
)
def test_refusals_say_what_to_correct_and_do_not_repeat_the_number(text: str, word: str) -> None:
    with pytest.raises(InvalidIdNumber, match=word) as caught:
        parse_id_number(text, on=TODAY)
    assert not text or text not in str(caught.value)


def test_age_in_full_years() -> None:
    parsed = parse_id_number("11010519491231002X", on=TODAY)
    assert parsed.age(dt.date(2026, 12, 30)) == 76
    assert parsed.age(dt.date(2026, 12, 31)) == 77


@given(first=numbers, at=st.integers(0, 16), other=st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(first: str, at: int, other: int) -> None:
    number = first + check_digit(first)
    assert parse_id_number(number, on=TODAY).number == number
    wrong = number[:at] + str((int(number[at]) + other) % 10) + number[at + 1 :]
    with pytest.raises(InvalidIdNumber):
        parse_id_number(wrong, on=TODAY)


@given(first=numbers, at=st.integers(0, 15))
def test_two_neighbours_swapped_are_always_noticed(first: str, at: int) -> None:
    number = first + check_digit(first)
    wrong = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    if wrong != number:
        with pytest.raises(InvalidIdNumber):
            parse_id_number(wrong, on=TODAY)
