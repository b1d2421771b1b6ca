"""A grid worker's telephone: one hand, bad signal, no track of where it was."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.cases.phones import (
    alert_task,
    answered_report,
    behind_the_counter,
    sign_in,
    telephone,
)
from tests.browser.site import Site


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    with telephone(browser, site) as context:
        yield context


@pytest.fixture
def page(phone: BrowserContext) -> Page:
    page = phone.new_page()
    sign_in(page)
    expect(page).to_have_url(re.compile("/work/$"))
    return page


def state(site: Site, case_id: int) -> str:
    (found,) = behind_the_counter(site, f"print(Case.objects.get(pk={case_id}).state)")
    return found


def card(page: Page, title: str) -> str:
    return f"li.hy-task:has-text('{title}')"


def test_take_arrive_and_report_with_chips(page: Page, site: Site) -> None:
    case_id = alert_task(site, "一号站 PM2.5 达到预警值")
    page.goto("/work/")
    page.locator(card(page, "一号站")).get_by_role("button", name="接单").click()
    page.wait_for_url(f"**/work/{case_id}/")
    expect(page.get_by_text("接单，已记下。")).to_be_visible()
    page.locator(".hy-actionbar").get_by_role("button", name="到场").click()
    expect(page.locator(".hy-actionbar").get_by_role("button", name="核实属实")).to_be_visible()
    page.locator(".hy-actionbar").get_by_role("button", name="核实属实").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("留下现场证据")).to_be_visible()
    assert violations(page) == []
    sheet.get_by_text("露天焚烧").click()
    sheet.get_by_role("button", name="已劝停").click()
    expect(sheet.locator("textarea")).to_have_value("已劝停")
    sheet.get_by_role("button", name="核实属实").click()
    expect(page).to_have_url(re.compile("/work/$"))
    assert state(site, case_id) == "CONFIRMED"


def test_a_step_refused_keeps_what_was_chosen(page: Page, site: Site) -> None:
    case_id = alert_task(site, "二号站 PM2.5 达到预警值", "arrive")
    page.goto(f"/work/{case_id}/")
    page.locator(".hy-actionbar").get_by_role("button", name="核实属实").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("button", name="正在发生").click()
    sheet.get_by_role("button", name="核实属实").click()
    expect(page.get_by_role("alert").filter(has_text="还差一点")).to_be_visible()
    expect(page.locator("textarea[name=finding]")).to_have_value("正在发生")
    assert violations(page) == []
    page.get_by_text("工地扬尘").click()
    page.get_by_role("button", name="核实属实").click()
    expect(page).to_have_url(re.compile("/work/$"))
    assert state(site, case_id) == "CONFIRMED"


def test_without_a_signal_the_steps_wait_and_go_in_order(
    page: Page, phone: BrowserContext, site: Site
) -> None:
    case_id = alert_task(site, "三号站 PM2.5 达到预警值")
    page.goto(f"/work/{case_id}/")
    bar = page.locator("[data-outbox-bar]")
    expect(bar).to_contain_text("在线")
    phone.set_offline(True)
    expect(bar).to_contain_text("没有信号")
    page.locator(".hy-actionbar").get_by_role("button", name="接单").click()
    expect(bar).to_contain_text("1 条待发")
    # The step that waits is not offered again; the one after it is.
    expect(page.locator(".hy-actionbar").get_by_role("button", name="接单")).to_be_hidden()
    page.get_by_role("button", name="未见异常").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_text("短时，到场已散").click()
    sheet.get_by_role("button", name="未见异常").click()
    expect(bar).to_contain_text("2 条待发")
    assert state(site, case_id) == "ALERTED"
    phone.set_offline(False)
    expect(page.locator("[data-outbox-bar]")).to_contain_text("在线", timeout=20_000)
    assert state(site, case_id) == "UNFOUNDED"


def test_the_tasks_open_without_a_signal(page: Page, phone: BrowserContext, site: Site) -> None:
    case_id = alert_task(site, "四号站 PM2.5 达到预警值")
    page.goto("/work/")
    page.evaluate("navigator.serviceWorker.ready")
    kept = "(path) => caches.match(path, {ignoreVary: true}).then((found) => Boolean(found))"
    for _ in range(100):
        if page.evaluate(kept, f"/work/{case_id}/"):
            break
        page.wait_for_timeout(100)
    phone.set_offline(True)
    page.goto(f"/work/{case_id}/")
    expect(page.get_by_role("heading", name="四号站")).to_be_visible()
    phone.set_offline(False)


def test_somebody_else_was_first_and_it_is_said_kindly(page: Page, site: Site) -> None:
    case_id = alert_task(site, "五号站 PM2.5 达到预警值")
    page.goto(f"/work/{case_id}/")
    behind_the_counter(
        site,
        f"""
