"""GB/T 8170: the standard's own examples."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.rounding import NotANumber, Number, round_to


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("12.1498", 1, "12.1"),
        ("12.1498", 0, "12"),
        ("1268", -2, "13E+2"),
        ("10.5002", 0, "11"),
        ("1.050", 1, "1.0"),
        (0.35, 1, "0.4"),
        ("2500", -3, "2E+3"),
        ("3500", -3, "4E+3"),
        ("0.0325", 3, "0.032"),
        ("-355", -1, "-36E+1"),
        ("-0.0365", 3, "-0.036"),
        # Once, not step by step: 15.4546 is 15, never 15.4546 → 15.455 → … → 16.
        ("15.4546", 0, "15"),
        # As written, not as the machine stores it.
        (2.675, 2, "2.68"),
        (0.5, 0, "0"),
        (1.5, 0, "2"),
        (-0.2, 0, "0"),
        (7, 0, "7"),
    ],
)
def test_examples(value: Number, places: int, expected: str) -> None:
    rounded = round_to(value, places)
    assert rounded == Decimal(expected)
    assert rounded or not rounded.is_signed()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "abc", "", "sNaN", 1e300])
def test_what_is_no_number_is_refused(value: Number) -> None:
    with pytest.raises(NotANumber):
        round_to(value)


@given(value=st.decimals(-(10**6), 10**6, places=6), places=st.integers(0, 5))
def test_never_further_than_half_a_unit_and_repeatable(value: Decimal, places: int) -> None:
    rounded = round_to(value, places)
    assert abs(rounded - value) <= Decimal(5).scaleb(-places - 1)
    assert round_to(rounded, places) == rounded
