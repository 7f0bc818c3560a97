"""A department's clerk hands in a dirty sheet, gets it back coloured, corrects it; the bureau takes the data back."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
import xlsxwriter
from playwright.sync_api import expect

from tests.journeys.conftest import DATABASE, ROOT, Site
from tests.journeys.walking import Walker
from yiwang.kernel.tables.workbooks import Workbook
from yiwang.site import localdb

RESOURCE, ROWS = "保障性住房办理结果信息", 60
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The worker's part, one package a line: the queued job itself, run to its end.
WORK = """
import sys, django; django.setup()
from yiwang.kernel.jobs import services
from yiwang.kernel.jobs.models import Job
print("ready", flush=True)
for line in sys.stdin:
    services.execute(Job.objects.get(name="collection.process", key=line.strip()).pk)
    print("done", flush=True)
"""


@pytest.fixture
def work(site: Site) -> Iterator[Callable[[str], None]]:
    base = os.environ.get("DATABASE_URL") or localdb.ensure()
    environment = {
        **os.environ, "DATABASE_URL": urlunsplit(urlsplit(base)._replace(path=f"/{DATABASE}")), "PYTHONPATH": str(ROOT),
        "YIWANG_VAR": str(site.log.parent), "YIWANG_ENV": "demo", "DJANGO_SETTINGS_MODULE": "tests.journeys.settings",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", WORK],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdin is not None and worker.stdout is not None

        def done(package: str) -> None:
            assert worker.stdin is not None and worker.stdout is not None
            worker.stdin.write(f"{package}\n")
            worker.stdin.flush()
            assert worker.stdout.readline() == "done\n"

        assert worker.stdout.readline() == "ready\n"
        yield done
        worker.stdin.close()
        worker.wait(timeout=30)


def filled(columns: list[tuple[str, str, str]], wrong: bool, mark: str) -> bytes:
    """As a clerk keeps it: a title, a total, a note; the key twice and a day that does not exist when wrong."""
    key = next(title for title, _, must in columns if must == "主键")
    day = next(title for title, kind, _ in columns if kind.startswith("日期，"))
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet("台账")
        sheet.merge_range(0, 0, 0, len(columns) - 1, f"{RESOURCE}（{mark}）")
        for place, (title, _, _) in enumerate(columns):
            sheet.write_string(1, place, title)
        for row in range(ROWS):
            for place, (title, _, must) in enumerate(columns):
                if title == key:
                    value = f"{mark}{row - 1 if wrong and row == 7 else row:04}"
                elif title == day:
                    value = "2025-02-30" if wrong and row == 20 else f"2025-03-{row % 28 + 1:02}"
                else:
                    value = "示例" if must == "必填" else ""
                if value:
                    sheet.write_string(row + 2, place, value)
        sheet.write_string(ROWS + 2, 0, "合计")
        sheet.write_string(ROWS + 3, 0, "注：本表由业务科填报。")
    return content.getvalue()


def cells(path: Path) -> list[str]:
    book = Workbook(path, "xlsx")
    return [cell for name, _ in book.sheets() for row in book.sheet(name).rows for cell in row]


def hand_in(clerk: Walker, name: str, content: bytes) -> str:
    """Through the page; the package's number in its address."""
    clerk.page.get_by_label(re.compile("^数据表")).set_input_files({"name": name, "mimeType": SHEET, "buffer": content})
    clerk.page.get_by_role("button", name="报送").click()
    clerk.page.wait_for_url(re.compile(r"/collection/package/\d+/"))
    return clerk.page.url.rstrip("/").rpartition("/")[2]


def come_to_rest(clerk: Walker) -> None:
    """The page asks by itself and loads again when the package is done."""
    expect(clerk.page.locator(".stat").first).to_be_visible(timeout=30_000)
    clerk.look()


def counted(clerk: Walker, label: str, number: int) -> None:
    stat = clerk.page.locator(".stat").filter(has_text=label)
    expect(stat.locator("strong")).to_have_text(str(number))


def test_模板_报送_退回表_改正_再报_回退(
    walker: Callable[..., Walker], work: Callable[[str], None], tmp_path: Path
) -> None:
    mark = f"S{uuid4().hex[:6]}"
    clerk = walker("housing.handler").go("/collection/upload/")
    page = clerk.page
    chosen = (
        page.get_by_label(re.compile("^信息资源"))
        .locator("option")
        .filter(has_text=RESOURCE)
        .first.get_attribute("value")
    )
    clerk.go(f"/collection/upload/?resource={chosen}")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载模板").click()
    template = tmp_path / "template.xlsx"
    download.value.save_as(template)
    rows = page.locator("table").filter(has_text="要求").locator("tbody tr")
    columns = [
        (title.strip(), kind.strip(), must.strip())
        for title, kind, must in (row.locator("td").all_inner_texts() for row in rows.all())
    ]
    assert {title for title, _, _ in columns} <= set(cells(template)), "the template has the columns asked for"

    first = hand_in(clerk, "台账.xlsx", filled(columns, True, mark))
    clerk.sees("已接收")
    work(first)
    come_to_rest(clerk)
    counted(clerk, "读取行数", ROWS)
    counted(clerk, "问题行数", 2)
    clerk.sees("没有当作数据的行")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载标色的退回表").click()
    returned = tmp_path / "returned.xlsx"
    download.value.save_as(returned)
    assert "2025-02-30" in cells(returned) and any("重复" in cell for cell in cells(returned))

    clerk.go(f"/collection/upload/?resource={chosen}")
    again = hand_in(clerk, "台账-改正.xlsx", filled(columns, False, mark))
    work(again)
    come_to_rest(clerk)
    clerk.sees("与上次报送相比")
    counted(clerk, "已改好", 2)
    counted(clerk, "仍有问题", 0)
    clerk.sees("已入库")
    counted(clerk, "入库后存量", ROWS)

    keeper = walker("collector").go(f"/collection/resource/{chosen}/")
    row = keeper.page.locator("tr").filter(has_text="回退到此").first
    number = row.locator("td").first.inner_text()
    row.get_by_text("回退到此").click()
    row.get_by_label(re.compile("^理由")).fill("业务科通知：改正稿有误，先恢复上一次的内容")
    row.get_by_role("button", name=re.compile("^回退到第")).click()
    current = keeper.page.locator("tr").filter(has_text="现行").first
    expect(current).to_contain_text("业务科通知")
    expect(current).to_contain_text(str(ROWS - 2))
    assert number not in current.locator("td").first.inner_text(), "a snapshot of its own, the older ones stay"
    clerk.go(f"/catalog/{chosen}/")
