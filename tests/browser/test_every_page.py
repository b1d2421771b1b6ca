"""Every page, at both widths: it opens without an error, fits its width, and axe is content."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.addresses import ADDRESSES, Address
from tests.browser.axe import violations
from tests.browser.conftest import DESK, PHONE, Opened, open_page
from tests.browser.site import Site
from tests.browser.site_facts import ready_facts

SIZES = {"phone": PHONE, "desk": DESK}


@pytest.fixture(scope="module")
def known(site: Site) -> dict[str, str]:
    return ready_facts(site)


@pytest.fixture(scope="module")
def opened(browser: Browser, site: Site) -> Iterator[Callable[[str, str], Opened]]:
    """opened(role, width) → that role's page and what went wrong in it; signed in only once."""
    kept: dict[tuple[str, str], Opened] = {}

    def of(role: str, width: str) -> Opened:
        if (role, width) not in kept:
            kept[role, width] = open_page(browser, site, role, SIZES[width])
        found = kept[role, width]
        found.problems.clear()
        return found

    yield of
    for one in kept.values():
        one.page.context.close()


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.name)
def test_page(
    address: Address,
    width: str,
    opened: Callable[[str, str], Opened],
    known: dict[str, str],
) -> None:
    page, problems = opened(address.shown_to, width)
    answer = page.goto(address.path.format(**known))
    assert answer is not None
    assert answer.status == 200
    page.wait_for_load_state("load")
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert too_wide <= 0, "the page scrolls sideways"
    # On a map, places may lie closer than fingers: the table below it opens the same things.
    on_a_map = page.locator("[data-map]").count() > 0
    assert violations(page, without=("target-size",) if on_a_map else ()) == []
    assert not problems, problems
