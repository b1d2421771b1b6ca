"""The auditor in a real browser: every table readable, every proof a click away."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.cases.phones import sign_in, telephone
from tests.browser.conftest import DESK, PHONE
from tests.browser.site import Site

PAGES = ("/audit/", "/audit/?sample=20&seed=2026", "/audit/access/", "/audit/ledger/")


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    size = request.param
    with telephone(browser, site, viewport=size, has_touch=size is PHONE) as context:
        page = context.new_page()
        sign_in(page, "auditor")
        expect(page).to_have_url(re.compile("/audit/$"))
        yield page


def unfold(page: Page) -> None:
    """The filters, which a telephone folds."""
    if page.viewport_size != DESK:
        page.locator(".hy-filters-fold > summary").click()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_and_keeps_nobody_out(path: str, page: Page) -> None:
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert violations(page) == []


def test_from_a_row_to_the_case_and_to_a_proof_that_verifies_here(page: Page) -> None:
    page.goto("/audit/")
    page.locator("a[href^='/audit/cases/']").first.click()
    expect(page.get_by_text("与现在一致")).to_be_visible()
    assert violations(page) == []
    page.locator("a[href^='/verify/']").first.click()
    expect(page.locator("[data-verdict]")).to_have_attribute("data-result", "ok")


def test_the_address_of_a_sample_draws_it_again(page: Page) -> None:
    page.goto("/audit/")
    unfold(page)
    page.fill("#audit_sample", "5")
    page.fill("#audit_seed", "2026")
    page.get_by_role("button", name="随机抽查").click()
    drawn = page.locator("tbody a[href^='/verify/']").all_text_contents()
    assert len(drawn) == 5
    page.goto(page.url)
    assert page.locator("tbody a[href^='/verify/']").all_text_contents() == drawn


def test_on_a_telephone_each_figure_stands_beside_its_column_s_name(page: Page) -> None:
    page.goto("/audit/")
    cell = page.locator(".hy-audit-table tbody tr").first.locator("[role=cell]", has_text="验真")
    if page.viewport_size == DESK:
        expect(page.locator(".hy-stacked")).to_have_count(0)
        return
    expect(cell).to_have_attribute("data-label", "证明")
    width = cell.evaluate("cell => cell.getBoundingClientRect().width")
    assert width > 200, "a column one letter wide"


def test_the_first_row_is_on_a_telephone_s_first_screen_and_says_what_is_asked(page: Page) -> None:
    page.goto("/audit/?since=2026-01-01")
    summary = page.locator(".hy-filters-fold > summary")
    if page.viewport_size == DESK:
        expect(summary).to_be_hidden()
        expect(page.locator("#audit_person")).to_be_visible()
        return
    expect(summary).to_have_text("筛选：从哪天：2026-01-01")
    expect(page.locator("#audit_person")).to_be_hidden()
    top = page.locator("tbody tr").first.evaluate("row => row.getBoundingClientRect().top")
    assert top < 740, "the first row lies below the first screen"
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#audit_person")).to_be_visible()
