"""A bulletin: drafted, a figure followed to its rows, downloaded, issued by another, checked."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.journeys.walking import Walker


def _last_month() -> str:
    first = datetime.now(ZoneInfo("Asia/Shanghai")).replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def _downloads(page: Page, ending: str, start: bytes) -> None:
    with page.expect_download() as started:
        page.get_by_role("link", name=ending).click()
    content = started.value.path().read_bytes()
    assert content.startswith(start) and started.value.suggested_filename.endswith(f".{ending.lower()}")


def _choose_bulletin(page: Page) -> None:
    box = page.get_by_label(re.compile("^模板"))
    box.select_option(box.locator("option", has_text="政府热线月度通报").get_attribute("value"))


def test_编制通报数字可追到记录签发后可核验(walker: Callable[..., Walker]) -> None:
    manager = walker("manager").go("/reports/")
    page = manager.page
    _choose_bulletin(page)
    page.get_by_label(re.compile("^期间")).fill("上个月")
    page.get_by_role("button", name="生成草稿").click()
    manager.sees("期间")
    _choose_bulletin(page)
    page.get_by_label(re.compile("^期间")).fill(_last_month())
    page.get_by_role("button", name="生成草稿").click()
    page.wait_for_url(re.compile(r"/reports/\d+/$"))
    manager.look()
    report = page.url
    assert page.get_by_role("button", name="发布", exact=True).count() == 0
    figure = page.locator("article.report p a[title^=点开看]").first
    said = figure.inner_text()
    figure.click()
    page.wait_for_url("**/figures/**")
    manager.look()
    manager.sees("口径")
    expect(page.locator(".stats")).to_contain_text(re.sub(r"[^\d.]", "", said))
    page.locator("#rows table tbody a").first.click()
    page.wait_for_url("**/cases/*/")
    page.goto(report)
    _downloads(page, "DOCX", b"PK")
    _downloads(page, "PDF", b"%PDF")

    director = walker("director").go(report)
    director.page.get_by_role("button", name="发布", exact=True).click()
    director.page.locator("#confirm-yes").click()
    expect(director.page.get_by_text("已发布").first).to_be_visible()
    director.page.get_by_role("link", name="核验数字").click()
    director.look()
    director.sees("与发布时的摘要一致")
    director.go("/figures/")
    walker("operator").refused(report, "")
