from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE

OpenPage = Callable[..., Page]


@pytest.mark.parametrize(
    ("role", "home"),
    [
        ("leader", "/leader/"),
        ("dispatcher", "/desk/"),
        ("grid_worker", "/work/"),
        ("auditor", "/audit/"),
        ("system_admin", "/health/"),
        ("security_admin", "/admin/"),
    ],
)
def test_one_click_leads_each_role_home(page_as: OpenPage, role: str, home: str) -> None:
    page = page_as(role)
    assert page.url.endswith(home)


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_the_sign_in_page_fits_and_works_by_keyboard(
    page_as: OpenPage, size: dict[str, int]
) -> None:
    page = page_as("", size)
    page.goto("/sign-in/")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    page.focus("#id_username")
    page.keyboard.press("Tab")
    expect(page.locator("#id_password")).to_be_focused()


def test_the_account_page_lists_this_device(page_as: OpenPage) -> None:
    page = page_as("dispatcher")
    page.goto("/account/")
    expect(page.get_by_text("本机")).to_be_visible()


def test_master_data_looks_like_the_rest(page_as: OpenPage) -> None:
    page = page_as("system_admin")
    page.goto("/admin/directory/grid/")
    expect(page.get_by_role("link", name="导入")).to_be_visible()
    family = page.evaluate("getComputedStyle(document.body).fontFamily")
    assert "PingFang SC" in family
    assert page.locator(".hy-topbar").count() == 1
