"""What search knows of a text: pairs of neighbouring characters, whole words of Latin, numbers.

PostgreSQL cannot tell Chinese words apart and a dictionary of words would hide 路灯 in 路灯不亮.
Pairs find every part of a text that is two characters or longer, whatever the words are.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import Final

LONGEST_TEXT: Final = 5_000
"""Characters of a text that are indexed: all that a report may have."""
MOST_WORDS: Final = 16_000
"""Of one case. With the longest words this stays under the megabyte a tsvector may have."""
_LONGEST_QUERY: Final = 200
_MOST_ASKED: Final = 24
_LONGEST_WORD: Final = 60
_RUN: Final = re.compile(r"([a-z0-9]+)|[^\W_a-z0-9]+")


def words_of(texts: Iterable[str]) -> list[str]:
    """What these texts are found by, sorted. The last character of a run stands alone too, so
    that one character asked for finds it at any place."""
    found: set[str] = set()
    for text in texts:
        for run, latin in _runs(text[:LONGEST_TEXT]):
            if latin:
                found.add(run[:_LONGEST_WORD])
            else:
                found.update(one + two for one, two in pairwise(run))
                found.add(run[-1])
    return sorted(found)[:MOST_WORDS]


def searchable(own: Iterable[str], reports: Collection[tuple[str, str, bool]]) -> Iterator[str]:
    """The texts a case is found by: its own (title, summary, place) where none of its reports is
    secret, and of each other report what it says and where. `reports`: (text, place, secret)."""
    if not any(secret for _text, _place, secret in reports):
        yield from own
    for text, place, secret in reports:
        if not secret:
            yield text
            yield place


def query_of(text: str) -> str:
    """A tsquery literal that texts with all of this match. "" where there is nothing to look for.

    A number finds those that begin with it, a single character what it stands in.
    """
    asked: dict[str, None] = {}
    for run, latin in _runs(text[:_LONGEST_QUERY]):
        if latin:
            word = f"'{run[:_LONGEST_WORD]}'"
            asked[f"{word}:*" if run.isdigit() else word] = None
        elif len(run) == 1:
            asked[f"'{run}':*"] = None
        else:
            asked.update((f"'{one}{two}'", None) for one, two in pairwise(run))
    return " & ".join(list(asked)[:_MOST_ASKED])


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of letters, and whether one is Latin letters and digits."""
    for found in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        yield found[0], found[1] is not None
