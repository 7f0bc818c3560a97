"""What somebody may hand to the upload page by mistake: a sentence that says what to do, and nothing in the data."""

import io
import re
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from yiwang.data.collection import terms
from yiwang.data.collection.models import Package, Source
from yiwang.data.collection.tests.world import HEADER, District, csv, rows
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.lake.models import Snapshot

PAGE = "/collection/upload/"
GOOD = csv(rows(5)).getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "1")
    return stream.getvalue()


def sent(district: District, name: str, content: bytes | None, who: str = "报送员", **other: Any) -> tuple[int, str]:
    data = {"resource": district.resource, **other}
    if content is not None:
        data["file"] = SimpleUploadedFile(name, content)
    answer = district.client(who).post(PAGE, data)
    return answer.status_code, answer.content.decode()


def words(page: str) -> str:
    """The sentences of refusal on a page."""
    return " ".join(
        re.findall(
            r'(?:role="alert"|class="errorlist[^"]*"|class="problem"|class="field-error[^"]*")[^>]*>(.*?)</(?:div|ul|p|span)>',
            page,
            re.S,
        )
    )


REFUSED: dict[str, tuple[str, bytes | None, dict[str, Any], str]] = {
    "没有选文件": ("", None, {}, "这个字段是必填项"),
    "空文件": ("空.csv", b"", {}, "空"),
    "图片": ("图.png", b"\x89PNG\r\n\x1a\n" + bytes(64), {}, "不是数据表"),
    "程序改名": ("表.xlsx", b"MZ\x90\x00" + bytes(200), {}, ""),
    "没有选资源": ("表.csv", GOOD, {"resource": ""}, "这个字段是必填项"),
    "不是数字的资源": ("表.csv", GOOD, {"resource": "1'; --"}, ""),
    "没有的资源": ("表.csv", GOOD, {"resource": "999999"}, ""),
    "批次太长": ("表.csv", GOOD, {"batch": "批" * 121}, "120"),
    "批次有空字符": ("表.csv", GOOD, {"batch": "批\x00一"}, ""),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED.keys())
def test_不收的当场说明_什么也不留下(district: District, given: tuple[str, bytes | None, dict[str, Any], str]) -> None:
    name, content, other, said = given
    status, page = sent(district, name, content, **other)
    assert status == 422 and said in words(page), words(page)
    assert not Package.objects.exists() and not StoredFile.objects.exists()


@pytest.mark.django_db
def test_过大的不收(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "PACKAGE_LIMIT", 1000)
    status, page = sent(district, "大.csv", csv(rows(100)).getvalue())
    assert status == 422 and "超过" in page and not Package.objects.exists()


FAILED: dict[str, tuple[str, bytes, str]] = {
    "别的压缩包": ("表.xlsx", zipped(), ""),
    "只有表头": ("表.csv", csv([]).getvalue(), ""),
    "没有表头": ("表.csv", csv(rows(5)[1:], rows(1)[0]).getvalue(), ""),
    "表头重复": ("表.csv", csv(rows(5), ["编号", "姓名", "姓名", "人数"]).getvalue(), ""),
    "内容有空字符": ("表.csv", csv([["A1", "甲\x00乙", "1990-01-01", "3"]]).getvalue(), ""),
    "编码无法识别": ("表.csv", b"\xff\xff\xfe\x81" * 50, ""),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("given", FAILED.values(), ids=FAILED.keys())
def test_读不成的停下来说明_现行数据不变(district: District, given: tuple[str, bytes, str]) -> None:
    name, content, said = given
    status, page = sent(district, name, content)
    run_all()
    if status == 302:
        package = Package.objects.get()
        page = district.client("报送员").get(f"/collection/package/{package.pk}/").content.decode()
        assert package.state in ("failed", "mapping"), (package.state, package.message)
        said = said or package.message
        assert package.message and said in page
    else:
        assert status == 422 and said in page
    assert not Snapshot.objects.exists() and district.facts().rows == 0


@pytest.mark.django_db
def test_对应错了_不是自己的_令牌不对_都不动数据(district: District) -> None:
    status, _ = sent(district, "表.csv", csv(rows(5), ["编号", "称谓", "生于", "人数"]).getvalue())
    assert status == 302
    run_all()
    package = Package.objects.get()
    address, browser = f"/collection/package/{package.pk}/mapping/", district.client("报送员")
    assert package.state == "mapping"
    for columns in ({"column-1": "code", "column-2": "no_such"}, {"column-1": "code", "column-2": "code"}, {},
                    {"column-1": "name\x00"}, {"column-99": "code"}):  # fmt: skip
        answer = browser.post(address, columns)
        assert answer.status_code == 422, (columns, answer.status_code)
        package.refresh_from_db()
        assert package.state == "mapping" and not package.mapping
    assert browser.post("/collection/package/999999/mapping/", {"column-1": "code"}).status_code == 404
    foreign = Client(enforce_csrf_checks=True)
    foreign.force_login(district.accounts["报送员"])
    data = {"resource": district.resource, "file": SimpleUploadedFile("表.csv", GOOD), "csrfmiddlewaretoken": "x" * 64}
    assert foreign.post(PAGE, data).status_code == 403
    assert Package.objects.count() == 1 and not Snapshot.objects.exists()
    assert Source.objects.count() == 1 and HEADER[0] == "编号"


@pytest.mark.django_db
def test_没有登录和没有这项权限的交不了(district: District) -> None:
    data = {"resource": district.resource, "file": SimpleUploadedFile("表.csv", GOOD)}
    assert Client().post(PAGE, data).status_code in (302, 403)
    assert not Package.objects.exists()
