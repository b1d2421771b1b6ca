"""One of many: a long list is searched by typing, and is the browser's own without script."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import DESK, PHONE
from tests.browser.site import Site

OpenPage = Callable[..., Page]
ADD_POST = "/admin/directory/post/add/"
# As by Ctrl+Enter; whether it went out.
SENT = """select => select.form.dispatchEvent(
    new Event('submit', {bubbles: true, cancelable: true}))"""
SHOWN = ".hy-combobox-popup:visible [role=option]"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_an_account_is_found_by_a_few_letters_and_the_keyboard(
    page_as: OpenPage, size: dict[str, int]
) -> None:
    page = page_as("security_admin", size)
    page.goto(ADD_POST)
    box = page.get_by_role("combobox", name="账号", exact=True)
    wanted = page.locator("#id_account option").last
    label, value = wanted.inner_text().strip(), wanted.get_attribute("value")
    box.focus()
    page.keyboard.type(label)
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("option", name=label, exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(box).to_have_value(label)
    expect(box).to_have_attribute("aria-expanded", "false")
    assert page.locator("#id_account").input_value() == value


def test_what_is_not_found_is_said_and_what_was_chosen_comes_back(page_as: OpenPage) -> None:
    page = page_as("security_admin")
    page.goto(ADD_POST)
    box = page.get_by_role("combobox", name="网格")
    box.click()
    page.locator(SHOWN).nth(3).click()
    chosen = box.input_value()
    assert chosen
    box.fill("没有这个网格")
    expect(page.get_by_text("没有找到，换个说法试试。")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box).to_have_value(chosen)
    box.fill("")
    page.keyboard.press("Tab")
    assert page.locator("#id_grid").input_value() == ""


def test_a_refused_form_keeps_the_choice_and_leads_to_the_field(page_as: OpenPage) -> None:
    page = page_as("security_admin")
    page.goto(ADD_POST)
    box = page.get_by_role("combobox", name="账号", exact=True)
    box.click()
    page.locator(SHOWN).nth(2).click()
    chosen = box.input_value()
    page.locator("[name=_save]").click()
    expect(box).to_have_value(chosen)


def test_without_script_it_is_the_browser_s_own_list(browser: Browser, site: Site) -> None:
    context = browser.new_context(base_url=site.url, java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto("/sign-in/")
    page.click("form[action='/sign-in/demo/security_admin/'] button")
    page.wait_for_url("**/admin/")
    page.goto(ADD_POST)
    page.get_by_label("账号").first.select_option(index=3)
    expect(page.locator("input[role=combobox]")).to_have_count(0)
    context.close()


def test_words_left_standing_are_what_is_called_so_or_no_choice_at_all(page_as: OpenPage) -> None:
    page = page_as("security_admin")
    page.goto(ADD_POST)
    box, select = page.get_by_role("combobox", name="辖区"), page.locator("#id_division")
    labels = [one.strip() for one in page.locator("#id_division option").all_inner_texts()]
    town = next(one for one in labels if sum(other.startswith(one) for other in labels) > 2)
    village = next(one for one in labels if one.startswith(town) and one != town)
    select.select_option(label=village)
    expect(box).to_have_value(village)

    # A township whose villages begin like it, and the form is sent without leaving the field.
    box.fill(town)
    assert select.evaluate(SENT)
    assert select.locator("option:checked").inner_text().strip() == town

    page.goto(ADD_POST)
    select.select_option(label=village)
    box.fill(town[:2])
    page.locator("h1").first.click()
    expect(box).to_have_value(town[:2])
    assert box.evaluate("input => input.validationMessage") == "请从列表里选一项。"
    assert not select.evaluate(SENT)
    expect(box).to_be_focused()
    box.fill("")
    assert box.evaluate("input => input.validationMessage") == ""


def test_pointed_at_by_the_arrows_and_left_by_tab_it_is_chosen(page_as: OpenPage) -> None:
    page = page_as("security_admin")
    page.goto(ADD_POST)
    box = page.get_by_role("combobox", name="网格")
    box.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    pointed = page.locator(f"{SHOWN}[aria-selected=true]").inner_text().split("\n")[0].strip()
    page.keyboard.press("Tab")
    expect(box).to_have_value(re.compile(re.escape(pointed.split(" ")[0])))
    assert page.locator("#id_grid").input_value() != ""
