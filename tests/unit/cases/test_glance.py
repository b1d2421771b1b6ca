"""What of a notice leaves the platform is made of what is known of the matter, never of words."""

import pytest

from huying.cases.rules.wording import glance

OUTSIDE = {
    "title": "垃圾清运",
    "category": "垃圾清运",
    "procedure": "群众诉求",
    "place": "城关镇东门社区第1网格",
    "grid": "第1网格",
    "unit": "住建局",
    "people": "1",
    "number": "2026-000001",
    "label": "",
    "due": "11月28日14:30前",
    "owed": "须于11月28日14:30前签收",
}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("新派单：{title}", "新派单：垃圾清运"),
        ("请于{due}到{place}：{category}", "请于11月28日14:30前到城关镇东门社区第1网格：垃圾清运"),
        ("督办", "督办"),
        # Written by somebody in the course of the matter: passed over as a whole.
        ("督办：{reason}", "群众诉求：垃圾清运"),
        ("{actor}：{title}", "群众诉求：垃圾清运"),
        ("{title}（{note}）", "群众诉求：垃圾清运"),
    ],
)
def test_a_title_goes_out_with_what_may(title: str, expected: str) -> None:
    name, rest = glance(title, OUTSIDE)
    assert name == expected
    assert rest == "城关镇东门社区第1网格 · 须于11月28日14:30前签收 · 住建局 · 2026-000001"


def test_what_is_not_known_leaves_no_gap() -> None:
    nothing = {"place": "", "unit": "", "owed": ""}
    assert glance("新派单：{title}", OUTSIDE | nothing)[1] == "2026-000001"


@pytest.mark.parametrize("title", ["{unit}", "{place}：{title}", "{people} 人反映：{title}"])
def test_a_title_that_would_have_a_gap_is_passed_over(title: str) -> None:
    secret = OUTSIDE | dict.fromkeys(("place", "grid", "unit", "people"), "")
    assert glance(title, secret | {"title": "保密事项"})[0] == "群众诉求：保密事项"


def test_values_are_put_in_as_they_are() -> None:
    assert glance("{title}", OUTSIDE | {"title": "{number}{secret}"})[0] == "{number}{secret}"
