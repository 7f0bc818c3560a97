"""What somebody may hand to the import page by mistake: a sentence that says what to do, and nothing kept."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from yiwang.kernel.access.actors import ANONYMOUS, Conflict
from yiwang.kernel.files import queries as files
from yiwang.kernel.files import sheets
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.registers import importing, services
from yiwang.kernel.registers.models import HeaderGuess, ImportRun
from yiwang.kernel.registers.tests import world
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.sample.registers import BRIDGES
from yiwang.kernel.registers.tests.test_exchange import HEADERS, xlsx
from yiwang.kernel.registers.tests.test_exchange import cells as cells_of

PAGE = f"{BRIDGES.url}import/"
GOOD = ["Q1", "一号桥", "交通运输局"]


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def csv(*lines, encoding="utf-8"):
    return "\n".join(",".join(line) for line in lines).encode(encoding)


FILES = {
    "没有选文件": (None, "请先选择"),
    "空文件": (("空.csv", b""), "没有数据行"),
    "空的xlsx名": (("空.xlsx", b""), "既不是 xlsx 也不是 csv"),
    "图片": (("桥.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(64)), "既不是 xlsx 也不是 csv"),
    "网页改名": (("桥.xls", b"<html><table><tr><td>1</td></tr></table></html>"), "既不是 xlsx 也不是 csv"),
    "旧版或带密码": (("桥.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64)), "旧版 xls 格式，或者设了打开密码"),
    "别的压缩包": (("桥.xlsx", zipped(**{"a.txt": b"1"})), "不是电子表格"),
    "压缩包损坏": (("桥.xlsx", b"PK\x03\x04" + bytes(64)), "已损坏"),
    "只有表头": (("桥.csv", csv(HEADERS[:3])), "没有数据行"),
    "没有表头": (("桥.csv", b"\n\n\n"), "没有数据行"),
    "表头重复": (("桥.csv", csv(["桥梁代码", "名称", "名称"], GOOD)), "表头“名称”出现了不止一次"),
    "表头有控制字符": (("桥.csv", csv(["桥梁代码", "名\x07称", "所属机构"], GOOD)), "控制字符"),
    "内容有空字符": (("桥.csv", csv(HEADERS[:3], ["Q1", "一\x00号桥", "交通运输局"])), "不是文本表格"),
    "编码无法识别": (("桥.csv", b"\xff\xff\xfe\x81" * 9), "编码无法识别"),
    "太宽": (("桥.csv", csv([f"列{n}" for n in range(201)], ["1"] * 201)), "超过上限"),
    "太长": (("桥.csv", b"a,b\n" * 50_030), "超过上限"),
}  # fmt: skip


@pytest.mark.parametrize("given", FILES.values(), ids=FILES.keys())
def test_不合格的文件当场说明_什么也不留下(keeper, given):
    file, said = given
    answer = world.browse(keeper, PAGE, {"file": SimpleUploadedFile(*file)} if file else {}, method="POST")
    assert answer.status_code == 422 and said in answer.content.decode()
    assert not ImportRun.objects.exists() and not StoredFile.objects.exists() and not Bridge.objects.exists()


def test_过大的文件不读(keeper, monkeypatch):
    monkeypatch.setattr(sheets, "MAX_BYTES", 1 << 20)
    big = SimpleUploadedFile("大.csv", b"a,b\n1," + b"x" * (1 << 20))
    answer = world.browse(keeper, PAGE, {"file": big}, method="POST")
    assert answer.status_code == 422 and "超过 1 MB" in answer.content.decode() and not ImportRun.objects.exists()


def uploaded(keeper, *lines):
    return services.upload(keeper, BRIDGES, "桥.xlsx", xlsx(*(lines or (HEADERS[:3], GOOD))))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"column-0": "code", "column-1": "no_such"}, "没有的字段"),
        ({"column-0": "code", "column-1": "name\x00"}, "没有的字段"),
        ({"column-0": "code", "column-1": "x" * 5_000}, "没有的字段"),
        ({"column-0": "code", "column-1": "is_demo"}, "没有的字段"),
        ({"column-0": "code", "column-1": "code"}, "同一个字段"),
        ({"column-1": "name"}, "没有列对应到“桥梁代码”"),
        ({}, "没有列对应到“桥梁代码”"),
    ],
)
def test_对应错了说明在哪_不导入也不记住(keeper, columns, said):
    run = uploaded(keeper)
    answer = world.browse(keeper, f"{PAGE}{run.pk}/", columns, method="POST")
    assert answer.status_code == 422 and said in answer.content.decode()
    run.refresh_from_db()
    assert run.state == "uploaded" and not Bridge.objects.exists() and not HeaderGuess.objects.exists()
    good = {"column-0": "code", "column-1": "name", "column-2": "organisation"}
    assert world.browse(keeper, f"{PAGE}{run.pk}/", good, method="POST").status_code == 302
    assert Bridge.objects.get().name == "一号桥"


def test_别人的_别的台账的_做完的导入都进不去(keeper, stranger, everybody):
    run = uploaded(keeper)
    good = {"column-0": "code", "column-1": "name", "column-2": "organisation"}
    for who in (stranger, everybody):
        for method in ("GET", "POST"):
            assert world.browse(who, f"{PAGE}{run.pk}/", good, method=method).status_code == 404
    assert world.browse(keeper, f"{PAGE}{run.pk + 99}/").status_code == 404
    assert world.browse(ANONYMOUS, f"{PAGE}{run.pk}/", good, method="POST").status_code == 403
    run.register = "sample.other"
    run.save()
    assert world.browse(keeper, f"{PAGE}{run.pk}/", good, method="POST").status_code == 404
    assert not Bridge.objects.exists()
    run.register = BRIDGES.code
    run.save()
    services.confirm(keeper, BRIDGES, run, run.mapping)
    with pytest.raises(Conflict, match="不会重复写入"):
        services.confirm(keeper, BRIDGES, run, run.mapping)
    assert Bridge.objects.count() == 1


def test_页面令牌过期或不是本站的_不收文件(keeper):
    browser = Client(enforce_csrf_checks=True)
    for token in ("", "x" * 64):
        data = {"file": SimpleUploadedFile("桥.csv", csv(HEADERS[:3], GOOD)), "csrfmiddlewaretoken": token}
        assert browser.post(PAGE, data).status_code in (302, 403)
    assert not ImportRun.objects.exists() and not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"长度（米）": "很长"}, "长度（米）"),
        ({"车道数": "两条"}, "车道数"),
        ({"通车日期": "2026-02-30"}, "通车日期"),
        ({"收费": "也许"}, "收费"),
        ({"所属机构": "没有这个局"}, "没有这个局"),
        ({"名称": "长" * 500}, "名称"),
    ],
)
def test_值的类型不对_整份不写_逐行说明(keeper, cells, said):
    line = {"桥梁代码": "Q2", "名称": "二号桥", "所属机构": "交通运输局", **cells}
    run = services.upload(
        keeper, BRIDGES, "桥.xlsx", xlsx(list(line), GOOD + ["4"] * (len(line) - 3), list(line.values()))
    )
    services.confirm(keeper, BRIDGES, run, run.mapping)
    run.refresh_from_db()
    assert run.state == "refused" and not Bridge.objects.exists()
    with files.content(files.of((importing.OWNER, run.pk)).get(kind="errors")) as stream:
        assert said in cells_of(io.BytesIO(stream.read()))[2][0]
    page = world.browse(keeper, f"{PAGE}{run.pk}/").content.decode()
    assert "一行也没有写入" in page
