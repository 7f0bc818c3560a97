"""What goes back to the sender, and what comes in again."""

import io
import zipfile

import pytest
from django.urls import reverse
from python_calamine import CalamineWorkbook

from yiwang.data.collection import queries
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import checking, processing
from yiwang.data.collection.services.reading import Reader
from yiwang.data.collection.tests.world import HEADER, District, csv, rows, sheet
from yiwang.data.governance.services import sheets
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.queries import content
from yiwang.kernel.jobs.testing import run_all

EXTRA = ["退回理由", "原表行号"]


def _dirty() -> list[list[str]]:
    lines = rows(20)
    lines[2][1], lines[7][2] = "", "1990年13月45日"
    return lines


def _lines(given: bytes) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(given)).get_sheet_by_index(0).to_python(skip_empty_area=False)


def _returned(package: Package) -> bytes:
    found = queries.returned(package)
    assert found is not None
    with content(found) as stream:
        return stream.read()


@pytest.mark.parametrize("text", [False, True])
def test_the_bad_rows_go_back_coloured_and_the_corrected_sheet_becomes_data(district: District, text: bool) -> None:
    make, name = (csv, "名册.csv") if text else (sheet, "名册.xlsx")
    package = district.hand_in(make(_dirty()), name)
    assert (package.valid, package.bad, package.verdict["unreturned"]) == (18, 2, "")
    given = _returned(package)
    lines = _lines(given)
    assert lines[0] == [*HEADER, *EXTRA]
    assert [(line[0], line[-1]) for line in lines[1:]] == [("A0003", 4), ("A0008", 9)]
    assert "姓名" in str(lines[1][-2]) and "出生日期" in str(lines[2][-2])
    with zipfile.ZipFile(io.BytesIO(given)) as archive:
        styled = archive.read("xl/worksheets/sheet1.xml").decode()
    assert 'r="B2" s=' in styled and 'r="C3" s=' in styled and 'r="A2" s=' not in styled
    done = district.hand_in(make(rows(20)), name)
    assert (done.state, done.stock, queries.returned(done)) == ("published", 20, None)


def test_the_page_tells_what_became_of_the_rows_given_back(district: District) -> None:
    first = district.hand_in(sheet(_dirty()))
    assert first.verdict["since"] is None
    half, worse = _dirty(), rows(20)
    half[2][1], worse[0][1] = "补上", ""
    assert district.hand_in(sheet(half)).verdict["since"] == {"fixed": 1, "still": 1, "new": 0, "missing": 0}
    last = district.hand_in(sheet(worse))
    assert last.verdict["since"] == {"fixed": 1, "still": 0, "new": 1, "missing": 0}
    page = district.client("报送员").get(reverse("collection_package", args=[last.pk])).content.decode()
    assert "与上次报送相比" in page and "新出现的问题" in page
    district.hand_in(sheet(rows(20)))
    clean = district.hand_in(sheet(rows(21)))
    assert clean.verdict["since"] is None
    page = district.client("报送员").get(reverse("collection_package", args=[clean.pk])).content.decode()
    assert "与上次报送相比" not in page


def test_a_title_above_the_table_stays_where_it_is(district: District) -> None:
    lines = _dirty()
    package = district.hand_in(sheet([HEADER, *lines], ["住建局人员名册", "", "", ""]))
    found = _lines(_returned(package))
    assert found[0][0] == "住建局人员名册" and found[1] == [*HEADER, *EXTRA]
    assert [line[-1] for line in found[2:]] == [5, 10]


def test_the_returned_sheet_itself_may_be_filled_in_and_handed_in(district: District) -> None:
    source = district.source("drop", name="增量", mode="incremental", least_valid=50)
    package = district.hand_in(sheet(_dirty()), "a.xlsx", "管理员", source)
    lines = [[str(cell) for cell in line] for line in _lines(_returned(package))]
    lines[1][1], lines[2][2] = "补上", "1990-12-05"
    done = district.hand_in(sheet(lines[1:], lines[0]), "b.xlsx", "管理员", source)
    assert (done.state, done.rows, done.stock) == ("published", 2, 20)
    assert {row["code"]: row["name"] for row in district.data()}["A0003"] == "补上"


def test_who_sees_the_package_may_take_the_sheet_and_nobody_else(district: District) -> None:
    package = district.hand_in(sheet(_dirty()))
    returned = queries.returned(package)
    assert returned is not None
    address = f"/files/{returned.pk}/"
    page = district.client("报送员").get(reverse("collection_package", args=[package.pk])).content.decode()
    assert f'href="{address}"' in page and "再报送整张表" in page
    answer = district.client("报送员").get(address)
    assert answer.status_code == 200 and "attachment" in answer["Content-Disposition"]
    assert district.client("教育报送员").get(address).status_code in (403, 404)


def test_checking_again_makes_no_second_sheet(district: District) -> None:
    package = district.hand_in(sheet(_dirty()))
    first = queries.returned(package)
    Package.objects.filter(pk=package.pk).update(state="parsed", snapshot=None, snapshot_id=None)
    assert processing.advance(package.pk).state == "waiting"
    assert queries.returned(package) == first


def test_a_sheet_that_cannot_be_made_is_a_sentence(district: District) -> None:
    package = district.hand_in(sheet(_dirty()))
    StoredFile.objects.filter(kind__in=(queries.RETURNED, "return")).update(withdrawn_at=package.received_at)
    package.looked["sheet"] = "没有的表"
    with Reader(package) as reader, checking.give_back(package, reader) as kept:
        assert kept().endswith("。")
    assert queries.returned(package) is None


def test_a_large_package_is_data_before_its_sheet_is_made(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "RETURNED_ROWS", 1)
    package = district.hand_in(
        sheet(_dirty()), source=district.source("drop", name="大", least_valid=50), who="管理员", run=False
    )
    assert processing.advance(package.pk).state == "published"
    package.refresh_from_db()
    assert (package.verdict["unreturned"], queries.returned(package)) == (processing.LATER, None)
    run_all()
    package.refresh_from_db()
    assert package.verdict["unreturned"] == "" and len(_lines(_returned(package))) == 3


def test_a_sheet_lists_so_many_rows_and_tells_of_the_rest(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "LARGEST", 1)
    found = _lines(_returned(district.hand_in(csv(_dirty()), "名册.csv")))
    assert found[1][0] == "A0003" and "另有 1 行" in str(found[2][0]) and len(found) == 3
