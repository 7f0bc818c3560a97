"""A department's clerk hands in a dirty sheet, gets it back coloured, corrects it; the bureau takes the data back."""

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import openpyxl
import pytest
import xlsxwriter
from playwright.sync_api import expect

from tests import city
from tests.journeys.conftest import DATABASE, ROOT, Site
from tests.journeys.walking import Walker

RESOURCE, ROWS, WRONG = "保障性住房办理结果信息", 60, 3
KEY, PERSON, DAY, COUNT, HANDLER = "登记编号", "公民身份号码", "办理日期", "数量", "经办机构"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The worker's part, one package a line: the queued job itself, run to its end.
WORK = """
import sys, django; django.setup()
from yiwang.kernel.jobs import services
from yiwang.kernel.jobs.models import Job
print("ready", flush=True)
for line in sys.stdin:
    services.execute(Job.objects.get(name="collection.process", key=line.strip(), state="queued").pk)
    print("done", flush=True)
"""
Work = Callable[[str], None]


@pytest.fixture
def work(site: Site) -> Iterator[Work]:
    with subprocess.Popen(
        [sys.executable, "-c", WORK], cwd=ROOT, env=city.environment(DATABASE, site.log.parent), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as worker:  # fmt: skip
        assert worker.stdin is not None and worker.stdout is not None
        given, answers = worker.stdin, worker.stdout

        def done(package: str) -> None:
            given.write(f"{package}\n")
            given.flush()
            assert answers.readline() == "done\n"

        assert answers.readline() == "ready\n"
        yield done
        given.close()
        worker.wait(timeout=30)


def book(rows: list[list[str]], titles: list[str], *, note: str = "业务科填报", merged: int = 0) -> bytes:
    """As a clerk keeps it: a title over everything, a total and a note below; `merged`: rows of one handler, merged."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as made:
        sheet = made.add_worksheet("台账")
        sheet.merge_range(0, 0, 0, len(titles) - 1, f"{RESOURCE}（{note}）")
        for line, row in enumerate([titles, *rows], 1):
            for place, value in enumerate(row):
                if value:
                    sheet.write_string(line, place, value)
        if merged:
            sheet.merge_range(2, titles.index(HANDLER), merged + 1, titles.index(HANDLER), "区住房保障中心")
        sheet.write_string(len(rows) + 2, 0, "合计")
        sheet.write_string(len(rows) + 3, 0, f"注：本表由{note}。")
    return content.getvalue()


def filled(columns: list[tuple[str, str]], mark: str, wrong: bool) -> list[list[str]]:
    """When wrong: a key twice, a day that does not exist, an O for 0. A 15-digit number always: it is put right."""
    made = []
    for row in range(ROWS):
        line = dict.fromkeys((title for title, _ in columns), "")
        line |= {title: "示例" for title, must in columns if must == "必填"}
        line |= {KEY: f"{mark}{row:04}", DAY: f"2025-03-{row % 28 + 1:02}", COUNT: str(row)}
        if row == 3:
            line[PERSON] = "110105491231002"
        if wrong and row == 10:
            line[COUNT] = "1O"
        if wrong and row == 7:
            line[KEY] = f"{mark}0006"
        if wrong and row == 20:
            line[DAY] = "2025-02-30"
        made.append(list(line.values()))
    return made


def upload(clerk: Walker, resource: str, name: str, content: bytes) -> None:
    """Through the page of that resource, as far as the answer."""
    clerk.go(f"/collection/upload/?resource={resource}")
    clerk.page.get_by_label(re.compile("^数据表")).set_input_files({"name": name, "mimeType": SHEET, "buffer": content})
    clerk.page.get_by_role("button", name="报送").click()


def hand_in(clerk: Walker, resource: str, name: str, content: bytes) -> str:
    """The package's number in its address."""
    upload(clerk, resource, name, content)
    clerk.page.wait_for_url(re.compile(r"/collection/package/\d+/"))
    return clerk.page.url.split("?")[0].rstrip("/").rpartition("/")[2]


def come_to_rest(clerk: Walker, state: str) -> None:
    """The page asks by itself and loads again when the package is done."""
    expect(clerk.page.locator(".case-head")).to_contain_text(state, timeout=30_000)
    clerk.look()


def counted(clerk: Walker, label: str, number: int) -> None:
    expect(clerk.page.locator(".stat").filter(has_text=label).locator("b")).to_have_text(str(number))


def chosen_resource(clerk: Walker, name: str = RESOURCE) -> str:
    clerk.go(f"/collection/upload/?q={name}")
    panel = clerk.page.locator(".panel").filter(has_text="选资源、下载模板")
    link = panel.get_by_role("link", name=name, exact=True)
    address = link.get_attribute("href")
    assert address is not None
    return address.rpartition("=")[2]


def columns_asked(clerk: Walker, resource: str, folder: Path) -> list[tuple[str, str]]:
    """(title, what is asked) of every column, as the page says; the template to download has the same."""
    clerk.go(f"/collection/upload/?resource={resource}")
    page = clerk.page
    with page.expect_download() as download:
        page.get_by_role("link", name="下载模板").click()
    download.value.save_as(folder / "template.xlsx")
    lines = [row.locator("td").all_inner_texts() for row in page.locator("table tbody tr").all()]
    columns = [(line[0].strip(), line[2].strip()) for line in lines]
    sheets = openpyxl.load_workbook(folder / "template.xlsx").worksheets
    told = {cell for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row}
    assert {title for title, _ in columns} <= told, "the template has the columns that the page asks for"
    return columns


def test_模板_报送_确认表头_退回表_改正_再报_回退(walker: Callable[..., Walker], work: Work, tmp_path: Path) -> None:
    mark = f"S{uuid4().hex[:6]}"
    clerk = walker("housing.handler")
    page = clerk.page
    resource = chosen_resource(clerk)
    columns = columns_asked(clerk, resource, tmp_path)
    titles = [title for title, _ in columns]

    # The first upload: a header of their own, merged cells, a total, wrong rows.
    own = ["登记号" if title == KEY else title for title in titles]
    first = hand_in(clerk, resource, "台账.xlsx", book(filled(columns, mark, True), own, merged=3))
    clerk.sees("已接收")
    work(first)
    come_to_rest(clerk, "待确认表头")
    page.get_by_label("“登记号”对应的信息项").select_option(label=f"{KEY}（主键）")
    page.get_by_role("button", name="确认对应，继续处理").click()
    clerk.sees("表头已由人确认")
    work(first)
    come_to_rest(clerk, "已入库")
    for label, number in (
        ("读取行数", ROWS),
        ("有效行数", ROWS - WRONG),
        ("问题行数", WRONG),
        ("入库后存量", ROWS - WRONG),
    ):
        counted(clerk, label, number)
    for words in ("合并单元格", "没有当作数据的行", "合计"):
        clerk.sees(words)
    clerk.sees_nothing_of("与上次报送相比")

    # What goes back: these rows, the wrong cell coloured, the reason beside it.
    with page.expect_download() as download:
        page.get_by_role("link", name="下载标色的退回表").click()
    download.value.save_as(tmp_path / "returned.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "returned.xlsx")["台账"]
    lines = list(sheet.iter_rows(min_row=3))
    assert [cell.value for cell in sheet[2]][-2:] == ["退回理由", "原表行号"]
    assert [line[-1].value for line in lines] == [9, 13, 23]
    coloured = {cell.value for line in lines for cell in line if cell.fill.fgColor.rgb == "FFF8C9C4"}
    assert coloured == {f"{mark}0006", "1O", "2025-02-30"}
    assert "重复" in str(lines[0][-2].value) and DAY in str(lines[2][-2].value)

    # Corrected, with one new mistake; the header is remembered.
    better = filled(columns, mark, False)
    better[30][titles.index(DAY)] = "2025年13月1日"
    corrected = book(better, own)
    second = hand_in(clerk, resource, "台账-改正.xlsx", corrected)
    work(second)
    come_to_rest(clerk, "已入库")
    clerk.sees("与上次报送相比")
    for label, number in (
        ("已改好", WRONG),
        ("仍有问题", 0),
        ("这次没有报", 0),
        ("新出现的问题", 1),
        ("入库后存量", ROWS - 1),
    ):
        counted(clerk, label, number)

    # The same file again is the same package.
    assert hand_in(clerk, resource, "台账-改正.xlsx", corrected) == second
    clerk.sees("没有重复入库")

    # The clerk sees the history; the bureau takes the data back to the first snapshot, with a reason.
    clerk.go(f"/collection/resource/{resource}/")
    clerk.sees("第 2 号")
    expect(page.get_by_text("回退到此")).to_have_count(0)
    keeper = walker("collector").go(f"/collection/resource/{resource}/")
    row = keeper.page.locator("tr").filter(has_text="回退到此").filter(has_text="第 1 号")
    row.get_by_text("回退到此").click()
    row.get_by_label(re.compile("^理由")).fill("业务科通知：改正稿有误，先恢复上一次的内容")
    row.get_by_role("button", name="回退到第 1 号").click()
    current = keeper.page.locator("tr").filter(has_text="现行").first
    expect(current).to_contain_text("业务科通知")
    expect(current).to_contain_text("第 3 号")
    expect(current).to_contain_text(str(ROWS - WRONG))

    # Freshness stands on the catalogue's page, the month's reconciliation on its own.
    clerk.go(f"/catalog/{resource}/")
    clerk.sees(f"{ROWS - WRONG} 行")
    clerk.sees("下次更新期限")
    clerk.go("/collection/statement/")
    clerk.sees("返还对账单")
    clerk.go("/r/collection.stock/")
    clerk.sees(RESOURCE)


def macros(content: bytes) -> bytes:
    """The same workbook with a macro project inside."""
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    return made.getvalue()


def test_错误的文件各有一句话_都没有收下(walker: Callable[..., Walker], work: Work) -> None:
    clerk = walker("housing.handler")
    resource = chosen_resource(clerk, "施工许可年度统计信息")
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le")
    plain = book([["A1", "甲"]], [KEY, "名称"])
    for name, content, words in (
        ("空.csv", b"", "空"), ("加密.xlsx", locked, "密码"), ("宏.xlsm", plain, "宏"), ("藏宏.xlsx", macros(plain), "宏"),
        ("改名.xlsx", b"a,b\n1,2\n", "不"), ("程序.exe", b"MZ" + b"\0" * 64, "可执行"),
    ):  # fmt: skip
        upload(clerk, resource, name, content)
        expect(clerk.page.locator("main [role=alert], main .field-error").first).to_contain_text(words)
        expect(clerk.page.get_by_role("heading", name="报送数据")).to_be_visible()
    # Nothing chosen: the page says what is missing.
    clerk.go("/collection/upload/")
    clerk.page.get_by_role("button", name="报送").click()
    expect(clerk.page.get_by_label(re.compile("^信息资源"))).to_be_focused()
    clerk.go(f"/collection/resource/{resource}/")
    clerk.sees("没有您能看到的数据包")

    # Readable, but of something else: the template of another resource, and a table without the key.
    other = chosen_resource(clerk)
    clerk.go(f"/collection/upload/?resource={other}")
    with clerk.page.expect_download() as download:
        clerk.page.get_by_role("link", name="下载模板").click()
    foreign = hand_in(clerk, resource, "模板.xlsx", download.value.path().read_bytes())
    work(foreign)
    come_to_rest(clerk, "未能读取")
    clerk.sees("与所选资源")
    strange = hand_in(clerk, resource, "通讯录.xlsx", book([["张三", "示例路 1 号"]], ["联系人", "家庭住址"]))
    work(strange)
    come_to_rest(clerk, "待确认表头")
    clerk.sees(f"“{KEY}”没有找到")
    clerk.page.get_by_role("button", name="确认对应，继续处理").click()
    clerk.sees("对应表没有保存")
    clerk.go(f"/collection/package/{strange}/")
    panel = clerk.page.locator("details").filter(has_text="撤回")
    panel.get_by_label(re.compile("^理由")).fill("传错了表")
    panel.get_by_role("button", name="撤回").click()
    come_to_rest(clerk, "已撤回")
