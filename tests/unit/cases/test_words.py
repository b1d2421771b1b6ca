"""What search knows of a text."""

from hypothesis import given
from hypothesis import strategies as st

from huying.cases.rules.words import MOST_WORDS, query_of, words_of


def test_pairs_of_characters_whole_words_and_numbers() -> None:
    assert words_of(["路灯不亮！Wi-Fi坏了 ＡＢＣ 3号楼"]) == sorted(
        ["路灯", "灯不", "不亮", "亮", "wi", "fi", "坏了", "了", "abc", "3", "号楼", "楼"]
    )


def test_a_query_asks_for_every_pair_and_for_the_beginning_of_a_number() -> None:
    assert query_of("路灯 不亮") == "'路灯' & '不亮'"
    assert query_of("路灯不") == "'路灯' & '灯不'"
    assert query_of("灯") == "'灯':*"
    assert query_of("KTV 138") == "'ktv' & '138':*"
    assert query_of(" ！") == ""


def test_a_very_long_text_stays_within_what_the_database_takes() -> None:
    every = "".join(map(chr, range(0x4E00, 0x9FA0)))
    texts = [every[start : start + 5_000] for start in range(0, len(every), 5_000)]
    words = words_of([*texts, *(text[::-1] for text in texts)])
    assert len(words) == MOST_WORDS
    assert sum(len(word.encode()) for word in words) < 2**20


@given(st.text(max_size=60))
def test_no_text_breaks_the_search(text: str) -> None:
    query = query_of(text)
    assert query.count("'") % 2 == 0
    assert "\x00" not in query
    assert all(word.isalnum() for word in words_of([text]) if word.isascii())
