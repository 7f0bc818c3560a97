"""Import and export: scope, masks, coercion, all or nothing, round trip, hostile files."""

import csv
import datetime
import io
import re
import zipfile
from decimal import Decimal

import pytest
import xlsxwriter
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import example, given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.files import queries as files
from yiwang.kernel.files import sheets
from yiwang.kernel.files.doors import readable
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.people.testing import Town
from yiwang.kernel.registers import coercion, exporting, importing, queries, services
from yiwang.kernel.registers.models import ImportRun
from yiwang.kernel.registers.paths import resolve
from yiwang.kernel.registers.services import imports
from yiwang.kernel.registers.tests import world
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.sample.registers import BRIDGES

HEADERS = ["桥梁代码", "名称", "所属机构", "长度（米）", "车道数", "收费", "通车日期", "检测时间", "管护电话"]


def xlsx(*lines, title=""):
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for number, line in enumerate(([[title]] if title else []) + list(lines)):
        for column, value in enumerate(line):
            sheet.write(number, column, value)
    book.close()
    stream.seek(0)
    return stream


def cells(stream):
    stream.seek(0)
    return CalamineWorkbook.from_filelike(stream).get_sheet_by_index(0).to_python()


def imported(actor, stream, name="桥.xlsx", mapping=None):
    run = services.upload(actor, BRIDGES, name, stream)
    services.confirm(actor, BRIDGES, run, mapping or run.mapping)
    run.refresh_from_db()
    return run


def exported(actor, kind="xlsx", **asked):
    return exporting.export(actor, BRIDGES, queries.Wish(**asked), kind)


def test_导入认得人写的各种样子(city, keeper):
    run = imported(keeper, xlsx(
        HEADERS,
        ["Q１", "　一号桥\u200b ", "交通运输局", "1,234.50", 4.0, "是", 45292, "2026/1/5 9:30", 13812345678],
        ["Q2", "二号桥", "ROADS-N", "", "２", "×", datetime.date(2020, 5, 1), "2026年1月5日", "0772-2812345"],
        title="桥梁台账",
    ))  # fmt: skip
    assert (run.state, run.created, run.errors) == ("done", 2, 0), run.message
    first, second = Bridge.objects.order_by("pk")
    assert (first.name, first.length, first.lanes, first.toll) == ("一号桥", Decimal("1234.50"), 4, True)
    assert (first.opened_on, first.keeper_phone) == (datetime.date(2024, 1, 1), "13812345678")
    assert first.inspected_at == datetime.datetime(2026, 1, 5, 1, 30, tzinfo=datetime.UTC)
    assert (second.organisation_id, second.lanes, second.toll) == (city.north.pk, 2, False)
    assert first.number and second.number != first.number
    assert Entry.objects.filter(action="import").count() == 1


def test_有一行错就一行也不写_错误表标红说明原因(city, keeper, stranger):
    lines = [
        ["Q1", "一号桥", "交通运输局"],
        ["Q2", "", "园林局"],
        ["", "三号桥", "交通运输局"],
        ["Q1", "重复", "交通运输局"],
    ]
    run = imported(keeper, xlsx(HEADERS[:3], *lines))
    assert (run.state, run.errors) == ("refused", 3)
    assert not Bridge.objects.exists()
    stored = files.of((importing.OWNER, run.pk)).get(kind="errors")
    assert readable(keeper, stored) and not readable(stranger, stored)
    with files.content(stored) as stream:
        table = cells(io.BytesIO(stream.read()))
    assert table[0] == ["错误说明", *HEADERS[:3]]
    assert (
        table[1][0] == "" and "所属机构" in table[2][0] and "关键字段" in table[3][0] and "第 2 行重复" in table[4][0]
    )


