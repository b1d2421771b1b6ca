"""Every page, at both widths: it opens without an error, fits its width, and axe is content."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.addresses import ADDRESSES, Address
from tests.browser.axe import violations
from tests.browser.conftest import DESK, PHONE
from tests.browser.site import Site
from tests.browser.site_facts import ready_facts


@pytest.fixture(scope="module")
def known(site: Site) -> dict[str, str]:
    return ready_facts(site)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.name)
def test_page(
    address: Address,
    size: dict[str, int],
    page_as: Callable[..., Page],
    known: dict[str, str],
) -> None:
    page = page_as(address.shown_to, size)
    answer = page.goto(address.path.format(**known))
    assert answer is not None
    assert answer.status == 200
    page.wait_for_load_state("load")
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert too_wide <= 0, "the page scrolls sideways"
    # On a map, places may lie closer than fingers: the table below it opens the same things.
    on_a_map = page.locator("[data-map]").count() > 0
    assert violations(page, without=("target-size",) if on_a_map else ()) == []
