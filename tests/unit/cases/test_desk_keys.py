"""Letters of the action bar."""

from hypothesis import given
from hypothesis import strategies as st

from huying.cases.pages.desk_keys import PREFERRED, RESERVED, letters

CODES = st.lists(st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True), unique=True, max_size=20)


@given(CODES)
def test_every_action_has_a_letter_of_its_own_and_none_that_moves(codes: list[str]) -> None:
    found = letters(codes)
    assert list(found) != [] or codes == []
    assert set(found) == set(codes)
    assert len(set(found.values())) == len(codes)
    assert not set(found.values()) & RESERVED


def test_the_usual_letters_stay_whatever_else_is_offered() -> None:
    alone = letters(["dispatch"])
    among = letters(["decide", "delay", "dispatch", "take"])
    assert alone["dispatch"] == among["dispatch"] == "d"
    assert among["take"] == "t"


def test_usual_letters_are_not_reserved() -> None:
    assert not set(PREFERRED.values()) & RESERVED
