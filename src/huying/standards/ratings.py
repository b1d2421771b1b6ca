"""Ratings of government services (好差评): GB/T 39734-2020 and GB/T 39735-2020.

Five levels; the lower two are bad ratings (差评): each is called back about and mended.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from huying.standards.errors import InvalidInput


class Rating(StrEnum):
    """The five levels, the best first."""

    VERY_SATISFIED = "VERY_SATISFIED"
    SATISFIED = "SATISFIED"
    BASICALLY_SATISFIED = "BASICALLY_SATISFIED"
    DISSATISFIED = "DISSATISFIED"
    VERY_DISSATISFIED = "VERY_DISSATISFIED"

    @property
    def zh(self) -> str:
        """The standard's words."""
        return _WORDS[self][0]

    @property
    def en(self) -> str:
        """In English."""
        return _WORDS[self][1]

    @property
    def stars(self) -> int:
        """5 for the best, 1 for the worst."""
        return 5 - list(Rating).index(self)

    @property
    def is_bad(self) -> bool:
        """Whether it owes a callback and a remedy."""
        return self in (Rating.DISSATISFIED, Rating.VERY_DISSATISFIED)


_WORDS: Final = {
    Rating.VERY_SATISFIED: ("非常满意", "very satisfied"),
    Rating.SATISFIED: ("满意", "satisfied"),
    Rating.BASICALLY_SATISFIED: ("基本满意", "fairly satisfied"),
    Rating.DISSATISFIED: ("不满意", "dissatisfied"),
    Rating.VERY_DISSATISFIED: ("非常不满意", "very dissatisfied"),
}


class InvalidRating(InvalidInput):
    """Not one of the five levels."""

    code = "INVALID_RATING"


def from_stars(stars: int) -> Rating:
    """The level of 1 … 5 stars."""
    if not 1 <= stars <= 5:
        raise InvalidRating("请在五个等级中选择一个。", "Please choose one of the five levels.")
    return list(Rating)[5 - stars]


def good_share(counts: Mapping[Rating, int]) -> float | None:
    """Share of ratings that are not bad (好评率), 0 … 1; ``None`` without ratings."""
    total = sum(counts.values())
    if not total:
        return None
    return sum(n for rating, n in counts.items() if not rating.is_bad) / total
