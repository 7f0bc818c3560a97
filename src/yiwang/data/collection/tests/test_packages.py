"""From a sheet to published data, and every way back."""

import io

import pytest

from yiwang.data.collection import queries
from yiwang.data.collection.models import HeaderMemory, Package, Stock
from yiwang.data.collection.pages import delivery
from yiwang.data.collection.services import intake, publishing
from yiwang.data.collection.tests.world import HEADER, District, csv, publish_resource, rows, sheet
from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.jobs.testing import run_all


def test_a_sheet_becomes_data(district: District) -> None:
    package = district.hand_in(sheet([*rows(), ["合计", "", "", "60"]]))
    assert (package.state, package.rows, package.valid, package.bad, package.stock) == ("published", 20, 20, 0, 20)
    facts = district.facts()
    assert (facts.rows, facts.snapshot) == (20, package.snapshot)
    assert district.data()[0] == {"code": "A0001", "name": "人1", "birth": "1990-01-01", "people": 3}
    assert [step.state for step in package.steps.all()] == ["received", "parsed", "checked", "waiting", "published"]
    assert package.report["skipped"] == {"合计行": 1}
    assert Stock.objects.get().change == 20


def test_the_same_content_is_the_same_package(district: District) -> None:
    first = district.hand_in(sheet(rows()))
    again, fresh = intake.receive(district["报送员"], district.source(), "改名.xlsx", sheet(rows()))
    assert (again.pk, fresh) == (first.pk, False)
    assert Package.objects.count() == 1
    assert "没有重复入库" in again.steps.last().message
    second = district.hand_in(sheet(rows(21)))
    third = district.hand_in(sheet(rows()))
    assert second.state == third.state == "published" and third.pk != first.pk, "older content is a new load"


def test_increments_merge_by_key(district: District) -> None:
    source = district.source("drop", name="增量", mode="incremental")
    district.hand_in(csv(rows(10)), "a.csv", "管理员", source)
    changed = [["A0001", "改名", "1991-02-03", "9"], ["A0011", "新", "1990-01-01", "1"]]
    package = district.hand_in(csv(changed), "b.csv", "管理员", source)
    assert (package.rows, package.stock) == (2, 11)
    data = {row["code"]: row for row in district.data()}
    assert data["A0001"]["name"] == "改名" and data["A0011"]["people"] == 1


def test_a_batch_has_one_content(district: District) -> None:
    source = district.source("drop", name="批次")
    first = district.hand_in(csv(rows(3)), "a.csv", "管理员", source, batch="2026-01")
    again, fresh = intake.receive(district["管理员"], source, "a.csv", csv(rows(3)), batch="2026-01")
    assert (again.pk, fresh) == (first.pk, False)
    with pytest.raises(Conflict, match="已收到过另一份内容"):
        intake.receive(district["管理员"], source, "a.csv", csv(rows(4)), batch="2026-01")


def test_a_renamed_header_waits_for_a_person_and_is_remembered(district: District) -> None:
    header = ["编号", "姓名", "出生日期时间", "参加人数"]
    package = district.hand_in(sheet(rows(5), header))
    assert package.state == "mapping" and "可能是改了名" in package.message
    columns = {1: "code", 2: "name", 3: "birth", 4: "people"}
    with pytest.raises(Refused):
        intake.confirm_mapping(district["教育报送员"], package.pk, columns)
    with pytest.raises(Invalid, match="一个信息项只能对应一列"):
        intake.confirm_mapping(district["报送员"], package.pk, {**columns, 3: "people"})
    with pytest.raises(Invalid, match="主键“编号”没有对应的列"):
        intake.confirm_mapping(district["报送员"], package.pk, {2: "name"})
    intake.confirm_mapping(district["报送员"], package.pk, columns)
    run_all()
    package.refresh_from_db()
    assert package.state == "published" and district.data()[0]["people"] == 3
    assert HeaderMemory.objects.count() == 4
    assert district.hand_in(sheet(rows(6), header)).state == "published", "asked once"


