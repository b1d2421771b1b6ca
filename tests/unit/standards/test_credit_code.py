"""GB 32100: its vectors, and that one slip is always noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.credit_code import (
    ALPHABET,
    WEIGHTS,
    InvalidCreditCode,
    check_character,
    parse_credit_code,
)

characters = st.sampled_from(ALPHABET)
codes = st.tuples(
    st.text(characters, min_size=2, max_size=2),
    st.integers(0, 999999),
    st.text(characters, min_size=9, max_size=9),
).map(lambda t: f"{t[0]}{t[1]:06d}{t[2]}")


def test_alphabet_and_weights_of_the_standard() -> None:
    assert len(ALPHABET) == 31
    assert WEIGHTS == (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


@pytest.mark.parametrize(
    "text", ["91350100M000100Y43", "91110000802100433B", " 91350100 m000100y43 "]
)
def test_vectors(text: str) -> None:
    code = parse_credit_code(text)
    assert code.authority == "9"
    assert code.division_prefix in ("350100", "110000")
    assert code.organisation_code in ("M000100Y4", "802100433")
    assert str(code) == text.replace(" ", "").upper()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "18 位"),
        ("91350100M000100Y4", "18 位"),
        ("91350100M000100YI3", "18 位"),
        ("9135010AM000100Y43", "18 位"),
        ("91350100M000100Y44", "校验位"),
    ],
)
def test_refusals(text: str, word: str) -> None:
    with pytest.raises(InvalidCreditCode, match=word):
        parse_credit_code(text)


@given(first=codes, at=st.integers(0, 16), other=st.integers(1, 30))
def test_one_wrong_character_is_always_noticed(first: str, at: int, other: int) -> None:
    code = first + check_character(first)
    assert parse_credit_code(code).code == code
    wrong = ALPHABET[(ALPHABET.index(code[at]) + other) % 31]
    with pytest.raises(InvalidCreditCode):
        parse_credit_code(code[:at] + wrong + code[at + 1 :])
