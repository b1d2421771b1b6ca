"""The visitor's own browser computes the proof, and is not taken in by a page that was altered."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.site import Site

RECORD = "/verify/1/"


@pytest.fixture
def page(browser: Browser, site: Site) -> Page:
    return browser.new_page(
        viewport={"width": 390, "height": 844}, base_url=site.url, locale="zh-CN"
    )


def test_a_sealed_record_passes(page: Page) -> None:
    page.goto(RECORD)
    # Until the sequencer has sealed it, the page says so and loads itself again.
    expect(page.locator("[data-verdict]")).to_have_attribute("data-result", "ok", timeout=20_000)
    expect(page.locator("[data-proof] li")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") == 390, "nothing runs over"


@pytest.mark.parametrize("field", ["entry", "root", "checkpoint", "public_key"])
def test_an_altered_page_does_not_pass(page: Page, field: str) -> None:
    def alter(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        start = re.search(rf'"{field}": "', text)
        assert start is not None
        place = start.end() + 3
        other = "B" if text[place] != "B" else "C"
        route.fulfill(response=answer, body=text[:place] + other + text[place + 1 :])

    page.route(f"**{RECORD}", alter)
    page.goto(RECORD)
    expect(page.locator("[data-verdict]")).to_have_attribute("data-result", "bad", timeout=20_000)