def test_a_missing_required_column_waits(district: District) -> None:
    package = district.hand_in(sheet([row[1:] for row in rows(3)], HEADER[1:]))
    assert package.state == "mapping"
    assert any("“编号”没有找到" in said for said in package.looked["said"])


def test_what_falls_short_waits_for_somebody_else(district: District) -> None:
    lines = rows(10)
    lines[3][0] = lines[4][0] = ""
    package = district.hand_in(sheet(lines))
    assert package.state == "waiting" and "有效率 80.00%（8／10）低于下限" in package.message
    assert district.facts().rows == 0, "nothing is data before it is approved"
    with pytest.raises(Refused):
        publishing.approve(district["报送员"], package.pk, "同意")
    with pytest.raises(Invalid, match="审定意见"):
        publishing.approve(district["管理员"], package.pk, " ")
    done = publishing.approve(district["管理员"], package.pk, "已核实，两行为作废编号")
    assert (done.state, done.stock, district.facts().rows) == ("published", 8, 8)


def test_nobody_approves_what_he_handed_in(district: District) -> None:
    lines = [["", *row[1:]] for row in rows(1)] + rows(3)
    package = district.hand_in(sheet(lines), who="管理员")
    assert package.state == "waiting"
    with pytest.raises(Conflict, match="由其他人审定"):
        publishing.approve(district["管理员"], package.pk, "同意")
    assert publishing.approve(district["另一管理员"], package.pk, "同意").state == "published"


def test_a_large_change_waits(district: District) -> None:
    district.hand_in(sheet(rows(10)))
    package = district.hand_in(sheet(rows(3)))
    assert package.state == "waiting" and "数据量由 10 变为 3" in package.message
    assert intake.refuse(district["管理员"], package.pk, "漏报").state == "refused"
    assert district.facts().rows == 10


def test_an_older_package_cannot_overtake_a_newer_one(district: District) -> None:
    district.hand_in(sheet(rows(10)))
    waiting = district.hand_in(sheet(rows(3)))
    district.hand_in(sheet(rows(11)))
    with pytest.raises(Conflict, match="现行快照已变为"):
        publishing.approve(district["管理员"], waiting.pk, "同意")
    assert district.facts().rows == 11
    assert Package.objects.get(pk=waiting.pk).state == "waiting"


def test_values_of_the_wrong_type_are_counted_and_kept_out(district: District) -> None:
    lines = rows(5)
    lines[0][2], lines[1][2], lines[2][2], lines[3][3] = "1990年2月3日", "32874", "不详", "很多"
    package = district.hand_in(sheet(lines))
    assert (package.state, package.valid, package.bad) == ("waiting", 4, 1)
    publishing.approve(district["管理员"], package.pk, "同意")
    assert [row["birth"] for row in district.data()] == ["1990-02-03", "1990-01-01", None, "1990-01-01"]
    assert any(each["rows"] == 1 and each["blocks"] for each in package.verdict["by_rule"])


def test_lost_digits_are_said_and_not_guessed(district: District) -> None:
    lines = rows(30)
    lines[0][0] = "4.20106E+17"
    package = district.hand_in(csv(lines), "a.csv")
    assert package.state == "waiting" and "平台不推测" in package.message
    assert package.report["lost"] == [{"row": 2, "field": "code"}]


def test_nothing_valid_is_refused(district: District) -> None:
    package = district.hand_in(sheet([["", *row[1:]] for row in rows(3)]))
    assert package.state == "refused" and "没有一行通过检查" in package.message
    assert queries.returned(package) is not None and not package.verdict["unreturned"]


def test_an_unreadable_file_fails_with_a_sentence(district: District) -> None:
    package = district.hand_in(csv([['"' + "x" * 200_000, "a", "b", "c"]]), "a.csv")
    assert package.state == "failed" and "引号没有闭合" in package.message
    with pytest.raises(Conflict):
        intake.withdraw(district["报送员"], package.pk, "晚了")