case = Case.objects.get(pk={case_id})
post = Post.objects.filter(organisation_id=case.lead_organisation_id, role="OFFICER").first()
actions.act(case_id=case.pk, action="take", by=actor_for(post.account_id))
print("taken")
""",
    )
    page.locator(".hy-actionbar").get_by_role("button", name="接单").click()
    expect(page.get_by_role("heading", name="这一步已经不用办了")).to_be_visible()
    expect(page.get_by_text("没有重复记账")).to_be_visible()
    assert violations(page) == []


def test_the_distance_is_reckoned_on_the_telephone_and_nothing_is_sent(
    browser: Browser, site: Site
) -> None:
    alert_task(site, "六号站 PM2.5 达到预警值")
    lon, lat = behind_the_counter(site, "print(grid.center_lon + 0.01, grid.center_lat)")
    here = {"longitude": float(lon), "latitude": float(lat)}
    with telephone(browser, site, geolocation=here, permissions=["geolocation"]) as phone:
        page = phone.new_page()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url + (request.post_data or "")))
        sign_in(page)
        metres = page.locator(card(page, "六号站")).locator("[data-near-metres]")
        expect(metres).to_have_text(re.compile(r"^(8[0-9]0|9[0-9]0) 米$"))
        assert not [one for one in sent if lon[:7] in one or "lon=" in one]


def test_the_most_urgent_comes_first(page: Page, site: Site) -> None:
    alert_task(site, "七号站 PM2.5 达到预警值")
    page.goto("/work/")
    ranks = page.locator("[data-near-item]").evaluate_all(
        "(items) => items.map((item) => Number(item.dataset.rank))"
    )
    assert len(ranks) >= 1
    due = page.locator("[data-near-item]").evaluate_all(
        "(items) => items.map((item) => Number(item.dataset.due || Infinity))"
    )
    assert due == sorted(due)


def test_reporting_for_somebody_shows_the_receipt(page: Page) -> None:
    page.goto("/work/report/")
    assert violations(page) == []
    page.fill("[name=text]", "王大娘家门口的路灯坏了")
    page.get_by_label("替群众报").check()
    page.fill("[name=other_name]", "王大娘")
    page.get_by_role("button", name="报上去").click()
    page.wait_for_url(re.compile(r"/r/[0-9A-Z]{12}/"))
    expect(page.locator("[data-receipt-number]")).to_be_visible()


def test_hear_how_it_ended(page: Page, site: Site) -> None:
    receipt = answered_report(site)
    behind_the_counter(
        site,
        f"""
case_id = Case.objects.get(reports__receipt={receipt!r}).pk
actions.act(case_id=case_id, action="verify", by=worker)
actions.rate(receipt={receipt!r}, rating=5, comment="来得真快", by=Actor.resident())
dispatcher = actor_for(cards["DISPATCHER"].account_id)
actions.act(case_id=case_id, action="close", by=dispatcher)
print("closed")
""",
    )
    page.goto("/work/done/")
    expect(page.get_by_text("来得真快").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("large", ["", "3"])
def test_list_and_task_are_open_to_everybody(
    page: Page, phone: BrowserContext, site: Site, large: str
) -> None:
    case_id = alert_task(site, "八号站 PM2.5 达到预警值", "arrive")
    if large:
        phone.add_cookies([{"name": "large_type", "value": large, "url": site.url}])
    for path in ("/work/", f"/work/{case_id}/", f"/work/{case_id}/do/confirm_true/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        if large:
            box = page.locator(".hy-btn-primary:visible").first.bounding_box()
            assert box
            assert box["height"] >= 60
