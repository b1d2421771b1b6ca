"""A resident's telephone: with script and without, with a signal and without, large and small."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.cases.phones import answered_report, behind_the_counter, telephone
from tests.browser.site import Site

STEPS = ("photo", "place", "words", "contact", "send")


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    with telephone(browser, site) as context:
        yield context


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "现场.jpg"
    Image.effect_noise((2400, 1800), 60).convert("RGB").save(path)
    return path


def next_step(page: Page) -> None:
    page.get_by_role("button", name="下一步").click()


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", name=words)).to_be_visible()


def fill_in(page: Page, picture: Path, words: str) -> None:
    page.goto("/report/")
    heading(page, "先拍张照片")
    page.set_input_files("input[type=file]", picture)
    expect(page.locator(".hy-photo img")).to_have_count(1)
    next_step(page)
    heading(page, "事情在哪儿")
    page.fill("[name=place_text]", "文化路与新华街路口")
    next_step(page)
    heading(page, "说说是什么事")
    page.fill("[name=text]", words)
    next_step(page)
    heading(page, "怎么找您")
    next_step(page)
    heading(page, "看一遍，就可以交了")


def test_a_report_step_by_step_to_its_receipt(
    phone: BrowserContext, site: Site, picture: Path
) -> None:
    phone.grant_permissions(["geolocation"])
    lon, lat = behind_the_counter(site, "print(grid.center_lon, grid.center_lat)")
    phone.set_geolocation({"longitude": float(lon), "latitude": float(lat)})
    page = phone.new_page()
    page.goto("/")
    page.get_by_role("link", name="我要反映").click()
    page.set_input_files("input[type=file]", picture)
    next_step(page)
    page.get_by_role("button", name="用当前位置").click()
    expect(page.locator("input[name=lon]")).not_to_have_value("")
    expect(page.locator("input[name=phone_lon]")).not_to_have_value("")
    next_step(page)
    page.fill("[name=text]", "路灯坏了半个月，晚上老人不敢出门。")
    page.get_by_role("button", name="路灯").click()
    next_step(page)
    page.get_by_label("帮别人").check()
    page.fill("[name=other_name]", "王桂兰")
    next_step(page)
    expect(page.get_by_text("1 张")).to_be_visible()
    expect(page.get_by_text("这事由")).to_be_visible()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url(re.compile(r"/r/[0-9A-Z]{12}/"))
    expect(page.get_by_text("收到了，谢谢您")).to_be_visible()
    expect(page.locator("[data-receipt-qr] svg")).to_be_visible()
    assert violations(page) == []
    number = page.locator("[data-receipt-number]").inner_text()
    page.goto("/progress/")
    expect(page.locator("[data-kept-list] li")).to_have_count(1)
    page.get_by_role("button", name=re.compile("忘掉")).click()
    expect(page.locator("[data-kept-receipts]")).to_be_hidden()
    page.fill("[name=receipt]", number.lower())
    page.get_by_role("button", name="查进度").click()
    expect(page.get_by_role("heading", name="路灯坏了半个月")).to_be_visible()


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_open_to_everybody(phone: BrowserContext, step: str) -> None:
    page = phone.new_page()
    page.goto(f"/report/#{step}")
    expect(page.locator(f"[data-step={step}]")).to_be_visible()
    expect(page.locator("[data-step]:visible")).to_have_count(1)
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/", "/services/", "/progress/"])
def test_the_other_pages_are_open_to_everybody(phone: BrowserContext, path: str) -> None:
    page = phone.new_page()
    page.goto(path)
    assert violations(page) == []


def test_nothing_but_the_three_doors_above_the_fold(phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto("/")
    assert page.locator("a.hy-door").count() == 3
    box = page.locator(".hy-help").bounding_box()
    assert box
    assert box["y"] >= 780


def test_back_goes_back_one_step_and_loses_nothing(phone: BrowserContext, picture: Path) -> None:
    page = phone.new_page()
    fill_in(page, picture, "井盖碎了")
    page.go_back()
    heading(page, "怎么找您")
    page.locator("[data-step-back]").click()
    heading(page, "说说是什么事")
    expect(page.locator("[name=text]")).to_have_value("井盖碎了")
    expect(page.locator(".hy-photo img")).to_have_count(1)


def test_a_page_that_dies_keeps_its_words(phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto("/report/#words")
    page.fill("[name=text]", "井盖碎了")
    page.reload()
    expect(page.locator("[name=text]")).to_have_value("井盖碎了")


def test_no_words_and_no_photograph_is_said_at_once(phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto("/report/#words")
    next_step(page)
    expect(page.locator("[data-step-problem]")).to_contain_text("写几句话")
    heading(page, "说说是什么事")


def test_what_is_no_photograph_is_said_at_once(phone: BrowserContext, tmp_path: Path) -> None:
    fake = tmp_path / "a.jpg"
    fake.write_bytes(b"no picture")
    page = phone.new_page()
    page.goto("/report/")
    page.set_input_files("input[type=file]", fake)
    expect(page.locator("[data-photo-error]")).to_contain_text("打不开")


def test_a_refused_report_keeps_its_photographs(phone: BrowserContext, picture: Path) -> None:
    page = phone.new_page()
    fill_in(page, picture, "井盖碎了")
    page.get_by_role("button", name="联系").click()
    page.fill("[name=phone]", "打我手机")
    next_step(page)
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_role("alert").filter(has_text="还差一点")).to_be_visible()
    heading(page, "怎么找您")
    page.fill("[name=phone]", "13800000000")
    next_step(page)
    expect(page.get_by_text("1 张")).to_be_visible()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url(re.compile(r"/r/[0-9A-Z]{12}/"))
    expect(page.locator(".hy-photo img").first).to_be_visible()


def test_without_a_signal_it_waits_in_the_phone_and_goes_by_itself(
    phone: BrowserContext, picture: Path
) -> None:
    page = phone.new_page()
    fill_in(page, picture, "没有信号的地方，桥栏杆断了")
    phone.set_offline(True)
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_text("已保存在这台手机里")).to_be_visible()
    phone.set_offline(False)
    expect(page.get_by_text("已发出 1 条。")).to_be_visible(timeout=20_000)
    page.goto("/progress/")
    row = page.locator("[data-kept-list] a")
    expect(row).to_have_count(1)
    row.click()
    expect(page.get_by_role("heading", name="没有信号的地方")).to_be_visible()


def test_a_neighbour_joins_with_a_receipt_of_one_s_own(phone: BrowserContext, site: Site) -> None:
    lon, lat, first = behind_the_counter(
        site,
        """
