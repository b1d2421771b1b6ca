"""Rates, and none where nothing was due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.hotline_rates import (
    HotlineCounts,
    InvalidCounts,
    Weights,
    composite_score,
    contact_rate,
    on_time_rate,
    resolution_rate,
    satisfaction_rate,
)

COUNTS = HotlineCounts(
    due=10, closed_on_time=9, assigned=20, contacted_on_time=15, called_back=8, solved=6,
    satisfied=4,
)  # fmt: skip


def test_rates() -> None:
    assert on_time_rate(COUNTS) == 0.9
    assert contact_rate(COUNTS) == 0.75
    assert resolution_rate(COUNTS) == 0.75
    assert satisfaction_rate(COUNTS) == 0.5
    assert composite_score(COUNTS) == pytest.approx(30 * 0.75 + 35 * 0.75 + 35 * 0.5)
    assert composite_score(COUNTS, Weights(100, 0, 0)) == 75


def test_nothing_due_is_no_rate() -> None:
    empty = HotlineCounts()
    assert on_time_rate(empty) is None
    assert contact_rate(empty) is None
    assert composite_score(empty) is None
    assert composite_score(HotlineCounts(assigned=1)) is None


def test_impossible_counts_and_weights() -> None:
    with pytest.raises(InvalidCounts):
        HotlineCounts(due=1, closed_on_time=2)
    with pytest.raises(InvalidCounts):
        HotlineCounts(due=1, closed_on_time=-1)
    with pytest.raises(InvalidCounts, match="100"):
        Weights(50, 50, 1)


@given(parts=st.tuples(*[st.integers(0, 50)] * 3), wholes=st.tuples(*[st.integers(50, 99)] * 2))
def test_the_score_lies_between_0_and_100(
    parts: tuple[int, int, int], wholes: tuple[int, int]
) -> None:
    score = composite_score(
        HotlineCounts(
            assigned=wholes[0],
            contacted_on_time=parts[0],
            called_back=wholes[1],
            solved=parts[1],
            satisfied=parts[2],
        )
    )
    assert score is not None
    assert 0 <= score <= 100