def test_同一文件再导入无变化_已完成的不重复执行(city, keeper):
    lines = [HEADERS[:3], ["Q1", "一号桥", "交通运输局"]]
    run = imported(keeper, xlsx(*lines))
    with pytest.raises(Conflict):
        services.confirm(keeper, BRIDGES, run, run.mapping)
    again = imported(keeper, xlsx(*lines))
    assert (again.created, again.changed, again.unchanged) == (0, 0, 1)
    changed = imported(keeper, xlsx(HEADERS[:3], ["Q1", "改名桥", "交通运输局"]))
    assert (changed.changed, Bridge.objects.get().name) == (1, "改名桥")


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_自己的导出原样导入无变化(keeper, bridge, kind):
    bridge("Q1", name="=HYPERLINK(1)", note="+1\n@x", length="12.30", toll=True, opened_on=datetime.date(2020, 1, 2),
           inspected_at=datetime.datetime(2026, 3, 1, 4, 5, 6, tzinfo=datetime.UTC))  # fmt: skip
    bridge("Q2", name="-1桥", keeper_phone="")
    columns = (
        "code",
        "name",
        "note",
        "organisation",
        "length",
        "toll",
        "opened_on",
        "inspected_at",
        "keeper_phone",
        "state",
    )
    stream = exported(keeper, kind, columns=columns)
    run = imported(keeper, stream, f"桥.{kind}")
    assert (run.state, run.created, run.changed, run.unchanged) == ("done", 0, 0, 2), run.message


def test_脱敏导出再导入不会把星号写进去(city, bridge):
    bridge("Q1")
    clerk = world.actor(BRIDGES, city.roads, ("view", "export", "import", "change", "add"))
    stream = exported(clerk, columns=("code", "name", "organisation", "keeper_phone"))
    assert cells(stream)[1][3] == "138****5678"
    run = imported(clerk, stream)
    assert (run.unchanged, Bridge.objects.get().keeper_phone) == (1, "13812345678")
    assert imported(clerk, xlsx(HEADERS[:1] + HEADERS[-1:], ["Q1", "139"])).state == "refused"


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_导出不含公式_带演示标记_留痕(keeper, bridge, kind):
    for index, text in enumerate(("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")):
        bridge(f"Q{index}", name=text)
    stream = exported(keeper, kind, columns=("name",), sort="code")
    if kind == "xlsx":
        table = cells(stream)
        assert b"<f>" not in zipfile.ZipFile(stream).read("xl/worksheets/sheet1.xml")
    else:
        table = list(csv.reader(io.StringIO(stream.read().decode("utf-8-sig"), newline="")))
    assert table[0] == ["名称", exporting.NATURE]
    assert all(line[0].startswith("'") for line in table[1:]) and len(table) == 7
    assert {line[1] for line in table[1:]} == {"演示数据" if settings.DEMO_CITY else ""}
    assert Entry.objects.get(action="export").after["rows"] == 6


def test_导出限于看得到又导得出的行(city, bridge, stranger):
    bridge("Q1")
    bridge("Q2", organisation=city.north)
    some = world.actor(BRIDGES, city.roads, ("view",))
    with pytest.raises(Refused):
        exported(some)
    some.permissions[(BRIDGES.code, "export")] = world.actor(BRIDGES, city.north).permissions[(BRIDGES.code, "export")]
    assert [line[0] for line in cells(exported(some, columns=("code",)))] == ["桥梁代码", "Q2"]
    assert len(cells(exported(stranger))) == 1
    with pytest.raises(Refused):
        exported(stranger, "exe")


def holder(*verbs):
    """A person with a real account, whose permissions the job looks up again when it runs."""
    town = Town()
    role = town.role("keeper", *((BRIDGES.code, verb, Scope.TREE) for verb in verbs))
    return town.organisation("养护中心"), town.actor("王工", town.post("养护中心", "养护岗", role))


