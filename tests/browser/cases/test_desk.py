"""The desk in a real browser: by keyboard, with two at one case, and for everybody."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.cases.phones import behind_the_counter, sign_in, telephone
from tests.browser.conftest import DESK, PHONE
from tests.browser.site import Site

REGISTERED: Final = "/desk/?procedure=residents_report&state=REGISTERED&order=NEWEST"
Desk = Callable[..., Page]
# Pins of a map may lie close together: the table under it opens the same (WCAG 2.5.8, equivalent).
MAPS: Final = ("target-size",)


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """A machine that builds a site beside the tests may be slow; wrong it must not be."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def desk(browser: Browser, site: Site) -> Iterator[Desk]:
    """desk(role) → a page signed in, wide unless told; a refused step is no error here."""
    with ExitStack() as open_contexts:

        def open_desk(role: str = "dispatcher", size: dict[str, int] = DESK) -> Page:
            context = open_contexts.enter_context(
                telephone(browser, site, viewport=size, has_touch=size is PHONE)
            )
            page = context.new_page()
            sign_in(page, role)
            return page

        yield open_desk


def unsure_reports(site: Site, *texts: str) -> list[int]:
    """Reports nobody is named for, all in one place; the ids of their cases."""
    found = behind_the_counter(
        site,
        f"""
ids = [
    actions.receive_report(
        by=Actor.resident(), text=text, lon=grid.center_lon, lat=grid.center_lat,
        place_text="东门", contact=actions.Contact(name="李桂兰", phone="13900000017"),
    ).case_id
    for text in {texts!r}
]
print(*ids)
""",
    )
    return [int(one) for one in found]


def state(site: Site, case_id: int) -> str:
    (found,) = behind_the_counter(site, f"print(Case.objects.get(pk={case_id}).state)")
    return found


def row(page: Page, case_id: int) -> str:
    return f"#row-{case_id}"