got = actions.receive_report(by=Actor.resident(), text="垃圾堆成山", category="GARBAGE",
    lon=grid.center_lon, lat=grid.center_lat, place_text="南关桥下")
print(grid.center_lon, grid.center_lat, got.receipt)
""",
    )
    phone.grant_permissions(["geolocation"])
    phone.set_geolocation({"longitude": float(lon), "latitude": float(lat)})
    page = phone.new_page()
    page.goto("/report/#place")
    page.get_by_role("button", name="用当前位置").click()
    expect(page.locator("input[name=lon]")).not_to_have_value("")
    next_step(page)
    page.fill("[name=text]", "桥下又堆起来了，一直没人来收")
    page.get_by_text("自己挑一类").click()
    page.locator("label.hy-chip:has([name=category][value=GARBAGE])").click()
    next_step(page)
    next_step(page)
    expect(page.get_by_text("南关桥下")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="我也遇到了").first.click()
    page.wait_for_url(re.compile(r"/r/[0-9A-Z]{12}/"))
    assert first not in page.url
    expect(page.get_by_text("位邻居反映了同一件事")).to_be_visible()


def test_all_of_it_works_without_script(browser: Browser, site: Site, picture: Path) -> None:
    with telephone(browser, site, java_script_enabled=False) as phone:
        page = phone.new_page()
        page.goto("/report/")
        for step in ("photo", "place", "words", "contact"):
            assert page.locator(f"[data-step={step}]").is_visible()
        page.set_input_files("input[type=file]", picture)
        page.fill("[name=text]", "不用脚本也能反映：路灯坏了")
        page.click("button[type=submit]")
        assert re.search(r"/r/[0-9A-Z]{12}/", page.url)
        assert "不用脚本也能反映" in page.inner_text("h1")
        receipt = answered_report(site)
        page.goto(f"/r/{receipt}/")
        page.check("input[name=level][value='5']", force=True)
        page.click("form[action$='/rate/'] button")
        assert "非常满意" in page.inner_text("#rating")


def test_one_tap_rates_a_bad_one_says_what_happens_next(phone: BrowserContext, site: Site) -> None:
    receipt = answered_report(site)
    page = phone.new_page()
    page.goto(f"/r/{receipt}/")
    assert violations(page) == []
    page.get_by_label("非常不满意", exact=True).check(force=True)
    page.fill("[name=comment]", "根本没清")
    page.get_by_role("button", name="提交评价").click()
    expect(page.get_by_text("5 个工作日内有人打电话回访您")).to_be_visible()
    assert violations(page) == []


def test_the_deadline_opens_to_how_it_was_counted(phone: BrowserContext, site: Site) -> None:
    (receipt,) = behind_the_counter(
        site,
        """
got = actions.receive_report(by=Actor.resident(), text="垃圾没人清", category="GARBAGE",
    lon=grid.center_lon, lat=grid.center_lat)
print(got.receipt)
""",
    )
    page = phone.new_page()
    page.goto(f"/r/{receipt}/")
    how = page.locator("details.hy-clock-more").first
    how.locator("summary").click()
    expect(how.get_by_text("依据：")).to_be_visible()


def test_the_receipt_is_saved_as_a_picture(phone: BrowserContext, site: Site) -> None:
    receipt = answered_report(site)
    page = phone.new_page()
    page.goto(f"/r/{receipt}/")
    with page.expect_download() as download:
        page.get_by_role("button", name="存成图片").click()
    picture = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert picture.width == 720
    assert picture.format == "PNG"


@pytest.mark.parametrize("width", [320, 180])
@pytest.mark.parametrize("path", ["/", "/services/", "/report/", "/progress/", "receipt"])
def test_nothing_is_cut_off_on_a_small_screen_or_enlarged_twice(
    browser: Browser, site: Site, path: str, width: int
) -> None:
    # 180 px is the telephone of 360 px at 200 %.
    path = f"/r/{answered_report(site)}/" if path == "receipt" else path
    with telephone(browser, site, viewport={"width": width, "height": 480}) as phone:
        page = phone.new_page()
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("path", ["/", "/report/", "/progress/"])
def test_the_largest_type_has_large_targets(phone: BrowserContext, site: Site, path: str) -> None:
    phone.add_cookies([{"name": "large_type", "value": "3", "url": site.url}])
    page = phone.new_page()
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    size = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    assert size == 30
    main = page.locator("a.hy-door, .hy-btn-primary:visible").first.bounding_box()
    assert main
    assert main["height"] >= 60
    assert violations(page) == []