def test_大量行转为后台任务(db, monkeypatch):
    monkeypatch.setattr(exporting, "DIRECT_ROWS", 2)
    monkeypatch.setattr(imports, "DIRECT_ROWS", 2)
    office, clerk = holder("view", "add", "change", "import", "export")
    lines = [[f"Q{index}", "桥", office.name] for index in range(3)]
    run = services.upload(clerk, BRIDGES, "桥.xlsx", xlsx(HEADERS[:3], *lines))
    job = services.confirm(clerk, BRIDGES, run, run.mapping)
    assert Bridge.objects.count() == 0 and ImportRun.objects.get(pk=run.pk).state == "running"
    with pytest.raises(Conflict):
        services.confirm(clerk, BRIDGES, run, run.mapping)
    run_all()
    job.refresh_from_db()
    assert (job.state, Bridge.objects.count()) == ("done", 3), job.message
    job = exported(clerk)
    assert isinstance(job, Job)
    run_all()
    job.refresh_from_db()
    assert job.state == "done" and readable(clerk, job.result_file), job.message
    assert "下载" in world.browse(clerk, f"/r/sample.bridge/jobs/{job.pk}/").content.decode()
    with files.content(job.result_file) as stream:
        assert len(cells(io.BytesIO(stream.read()))) == 4


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    stream.seek(0)
    return stream


HOSTILE = {
    "宏": lambda: zipped(xl__workbook_xml=b"x", xl__vbaProject_bin=b"x"),
    "炸弹": lambda: zipped(xl__workbook_xml=b"0" * 3_000_000),
    "密码": lambda: io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
    "不是电子表格": lambda: zipped(word__document_xml=b"x"),
    "损坏": lambda: io.BytesIO(b"PK\x03\x04 broken"),
    "没有数据行": lambda: xlsx(HEADERS),
    "上限": lambda: xlsx(["x"] * (sheets.MAX_COLUMNS + 1), ["y"]),
    "既不是": lambda: io.BytesIO(b"\x89PNG\r\n\x1a\n"),
}


@pytest.mark.parametrize("word", HOSTILE)
def test_可疑文件被拒绝并说明原因(keeper, word, monkeypatch):
    monkeypatch.setattr(sheets, "MAX_UNPACKED", 2_000_000)
    with pytest.raises(Invalid) as problem:
        services.upload(keeper, BRIDGES, "x.xlsx", HOSTILE[word]())
    assert word in problem.value.message
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030", "utf-16"])
def test_各种编码的csv都读得对(encoding):
    table = sheets.read(io.BytesIO("代码,名称\nQ1,“㐀”镕桥\n".encode(encoding)), "a.csv")
    assert (table.headers, table.rows, table.first_row) == (["代码", "名称"], [["Q1", "“㐀”镕桥"]], 2)


def test_表头对应按人记住(city, keeper, stranger):
    run = services.upload(keeper, BRIDGES, "a.xlsx", xlsx(["编码", "桥名", "所属机构"], ["Q1", "桥", "交通运输局"]))
    assert run.mapping == {"编码": "", "桥名": "", "所属机构": "organisation"}
    with pytest.raises(Invalid):
        services.confirm(keeper, BRIDGES, run, run.mapping)
    services.confirm(keeper, BRIDGES, run, {"编码": "code", "桥名": "name", "所属机构": "organisation"})
    assert importing.guess(keeper, BRIDGES, ["编码", "桥名"]) == {"编码": "code", "桥名": "name"}
    assert importing.guess(stranger, BRIDGES, ["编码", "桥名"]) == {"编码": "", "桥名": ""}
    with pytest.raises(Refused):
        importing.own_run(stranger, BRIDGES, run.pk)


def test_导入需要导入与写入两种权限(city):
    reader = world.actor(BRIDGES, city.roads, ("view", "add"))
    with pytest.raises(Refused):
        services.upload(reader, BRIDGES, "a.xlsx", xlsx(HEADERS[:3], ["Q1", "桥", "交通运输局"]))
    run = imported(world.actor(BRIDGES, city.roads, ("view", "import")), xlsx(HEADERS[:3], ["Q1", "桥", "交通运输局"]))
    assert run.state == "refused" and not Bridge.objects.exists()


BAD = [("lanes", "两"), ("lanes", "2.5"), ("length", "十"), ("opened_on", "2026-02-30"), ("opened_on", "去年"),
       ("toll", "也许"), ("state", "塌了"), ("name", 4.5e17), ("inspected_at", "2026-01-01 25:00")]  # fmt: skip