def test_by_keyboard_alone_from_the_list_to_a_dispatched_case(desk: Desk, site: Site) -> None:
    older, newer = unsure_reports(site, "键盘甲：井盖响", "键盘乙：灯不亮")
    page = desk()
    page.goto(REGISTERED)
    page.keyboard.press("j")
    expect(page.locator(f"#row-{newer} [data-row]")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(f"#case [data-case='{older}']")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/desk/{older}/\?"))
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog")
    search = dialog.locator("[data-picker-search]").first
    expect(search).to_be_focused()
    assert violations(page, without=MAPS) == []
    search.press_sequentially("城管")
    search.press("Enter")
    expect(dialog.locator("[data-picker-chosen]").first).to_have_text("城管局")
    search.press("Control+Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("派单，已记下。")).to_be_visible()
    expect(page.locator("#case .hy-tag-brand")).to_have_text("待签收")
    expect(page.locator(f"#row-{older}")).to_contain_text("城管局")
    assert state(site, older) == "DISPATCHED"
    # The keyboard goes on where it was.
    page.keyboard.press("k")
    expect(page.locator(f"#row-{newer} [data-row]")).to_be_focused()


def test_the_letters_are_told_and_search_takes_the_focus(desk: Desk, site: Site) -> None:
    (case_id,) = unsure_reports(site, "字母：墙要倒了")
    page = desk()
    page.goto(f"/desk/{case_id}/?order=NEWEST")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog")
    expect(keys).to_contain_text("派单")
    expect(keys).to_contain_text("搜索")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#queue-search")).to_be_focused()
    page.keyboard.type("墙要倒了")
    page.keyboard.press("Enter")
    expect(page.locator(row(page, case_id))).to_be_visible()
    assert all("墙要倒了" in found for found in page.locator("[data-row]").all_text_contents())


def test_several_chosen_with_x_go_to_one_unit(desk: Desk, site: Site) -> None:
    first, second = unsure_reports(site, "多选甲：垃圾", "多选乙：垃圾")
    page = desk()
    page.goto(REGISTERED)
    for _row in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.get_by_text("已选 2 件")).to_be_visible()
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("派单：2 件")
    assert violations(page) == []
    dialog.get_by_text("城管局", exact=False).first.click()
    dialog.get_by_role("button", name="派单").click()
    expect(dialog).to_contain_text("2 件里办成 2 件")
    dialog.get_by_text("知道了").click()
    expect(page.locator(row(page, first))).to_have_count(0)
    assert state(site, first) == state(site, second) == "DISPATCHED"


def test_two_at_one_case_one_wins_and_the_other_keeps_the_words(desk: Desk, site: Site) -> None:
    (case_id,) = unsure_reports(site, "两人：楼道堵了")
    first, second = desk(), desk("intake_clerk")
    second.goto(f"/desk/{case_id}/")
    first.goto(f"/desk/{case_id}/")
    second.keyboard.press("m")
    words = second.get_by_role("dialog").locator("textarea")
    words.fill("又来电话问，说孩子出不去")
    first.keyboard.press("m")
    first.get_by_role("dialog").locator("textarea").fill("已记，马上派")
    first.keyboard.press("Control+Enter")
    expect(first.get_by_text("记一笔，已记下。")).to_be_visible()
    # The other is told while typing, and nothing typed is touched.
    expect(second.locator("[data-act-news]")).to_contain_text("记一笔")
    expect(words).to_have_value("又来电话问，说孩子出不去")
    second.keyboard.press("Control+Enter")
    dialog = second.get_by_role("dialog")
    expect(dialog.locator("[data-error-summary]")).to_contain_text("已于")
    expect(dialog.locator("textarea")).to_have_value("又来电话问，说孩子出不去")
    expect(second.locator("#case .hy-timeline")).to_contain_text("已记，马上派")
    assert violations(second, without=MAPS) == []
    dialog.locator("textarea").press("Control+Enter")
    expect(second.get_by_text("记一笔，已记下。")).to_be_visible()
    expect(second.locator("#case .hy-timeline")).to_contain_text("又来电话问，说孩子出不去")


def test_new_matters_wait_behind_a_bar_and_nothing_jumps(desk: Desk, site: Site) -> None:
    page = desk()
    with page.expect_event("response", lambda answer: "/live/" in answer.url):
        page.goto(REGISTERED)
    before = page.locator(".hy-queue-row").count()
    unsure_reports(site, "现场一：路塌了", "现场二：树倒了")
    bar = page.locator("#queue [data-live-bar]")
    expect(bar).to_have_text("2 条新事项，点这里看")
    assert page.locator(".hy-queue-row").count() == before
    bar.click()
    expect(page.locator(".hy-queue-row").first).to_contain_text("现场二")


def test_an_open_case_tells_who_acted(desk: Desk, site: Site) -> None:
    (case_id,) = unsure_reports(site, "告知：水管爆了")
    page = desk()
    with page.expect_event("response", lambda answer: "/live/" in answer.url):
        page.goto(f"/desk/{case_id}/")
    behind_the_counter(
        site,
        f"""
clerk = actor_for(cards["INTAKE_CLERK"].account_id)
actions.act(case_id={case_id}, action="remark", by=clerk, data={{"remark": "又来电话"}})
print("done")
""",
    )
    expect(page.locator("#case-news")).to_contain_text("记一笔")
    page.locator("#case-news a").click()
    expect(page.locator("#case .hy-timeline")).to_contain_text("又来电话")
    expect(page.locator("#case-news")).to_be_empty()


def test_personal_data_is_shown_for_a_purpose_and_gone_when_closed(desk: Desk, site: Site) -> None:
    (case_id,) = unsure_reports(site, "查看：要找反映人")
    page = desk()
    page.goto(f"/desk/{case_id}/")
    page.get_by_role("link", name="说明用途后查看").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("审计员和反映人本人都看得到")
    assert violations(page, without=MAPS) == []
    dialog.locator("input[name=purpose]").fill("联系反映人核实位置")
    dialog.get_by_role("button", name="查看").click()
    expect(dialog).to_contain_text("李桂兰")
    expect(dialog).to_contain_text("13900000017")
    dialog.get_by_text("关上", exact=True).click()
    expect(page.get_by_text("李桂兰")).to_have_count(0)


def test_merging_from_the_list(desk: Desk, site: Site) -> None:
    first, second = unsure_reports(site, "并案甲：化粪池冒了", "并案乙：化粪池又冒了")
    page = desk()
    page.goto(REGISTERED)
    for _row in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    page.keyboard.press("q")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("并案：2 件")
    dialog.get_by_role("button", name="并案").click()
    expect(page.locator("#case")).to_contain_text("群众反映（2 件）")
    assert state(site, second) == "MERGED"
    assert state(site, first) == "REGISTERED"


@pytest.mark.parametrize("role", ["officer", "unit_head"])
def test_an_officer_works_on_a_telephone(role: str, desk: Desk) -> None:
    page = desk(role, PHONE)
    page.goto("/desk/")
    page.locator("[data-row]").first.click()
    expect(page.locator("#case h1")).to_be_visible()
    expect(page.locator(".hy-pane-list")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert violations(page, without=MAPS) == []
    page.get_by_role("link", name="回到列表").click()
    expect(page.locator(".hy-pane-list")).to_be_visible()


def test_taking_down_by_telephone(desk: Desk, site: Site) -> None:
    page = desk("intake_clerk")
    page.goto("/desk/")
    page.keyboard.press("n")
    expect(page.locator("#intake_text")).to_be_focused()
    page.keyboard.type("小区垃圾堆了好几天没人清运")
    page.get_by_role("button", name=re.compile("^垃圾")).click()
    expect(page.locator("#intake_category")).to_have_value("GARBAGE")
    page.locator("#place-search").press_sequentially("社区")
    expect(page.locator("#places button").first).to_be_visible()
    page.locator("#place-search").press("Enter")
    expect(page.locator("[name=lon]")).not_to_have_value("")
    expect(page.locator("#intake-help")).to_contain_text(re.compile("500 米|同一件事"))
    assert violations(page) == []
    page.locator("#intake_name").fill("刘大娘")
    page.locator("#intake_phone").fill("13900000005")
    page.locator("#intake_text").press("Control+Enter")
    expect(page.get_by_role("heading", name="已登记")).to_be_visible()
    expect(page.locator("[data-receipt-number]")).to_have_text(re.compile(r"^\w{4}-\w{4}-\w{4}$"))
    assert violations(page) == []


PAGES: Final = (
    ("dispatcher", "/desk/"),
    ("dispatcher", "/desk/?q=没有这个词"),
    ("dispatcher", "/desk/map/"),
    ("dispatcher", "/desk/{case}/"),
    ("dispatcher", "/desk/{case}/print/"),
    ("dispatcher", "/desk/{case}/do/dispatch/"),
    ("intake_clerk", "/desk/intake/"),
)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(("role", "path"), PAGES)
def test_every_page_fits_and_keeps_nobody_out(
    role: str, path: str, size: dict[str, int], desk: Desk, site: Site
) -> None:
    case_id = unsure_reports(site, "页面：路灯")[0] if "{case}" in path else 0
    page = desk(role, size)
    page.goto(path.format(case=case_id))
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    without = MAPS if page.locator("[data-map]").count() else ()
    assert violations(page, without=without) == []
