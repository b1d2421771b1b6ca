"""A running site, a real browser, and a page signed in as any role."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.site import Site, running_site

PHONE = {"width": 390, "height": 844}
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


@pytest.fixture
def page_as(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """page_as(role, size=PHONE|DESK) → a page signed in by the demo button; role "" is nobody.

    A console error or an exception in the page fails the test.
    """
    contexts = []
    problems: list[str] = []

    def open_page(role: str = "", size: dict[str, int] = DESK) -> Page:
        context = browser.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            base_url=site.url,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            has_touch=size is PHONE,
            geolocation={"longitude": 114.5, "latitude": 37.5},
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        if role:
            page.goto("/sign-in/")
            page.click(f"form[action='/sign-in/demo/{role}/'] button")
            page.wait_for_load_state()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems, problems
