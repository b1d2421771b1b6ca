"""The template tags and components that every page uses."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone


def render(source: str, **values: object) -> str:
    return Template("{% load huying %}" + source).render(Context(values))


def clock(state: str, due_at: datetime | None) -> dict[str, object]:
    return {"state": state, "due_at": due_at, "label": "答复", "article": "第 34 条"}


def test_a_clock_chip_says_its_state_in_a_word_and_a_shape() -> None:
    late = clock("OVERDUE", timezone.now() - timedelta(days=3, hours=1))
    page = render_to_string("components/clock_chip.html", {"clock": late})
    assert "超期 3 天" in page
    assert 'data-state="OVERDUE"' in page
    assert "#clock-OVERDUE" in page
    assert "第 34 条" in page


def test_a_paused_clock_counts_nothing() -> None:
    page = render_to_string(
        "components/clock_chip.html", {"clock": clock("WAITING", None), "plain": 1}
    )
    assert "已中止计时" in page
    assert "还剩" not in page


def test_a_provisional_due_date_is_said_on_the_chip_and_explained() -> None:
    value = clock("ON_TIME", timezone.now() + timedelta(days=40)) | {"provisional": True}
    page = render_to_string("components/clock_chip.html", {"clock": value})
    assert "，暂定）" in page
    assert "公布后自动重算" in page


@pytest.mark.parametrize("name", ["large_type", "__Host-large_type"])
@pytest.mark.parametrize(
    ("cookie", "expected"),
    [("2", ' hy-large data-large="2"'), ("", ""), ("9", ""), ('1" onload="x', "")],
)
def test_large_type_takes_its_step_from_the_cookie_alone(
    cookie: str, expected: str, name: str
) -> None:
    request = RequestFactory().get("/")
    request.COOKIES[name] = cookie
    page = render("{% large_type_class %}{% large_type_attribute %}", request=request)
    assert page == expected


def test_an_icon_is_silent_unless_named() -> None:
    assert 'aria-hidden="true"' in render('{% icon "phone" %}')
    named = render('{% icon "phone" label %}', label="<b>电话</b>")
    assert 'role="img"' in named
    assert "<b>" not in named


def test_filters_of_nothing_say_nothing() -> None:
    source = "{{ x|moment }}{{ x|ago }}{{ x|remaining }}{{ x|count }}{{ x|wan }}{{ x|distance }}"
    assert render(source, x=None) == ""


def test_count_groups_numbers_and_leaves_words() -> None:
    assert render("{{ n|count }} {{ w|count }}", n=12345, w="96.3") == "12,345 96.3"


def test_the_five_levels_stand_best_first() -> None:
    page = render_to_string("components/rating.html", {"value": 2})
    assert [page.index(f'value="{n}"') for n in (5, 4, 3, 2, 1)] == sorted(
        page.index(f'value="{n}"') for n in (5, 4, 3, 2, 1)
    )
    assert page.count(" checked") == 1


class PhoneForm(forms.Form):
    phone = forms.CharField(label="手机号", help_text="只用来告诉您结果。", max_length=3)


def test_a_wrong_field_is_tied_to_its_error_and_hint() -> None:
    form = PhoneForm({"phone": "<script>"})
    assert not form.is_valid()
    page = render_to_string("components/field.html", {"field": form["phone"]})
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_phone_helptext id_phone_error"' in page
    assert 'id="id_phone_error"' in page
    assert 'id="id_phone_helptext"' in page
    assert "<script>" not in page
    summary = render_to_string("components/error_summary.html", {"form": form})
    assert 'href="#id_phone"' in summary
