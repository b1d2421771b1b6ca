"""make screenshots: every page at phone and desk width, signed in as each role that may open it.

Writes var/screenshots/<role>/<page>-<phone|desk>.png of a small simulated county; what anybody
may open is taken once, as a visitor. With --url it takes the pictures of a site that runs
already (and its HUYING_DATABASE_URL from the environment).
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.addresses import ADDRESSES, EVERYBODY, Address
from tests.browser.conftest import CHROMIUM_ARGUMENTS, DESK, PHONE
from tests.browser.site import running_site
from tests.browser.site_facts import facts, ready_facts

FOLDER = Path(__file__).resolve().parents[2] / "var" / "screenshots"


VISITOR = "visitor"


def pages_of(role: str, only: list[str]) -> list[Address]:
    """The pages to take as this role; the role "" is a visitor."""
    return [
        address
        for address in ADDRESSES
        if role in address.may
        and (role == "" or "" not in address.may)
        and (not only or address.name in only)
    ]


def take(
    browser: Browser, url: str, known: dict[str, str], only: list[str], roles: list[str]
) -> tuple[int, int]:
    """Take the pictures; how many were taken and how many pages could not be opened."""
    taken = failed = 0
    for role in roles or EVERYBODY:
        pages = pages_of("" if role == VISITOR else role, only)
        folder = FOLDER / (role or VISITOR)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{folder.name}: {len(pages)}", flush=True)
        for width, size in (("phone", PHONE), ("desk", DESK)):
            context = browser.new_context(
                viewport={"width": size["width"], "height": size["height"]},
                base_url=url,
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                device_scale_factor=1,
            )
            page = context.new_page()
            if role not in ("", VISITOR):
                page.goto("/sign-in/")
                page.click(f"form[action='/sign-in/demo/{role}/'] button")
            for address in pages:
                missing = set(re.findall(r"{(\w+)}", address.path)) - known.keys()
                if missing:
                    failed += 1
                    print(f"{address.name}: the county has no {missing.pop()}", file=sys.stderr)
                    continue
                answer = page.goto(address.path.format(**known))
                page.wait_for_load_state("load")
                if page.locator("[data-map], [data-map-picker], [data-chart]").count():
                    page.wait_for_timeout(600)  # maps and charts draw after load
                # 404 is for this role what somebody else's case is.
                if answer is None or answer.status not in (200, 404):
                    failed += 1
                    print(f"{address.name}: {answer and answer.status}", file=sys.stderr)
                page.screenshot(path=folder / f"{address.name}-{width}.png", full_page=True)
                taken += 1
            context.close()
    return taken, failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("--url", default="", help="a running demo site")
    parser.add_argument("--only", nargs="*", default=[], help="names of pages")
    parser.add_argument("--as", dest="roles", nargs="*", default=[], help="roles, or visitor")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("needs chromium", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        if arguments.url:
            known = facts(os.environ["HUYING_DATABASE_URL"])
            taken, failed = take(browser, arguments.url, known, arguments.only, arguments.roles)
        else:
            with running_site("screenshots") as site:
                known = ready_facts(site)
                taken, failed = take(browser, site.url, known, arguments.only, arguments.roles)
        browser.close()
    print(f"{taken} pictures in {FOLDER}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
