"""make screenshots: every page at phone and desk width, as the role it is for.

Writes var/screenshots/<page>-<phone|desk>.png of a small simulated county. With --url it takes
the pictures of a site that runs already (and its HUYING_DATABASE_URL from the environment).
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.addresses import ADDRESSES
from tests.browser.conftest import CHROMIUM_ARGUMENTS, DESK, PHONE
from tests.browser.site import running_site
from tests.browser.site_facts import facts

FOLDER = Path(__file__).resolve().parents[2] / "var" / "screenshots"


def take(browser: Browser, url: str, known: dict[str, str], only: list[str]) -> int:
    """Take the pictures; returns how many pages could not be opened."""
    failed = 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width, size in (("phone", PHONE), ("desk", DESK)):
        for role in sorted({address.shown_to for address in ADDRESSES}):
            context = browser.new_context(
                viewport={"width": size["width"], "height": size["height"]},
                base_url=url,
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                device_scale_factor=1,
            )
            page = context.new_page()
            if role:
                page.goto("/sign-in/")
                page.click(f"form[action='/sign-in/demo/{role}/'] button")
            for address in ADDRESSES:
                if address.shown_to != role or (only and address.name not in only):
                    continue
                try:
                    path = address.path.format(**known)
                except KeyError as missing:
                    print(f"{address.name}: the county has no {missing}", file=sys.stderr)
                    continue
                answer = page.goto(path)
                page.wait_for_load_state("load")
                page.wait_for_timeout(600)  # maps and charts draw after load
                if answer is None or answer.status != 200:
                    failed += 1
                    print(f"{address.name}: {answer and answer.status}", file=sys.stderr)
                page.screenshot(path=FOLDER / f"{address.name}-{width}.png", full_page=True)
            context.close()
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("--url", default="", help="a running demo site")
    parser.add_argument("--only", nargs="*", default=[], help="names of pages")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("needs chromium", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        if arguments.url:
            known = facts(os.environ["HUYING_DATABASE_URL"])
            failed = take(browser, arguments.url, known, arguments.only)
        else:
            with running_site("screenshots") as site:
                failed = take(browser, site.url, facts(site.database_url), arguments.only)
        browser.close()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
