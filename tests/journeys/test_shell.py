"""The frame every officer works in: sign-in, inbox, acting, search, keyboard, phone, dark, accessibility."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.town import PASSWORD
from tests.journeys.walking import no_sideways_scroll, settled, sign_in

PAGES = (
    "/",
    "/inbox/todo/",
    "/inbox/done/",
    "/inbox/started/",
    "/search/?q=照明",
    "/notifications/",
    "/jobs/",
    "/calendar/",
    "/flows/",
    "/help/",
)


def _first_case(page: Page) -> None:
    page.goto("/inbox/todo/")
    page.locator("table[data-rows] tbody a").first.click()


def test_承办人从待办到办结(page: Page) -> None:
    sign_in(page, "solver", PASSWORD)
    expect(page.locator("h1")).to_contain_text("王强")
    _first_case(page)
    expect(page.get_by_text("逐日说明")).to_be_visible()
    page.get_by_text("逐日说明").click()
    expect(page.get_by_text("起算日不计入")).to_be_visible()
    page.get_by_role("link", name="答复", exact=True).click()
    page.get_by_label("已解决", exact=True).check()
    page.locator("#act-form").get_by_role("button", name="情况属实，已处理完毕。").click()
    expect(page.get_by_label("意见")).to_have_value("情况属实，已处理完毕。")
    page.locator("#act-form").get_by_role("button", name="答复", exact=True).click()
    expect(page.get_by_text("答复后办结，确认提交？")).to_be_visible()
    page.locator("#confirm-yes").click()
    expect(page.get_by_text("已提交，记入第")).to_be_visible()
    expect(page.locator(".case-head")).to_contain_text("已办结")
    number = page.locator(".case-head .number").first.inner_text()
    page.goto("/inbox/done/")
    expect(page.get_by_text(number)).to_be_visible()


def test_漏填时就地提示且不离开页面(page: Page) -> None:
    sign_in(page, "solver", PASSWORD)
    _first_case(page)
    address = page.url
    page.get_by_role("link", name="答复", exact=True).click()
    page.get_by_label("未解决", exact=True).check()
    page.get_by_label("意见").fill("   ")
    page.locator("#act-form").get_by_role("button", name="答复", exact=True).click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#act-form .form-errors")).to_contain_text("需要修改")
    assert page.url == address


def test_转办时搜索选择岗位(page: Page) -> None:
    sign_in(page, "solver", PASSWORD)
    _first_case(page)
    page.get_by_role("link", name="转办", exact=True).click()
    settled(page.locator("#act-form form")).locator("input[type=search]").fill("登记")
    page.get_by_role("button", name="信访局 · 登记岗").click()
    expect(page.locator("#act-form .picked")).to_contain_text("登记岗")
    page.get_by_role("button", name="移除").click()
    expect(page.locator("#act-form .picked .chip")).to_have_count(0)


def test_只用键盘打开待办的第一件(page: Page) -> None:
    sign_in(page, "solver", PASSWORD)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("快捷键")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/inbox/todo/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*/")
    page.keyboard.press("/")
    expect(page.locator(".bar-search input")).to_be_focused()


def test_搜索直达案件(page: Page) -> None:
    sign_in(page, "solver", PASSWORD)
    page.fill(".bar-search input", "第 12 号楼")
    page.press(".bar-search input", "Enter")
    page.get_by_role("link", name="第 12 号楼").click()
    page.wait_for_url("**/cases/*/")


def test_深色选择被记住(page: Page) -> None:
    sign_in(page, "solver", PASSWORD)
    page.locator("summary[aria-label^=用户菜单]").click()
    page.get_by_role("button", name="切换深色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/inbox/todo/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_手机上菜单收起为抽屉(open_page: Callable[..., Page]) -> None:
    page = open_page(390, 844)
    sign_in(page, "solver", PASSWORD)
    expect(page.locator("#side")).not_to_be_in_viewport()
    page.locator("[data-menu]").click()
    page.locator("#side").get_by_role("link", name="已办").click()
    page.wait_for_url("**/inbox/done/")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_各页无障碍且不横向溢出(
    open_page: Callable[..., Page], accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = open_page(width, 800, scheme)
    page.goto("/sign-in/")
    accessible(page)
    sign_in(page, "solver", PASSWORD)
    for path in PAGES:
        page.goto(path)
        no_sideways_scroll(page)
        accessible(page)
    _first_case(page)
    page.get_by_role("link", name="答复", exact=True).click()
    expect(page.locator("#act-form form")).to_be_visible()
    no_sideways_scroll(page)
    accessible(page)
    page.goto("/flows/")
    page.get_by_role("link", name="来信办理").click()
    accessible(page)
    page.goto("/cases/999999/")
    expect(page.locator("h1")).to_have_text("没有找到")
    accessible(page)


def test_管理员看到运行状态而承办人看不到(open_page: Callable[..., Page], accessible: Callable[[Page], None]) -> None:
    administrator, solver = open_page(), open_page()
    sign_in(administrator, "system", PASSWORD)
    administrator.goto("/system/")
    expect(administrator.get_by_text("后台执行进程")).to_be_visible()
    accessible(administrator)
    sign_in(solver, "solver", PASSWORD)
    solver.goto("/system/")
    expect(solver.locator("h1")).to_have_text("没有权限")
