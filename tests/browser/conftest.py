"""A running site, a real browser, and a page signed in as any role."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.site import Site, running_site

PHONE = {"width": 360, "height": 780}
DESK = {"width": 1440, "height": 900}
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.needs("chromium", "cjk-fonts"))


# Of the package, not of the session: Playwright's event loop must be gone, and the site's processes
# with it, before other tests run in this worker.
@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with running_site("browser") as running:
        yield running


@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Opened(NamedTuple):
    """A page, and the console errors and exceptions in it so far."""

    page: Page
    problems: list[str]


def open_page(browser: Browser, site: Site, role: str, size: dict[str, int]) -> Opened:
    """A page in a context of its own, signed in by the demo button; role "" is nobody."""
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        base_url=site.url,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        has_touch=size is PHONE,
        geolocation={"longitude": 114.5, "latitude": 37.5},
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    if role:
        page.goto("/sign-in/")
        page.click(f"form[action='/sign-in/demo/{role}/'] button")
        page.wait_for_load_state()
    return Opened(page, problems)


@pytest.fixture
def page_as(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """page_as(role, size=PHONE|DESK) → a page signed in by the demo button; role "" is nobody.

    A console error or an exception in the page fails the test.
    """
    kept: list[Opened] = []

    def of(role: str = "", size: dict[str, int] = DESK) -> Page:
        kept.append(open_page(browser, site, role, size))
        return kept[-1].page

    yield of
    for one in kept:
        one.page.context.close()
    problems = [problem for one in kept for problem in one.problems]
    assert not problems, problems
