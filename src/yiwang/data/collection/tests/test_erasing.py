"""A person who asked to be deleted is gone from packages too, and does not come back by a replay."""

import io
from typing import Any

import pytest
import xlsxwriter
from django.conf import settings
from django.db import DatabaseError, transaction

from yiwang.data.collection.models import Package, Removal
from yiwang.data.collection.services import erasing as packages
from yiwang.data.collection.services import intake, processing, reading
from yiwang.data.collection.services import packages as kept
from yiwang.data.collection.tests.world import District, csv, rows, sheet
from yiwang.data.governance import contract as governance
from yiwang.kernel.access.actors import SYSTEM, Conflict
from yiwang.kernel.files import queries as stored
from yiwang.kernel.files import sealed
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.lake import erasing
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.erasing import Report, Subject

pytestmark = pytest.mark.django_db
WHO = "110101199003074514"
SUBJECT = Subject(erasing.written(WHO))
REASON = "个人信息保护法第四十七条，测试"


def found(subject: Subject = SUBJECT) -> list[tuple[str, int]]:
    return [(each.reference, each.rows) for each in erasing.search(packages.PLACE, subject).traces]


@pytest.fixture
def erase(django_capture_on_commit_callbacks: Any) -> Any:
    def run(subject: Subject = SUBJECT) -> Report:
        with django_capture_on_commit_callbacks(execute=True):
            return erasing.erase(SYSTEM, packages.PLACE, subject, REASON)

    return run


def batch(*numbers: str) -> list[list[str]]:
    """Good rows, then one row a number; a number is no date, so its row is kept back and returned."""
    return [*rows(8), *([f"P{place}", f"某{number}", "1990-01-01", "3"] for place, number in enumerate(numbers))]


def test_原件_读取结果_检查文件都没有这个人_包的摘要不变(district: District, erase: Any) -> None:
    package = district.hand_in(sheet(batch(WHO, "１１０１０１９００３０７４５１", "李四")), "名册.xlsx")
    digest = package.sha256
    assert found() == [(package.number, 2)]
    report = erase()
    assert (report.searched, [each.reference for each in report.traces]) == (1, [package.number])
    assert found() == [] and erase().traces == []
    package.refresh_from_db()
    removal = Removal.objects.get()
    assert (package.sha256, removal.rows, removal.before) == (digest, 2, package.file.digest)
    assert package.file.erased_at is not None and not any(settings.VAR.rglob(f"{package.file.digest}*"))
    assert removal.rest is not None
    with stored.content(removal.rest) as content:
        text = content.read().decode()
    assert WHO not in text and "李四" in text and text.splitlines()[0] == "编号,姓名,出生日期,人数"
    with pytest.raises(DatabaseError), transaction.atomic():
        Removal.objects.update(rows=0)


def test_大批次入库之后才留存读取结果_删除先于它也删得干净(
    district: District, erase: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BULK_BYTES", 0)
    lines = [*batch(WHO, "李四"), ["合计", "", "", "30"]]
    first = district.hand_in(csv(lines), "名册.csv", run=False)
    assert processing.advance(first.pk).state == "published"
    assert not sealed.exists(kept.parsed_path(first))
    assert found() == [(first.number, 1)] and sealed.exists(kept.parsed_path(first))
    erase()
    run_all()  # the job that would have kept the rows comes late
    assert found() == [] and Removal.objects.get().rows == 1

    second = district.hand_in(csv([*rows(40), ["B1", "赵六", "不是日期", "3"]]), "名册二.csv", run=False)
    processing.advance(second.pk)
    run_all()
    with (
        sealed.plain(kept.parsed_path(second)) as (path,),
        governance.kept(run_of(second), "quarantine.parquet") as (bad,),
    ):
        looked = lake.engine.run(
            "yiwang.kernel.lake.work.erasing:search",
            {
                "paths": {"p": str(path), "q": str(bad)},
                "texts": ["赵六"],
                "numbers": {"p": "file_row_number", "q": "__row"},
            },
        )
    assert looked == {"counts": {"p": 1, "q": 1}, "rows": [40]}, "one number in either"


def run_of(package: Package) -> int:
    return int(Package.objects.get(pk=package.pk).verdict["run"])


def test_重放不带回这个人_原文件再报被拒(district: District, erase: Any) -> None:
    package = district.hand_in(csv(batch(WHO)), "名册.csv")
    erase()
    made = intake.replay(district["管理员"], package.pk, "按新规则")
    run_all()
    again = Package.objects.get(pk=made.pk)
    assert (again.state, again.rows) == ("published", 8)
    assert not [row for row in district.data() if WHO in row["name"]]
    with pytest.raises(Conflict, match="已依法删除"):
        district.hand_in(csv(batch(WHO)), "名册.csv")


def test_退回表与问题行里的也删(district: District, erase: Any) -> None:
    lines = [*rows(30), ["P1", f"某{WHO}", "不是日期", "3"], ["P2", "王五", "也不是", "3"]]
    package = district.hand_in(csv(lines), "名册.csv")
    sheets = list(stored.of(("collection.package", package.pk)).filter(kind="退回表"))
    assert package.bad == 2 and len(sheets) == 1
    erase()
    assert found() == [] and not stored.of(("collection.package", package.pk)).filter(kind="退回表").exists()
    with governance.kept(package.verdict["run"], "quarantine.parquet") as (path,):
        from_file = lake.engine.run(
            "yiwang.kernel.lake.work.erasing:search",
            {"paths": {"q": str(path)}, "texts": ["王五", WHO], "numbers": {"q": "__row"}},
        )
    assert from_file == {"counts": {"q": 1}, "rows": [31]}


def test_没有读取的列和别的工作表里的也算(district: District, erase: Any) -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    page = book.add_worksheet("数据")
    for index, line in enumerate([["编号", "姓名", "出生日期", "人数"], *rows(5)]):
        page.write_row(index, 0, line)
    book.add_worksheet("草稿").write_string(0, 0, f"联系 {WHO}")
    book.close()
    content.seek(0)
    package = district.hand_in(content)
    assert found() == [(package.number, 1)]
    erase()
    removal = Removal.objects.get()
    assert found() == [] and removal.rest is not None and removal.rest.name.endswith("删除后.csv")


def test_待确认表头的包整份删除(district: District, erase: Any) -> None:
    package = district.hand_in(csv([[f"x{WHO}", "a"]], ["甲", "乙"]), "别的.csv")
    assert package.state == "mapping"
    erase()
    package.refresh_from_db()
    assert package.state == "failed" and "重新报送" in package.message
    with pytest.raises(Conflict, match="不能重放"):
        intake.replay(district["管理员"], package.pk, "再来")


def test_正在处理的包要等(district: District, erase: Any) -> None:
    package = district.hand_in(csv(batch(WHO)), "名册.csv", run=False)
    with pytest.raises(Conflict, match="正在处理"):
        erase()
    assert not Removal.objects.exists()
    run_all()
    assert [each.reference for each in erase().traces] == [package.number]


def test_杀在半途再来一次(district: District, erase: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the run's files were written anew, before the package says so: everything is found and done again."""
    package = district.hand_in(csv(batch(WHO)), "名册.csv")

    def cut(*args: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packages, "_record", cut)
        with pytest.raises(KeyboardInterrupt):
            erase()
    assert found() == [(package.number, 1)]
    assert len(erase().traces) == 1 and found() == []
