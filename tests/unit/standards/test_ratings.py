"""Five levels, two of them bad."""

import pytest

from huying.standards.ratings import InvalidRating, Rating, from_stars, good_share


def test_levels() -> None:
    assert [r.zh for r in Rating] == ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]
    assert [r.stars for r in Rating] == [5, 4, 3, 2, 1]
    assert [r.is_bad for r in Rating] == [False, False, False, True, True]
    assert all(from_stars(r.stars) is r and r.en for r in Rating)


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_there_is_no_sixth(stars: int) -> None:
    with pytest.raises(InvalidRating, match="五个等级"):
        from_stars(stars)


def test_share_of_good_ratings() -> None:
    assert good_share({}) is None
    assert good_share({Rating.SATISFIED: 3, Rating.DISSATISFIED: 1}) == 0.75
