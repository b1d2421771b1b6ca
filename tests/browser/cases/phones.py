"""Telephones for the tests of this room, and hands behind the site's counter."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import PHONE
from tests.browser.site import Site

# In the first grid of the demonstration's grid worker; see `task`.
_AT = """
from huying.cases import actions, queries
from huying.cases.models import Case
from huying.directory.models import Post
from huying.directory.permissions import Actor
from huying.directory.queries import actor_for, demo_accounts, grids
cards = {card.role: card for card in reversed(demo_accounts())}
worker = actor_for(cards["GRID_WORKER"].account_id)
grid = grids(sorted(worker.grids))[0]
"""


@contextmanager
def telephone(browser: Browser, site: Site, **options: Any) -> Iterator[BrowserContext]:
    """A telephone of one's own; an exception in a page fails the test."""
    problems: list[str] = []
    context = browser.new_context(
        base_url=site.url,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        **{"viewport": PHONE, "has_touch": True, **options},
    )
    context.on("weberror", lambda error: problems.append(str(error.error)))
    try:
        yield context
    finally:
        context.close()
    assert not problems, problems


def sign_in(page: Page, role: str = "grid_worker") -> None:
    page.goto("/sign-in/")
    page.click(f"form[action='/sign-in/demo/{role}/'] button >> nth=0")
    page.wait_for_load_state()


def behind_the_counter(site: Site, script: str) -> list[str]:
    """Run lines against the site's database; gives the words they printed last."""
    environment = {
        **os.environ,
        "HUYING_DATABASE_URL": site.database_url,
        "HUYING_DATA_DIR": str(site.data_dir),
        "DJANGO_SETTINGS_MODULE": "huying.config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import django\ndjango.setup()\n{_AT}\n{script}"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1].split()


def alert_task(site: Site, title: str, *steps: str) -> int:
    """An alert in the worker's grid, the worker's `steps` already taken; the case's id."""
    (case_id,) = behind_the_counter(
        site,
        f"""
opened = actions.open_case(
    by=Actor.system("sensing"), procedure="environmental_alert", title={title!r},
    category="ALERT", urgency="URGENT", lon=grid.center_lon, lat=grid.center_lat,
    place_text="东门站", summary="15:00 起高于 150 µg/m³",
)
for step in {steps!r}:
    actions.act(case_id=opened.case_id, action=step, by=worker)
print(opened.case_id)
""",
    )
    return int(case_id)


def answered_report(site: Site) -> str:
    """The receipt of a report that has been answered and not yet rated."""
    (receipt,) = behind_the_counter(
        site,
        """
got = actions.receive_report(
    by=Actor.resident(), text="小区南门垃圾堆了三天没人清运。", category="GARBAGE",
    lon=grid.center_lon, lat=grid.center_lat, place_text="东门小区南门",
)
case = Case.objects.get(pk=got.case_id)
post = Post.objects.filter(
    organisation_id=case.lead_organisation_id, role__in=["OFFICER", "UNIT_HEAD"]
).order_by("id").first()
officer = actor_for(post.account_id)
actions.act(case_id=case.pk, action="take", by=officer)
actions.act(
    case_id=case.pk, action="answer", by=officer,
    data={"reply": "已清运，今后每天两次。", "outcome": "SOLVED"},
)
print(got.receipt)
""",
    )
    return receipt