def test_roll_back_and_forth(district: District) -> None:
    first = district.hand_in(sheet(rows(10)))
    fresh = district.facts().loaded_at
    second = district.hand_in(sheet(rows(12)))
    with pytest.raises(Refused):
        publishing.rollback(district["报送员"], district.resource, first.snapshot, "错报")
    with pytest.raises(Invalid):
        publishing.rollback(district["管理员"], district.resource, first.snapshot, "")
    with pytest.raises(Conflict, match="就是现行数据"):
        publishing.rollback(district["管理员"], district.resource, second.snapshot, "错报")
    made = publishing.rollback(district["管理员"], district.resource, first.snapshot, "部门来函撤回")
    assert made.number > second.snapshot and len(district.data()) == 10
    assert (district.facts().rows, district.facts().snapshot) == (10, made.number)
    assert district.facts().loaded_at == fresh, "an older content is no update"
    assert list(Stock.objects.order_by("pk").values_list("rows", "change")) == [(10, 10), (12, 2), (10, -2)]
    publishing.rollback(district["管理员"], district.resource, second.snapshot, "核实无误，恢复")
    back = publishing.rollback(district["管理员"], district.resource, made.number, "以来函为准")
    assert (district.facts().snapshot, district.facts().loaded_at) == (back.number, fresh), "also by way of a return"
    again = district.hand_in(sheet(rows(12)))
    assert again.state == "published" and again.pk != second.pk, "after a rollback the content is no longer current"


def test_replay_goes_through_again(district: District) -> None:
    first = district.hand_in(sheet(rows(3)))
    with pytest.raises(Refused):
        intake.replay(district["报送员"], first.pk, "规则改了")
    made = intake.replay(district["管理员"], first.pk, "规则改了")
    with pytest.raises(Conflict, match=f"{made.number} 还在处理"):
        intake.replay(district["管理员"], first.pk, "再按一次")
    with pytest.raises(Conflict, match=f"{made.number} 还在处理"):
        district.hand_in(sheet(rows(3)), source=district.source("drop", name="增量", mode="incremental"))
    run_all()
    made.refresh_from_db()
    assert made.replay_of_id == first.pk and made.state == "published" and made.sha256 == first.sha256


def test_withdrawing(district: District) -> None:
    package = district.hand_in(sheet(rows(3), ["编号", "姓名", "出生", "人"]))
    assert package.state == "mapping"
    with pytest.raises(Refused):
        intake.withdraw(district["教育报送员"], package.pk, "错了")
    assert intake.withdraw(district["报送员"], package.pk, "选错资源").state == "withdrawn"
    with pytest.raises(Conflict):
        intake.withdraw(district["报送员"], package.pk, "再来")


def test_only_the_own_department_hands_in(district: District) -> None:
    with pytest.raises(Refused, match="不能报送"):
        intake.receive(district["教育报送员"], district.source(), "a.xlsx", sheet(rows(1)))
    with pytest.raises(Refused):
        intake.receive(district["查阅"], district.source(), "a.xlsx", sheet(rows(1)))
    assert Package.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlsm", b"PK\x03\x04", "宏"),
        ("a.xlsx", "编号,姓名".encode(), "不符"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "打开密码"),
        ("a.csv", b"", "空"),
        ("a.exe", b"MZ", "可执行"),
    ],
)
def test_bad_files_never_become_packages(district: District, name: str, content: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        intake.receive(district["报送员"], district.source(), name, io.BytesIO(content))
    assert Package.objects.count() == 0


def test_a_long_list_of_resources_is_searched(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SHOWN", 1)
    other = publish_resource(district, "房屋台账")
    links = [f'href="?resource={resource}"' for resource in (district.resource, other)]
    browser = district.client("报送员")
    page = browser.get("/collection/upload/").content.decode()
    assert sum(link in page for link in links) == 1 and "符合的有 2 项，只列前 1 项" in page
    page = browser.get("/collection/upload/", {"q": "房屋"}).content.decode()
    assert [link in page for link in links] == [False, True] and "只列前" not in page
    assert "没有含“没有的”的资源" in browser.get("/collection/upload/", {"q": "没有的"}).content.decode()
    assert f'value="{other}" selected' in browser.get("/collection/upload/", {"resource": other}).content.decode()
