"""A citizen developer finds, downloads and corrects; the department answers; the security administrator decides a scan."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.journeys.walking import Walker


def test_公众查到数据下载并反馈(walker: Callable[..., Walker]) -> None:
    citizen = walker("", 390, 844).go("/public/open/")
    page = citizen.page
    citizen.look()
    page.locator("section.panel h2 a").first.click()
    page.wait_for_url(re.compile(r"/public/open/dataset-\d+/$"))
    citizen.look()
    citizen.sees("信息项")
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("^CSV（.*KB）|^CSV（.*B）")).first.click()
    assert started.value.suggested_filename.endswith(".csv")
    assert "登记编号" in started.value.path().read_text(encoding="utf-8").splitlines()[0]
    page.get_by_role("link", name="数据有误").click()
    page.get_by_label(re.compile("^标题")).fill("有一行写错了")
    page.get_by_label(re.compile("^内容")).fill("第二行的名称与实际不符，请核对。")
    page.get_by_role("button", name="提交").click()
    page.wait_for_url(re.compile("/public/open/track/"))
    citizen.look()
    expect(page.get_by_text("已收到")).to_be_visible()


def test_安全管理员在一页上确认识别结果(walker: Callable[..., Walker]) -> None:
    keeper = walker("keeper").go("/r/protection.scan/")
    page = keeper.page
    page.locator("table tbody tr", has_text="待确认").locator("a").first.click()
    page.wait_for_url(re.compile(r"/protection/scans/\d+/$"))
    keeper.look()
    page.get_by_role("button", name="确认勾选的各项").click()
    expect(page.get_by_text("待确认 0 项")).to_be_visible()