@pytest.mark.parametrize(("name", "cell"), BAD)
def test_认不出的单元格说明原因(name, cell):
    with pytest.raises(ValueError, match="“"):
        coercion.coerce(resolve(Bridge, name), cell)


@given(st.dates(datetime.date(1901, 1, 1), datetime.date(2200, 1, 1)))
def test_日期的各种写法得到同一天(day):
    path = resolve(Bridge, "opened_on")
    serial = (day - datetime.date(1899, 12, 30)).days
    ways = (day, datetime.datetime.combine(day, datetime.time()), serial, str(serial), day.isoformat(), f"{day:%Y%m%d}",
            f"{day.year}年{day.month}月{day.day}日", f"{day.year}/{day.month}/{day.day}", f"{day.year}.{day.month}.{day.day}")  # fmt: skip
    assert {coercion.coerce(path, way) for way in ways} == {day}


SHEETS = st.text(
    st.one_of(st.sampled_from("''=+-@＝－ \t\n\u3000\u200ba张"), st.characters(codec="utf-8")), max_size=30
)


@given(SHEETS)
@example("'=1+1")
@example("\u3000=1+1")
def test_公式防护可还原_空白与全角也防住(text):
    said = exporting.safe(text)
    assert said.lstrip("\u200b\u3000 \n\t\r")[:1] not in set("=+-@＝＋－＠")
    # What the register keeps has its blanks trimmed already; it comes back as it was, signs that look like ours too.
    kept = re.sub(r"[ \t\r\f\v\u00a0\u200b-\u200d\u2060\u3000\ufeff]+", " ", text.replace("\x00", ""))
    kept = "\n".join(line.strip() for line in kept.split("\n")).strip()
    assert coercion.clean(exporting.safe(kept)) == kept


def test_导入页面走通(city, keeper):
    assert "下载模板" in world.browse(keeper, "/r/sample.bridge/import/").content.decode()
    template = b"".join(world.browse(keeper, "/r/sample.bridge/import/template/").streaming_content)
    assert cells(io.BytesIO(template))[0][:2] == ["桥梁代码*", "名称*"]
    assert "请先选择" in world.browse(keeper, "/r/sample.bridge/import/", {}, method="POST").content.decode()
    sent = SimpleUploadedFile("桥.xlsx", xlsx(HEADERS[:3], ["Q1", "桥", "交通运输局"]).read())
    response = world.browse(keeper, "/r/sample.bridge/import/", {"file": sent}, method="POST")
    assert response.status_code == 302
    assert "核对表头" in world.browse(keeper, response.url).content.decode()
    wrong = world.browse(keeper, response.url, {"column-1": "name"}, method="POST")
    assert wrong.status_code == 422 and "桥梁代码" in wrong.content.decode()
    given_columns = {"column-0": "code", "column-1": "name", "column-2": "organisation"}
    assert world.browse(keeper, response.url, given_columns, method="POST").status_code == 302
    assert "新增 1 条" in world.browse(keeper, response.url).content.decode()


def test_附件随记录可读可写(keeper, reader, stranger, bridge):
    row = bridge()
    sent = SimpleUploadedFile("检测.txt", "合格".encode())
    assert world.browse(keeper, f"/r/sample.bridge/{row.pk}/attach/", {"file": sent}, method="POST").status_code == 302
    stored = files.of((BRIDGES.code, row.pk)).get()
    assert readable(reader, stored) and not readable(stranger, stored)
    assert "检测.txt" in world.browse(reader, f"/r/sample.bridge/{row.pk}/").content.decode()
    again = SimpleUploadedFile("检测.txt", "合格".encode())
    assert world.browse(reader, f"/r/sample.bridge/{row.pk}/attach/", {"file": again}, method="POST").status_code == 403
    assert (
        world.browse(stranger, f"/r/sample.bridge/{row.pk}/attach/", {"file": again}, method="POST").status_code == 404
    )
