"""The sheet that goes back, and what became of its rows."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from yiwang.data.governance import contract
from yiwang.data.governance.jobs.returning import BLOCKED, _Writer
from yiwang.data.governance.services import sheets
from yiwang.data.governance.tests.world import GOOD, ITEMS, World
from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.files import storage
from yiwang.kernel.files.queries import content as stored

COLUMNS = {item.name: place for place, item in enumerate(ITEMS)}


def workbook(path: Path, *rows: dict[str, Any]) -> Path:
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False})
    sheet = book.add_worksheet("人员台账")
    sheet.write_string(0, 0, "住建局人员登记表")
    for place, item in enumerate(ITEMS):
        sheet.write_string(1, place, item.title)
    for number, row in enumerate(rows, 2):
        for name, place in COLUMNS.items():
            value = {**GOOD, "no": f"A{number - 1}", **row}[name]
            if value is not None:
                sheet.write_string(number, place, str(value))
    book.close()
    return path


def given_back(
    world: World, *rows: dict[str, Any], package: str = "P1"
) -> tuple[contract.Verdict, list[list[Any]], bytes]:
    original = workbook(world.folder / f"{package}.xlsx", *rows)
    numbered = [{**row, "_row": number} for number, row in enumerate(rows, 3)]
    verdict = contract.check(SYSTEM, world.facts.id, world.sheet(*numbered), package)
    with contract.return_sheet(
        SYSTEM, verdict.run_id, original=original, name="人员登记.xlsx", sheet="人员台账", first_data=2, columns=COLUMNS
    ) as kept:
        made = kept()
    assert made.sealed and not storage.path_of(made.digest).exists()
    with stored(made) as stream:
        content = stream.read()
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["人员台账"]
    return verdict, [list(line) for line in book.get_sheet_by_index(0).to_python(skip_empty_area=False)], content


def test_the_same_layout_comes_back_with_the_bad_rows_and_reasons(world: World) -> None:
    _, lines, content = given_back(
        world, {}, {"name": None}, {}, {"id_number": "110105194912310021", "joined": "2024-02-30"}
    )
    assert lines[0][0] == "住建局人员登记表"
    assert lines[1] == [*(item.title for item in ITEMS), "退回理由", "原表行号"]
    assert [line[0] for line in lines[2:]] == ["A2", "A4"]
    assert lines[2][-2:] == ["姓名没有填写", 4]
    assert (
        lines[3][-2]
        == "公民身份号码不是正确的公民身份号码（出生日期或校验码不符）；登记日期不是目录登记的类型（如日期、数字）"
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"F8C9C4" in archive.read("xl/styles.xml")


def test_a_formula_stays_text(world: World) -> None:
    _, lines, content = given_back(
        world, {"name": '=HYPERLINK("http://x")', "joined": "x"}, {"phone": "-1+cmd|' /C calc'!A0", "name": ""}
    )
    assert lines[2][1].startswith("'=")
    assert lines[3][6].startswith("'-1+cmd")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_the_next_upload_is_compared_with_what_went_back(world: World) -> None:
    given_back(world, {"no": "A"}, {"no": "B", "name": ""}, {"no": "C", "name": ""}, {"no": "D", "name": ""})
    verdict, _, _ = given_back(
        world, {"no": "A", "name": ""}, {"no": "B", "name": "李四"}, {"no": "C", "name": "—"}, package="P2"
    )
    assert contract.progress(SYSTEM, verdict.run_id) == {"fixed": 1, "still": 1, "new": 1, "missing": 1}


def test_nothing_to_give_back(world: World) -> None:
    verdict = contract.check(SYSTEM, world.facts.id, world.sheet({}), "P1")
    given: dict[str, Any] = {"original": Path("x"), "name": "x.xlsx", "sheet": "x", "first_data": 1, "columns": {}}
    with pytest.raises(Refused, match="没有退回表"), contract.return_sheet(SYSTEM, verdict.run_id, **given):
        pass
    with pytest.raises(Refused, match="没有找到"), sheets.return_sheet(world["教育治理岗"], verdict.run_id, **given):
        pass


def test_every_kind_of_value_goes_back_as_what_it_is(tmp_path: Path) -> None:
    values: list[Any] = [
        "甲 & <乙>", " 两端有空白 ", "第一行\n第二行", "_x0041_", "a\x01b", 7, -2.5, 1e300, True, False, None, "", "=1+1", float("nan"),
        date(2024, 2, 29), datetime.fromisoformat("2024-05-06T07:08:09"), date(1900, 3, 1), "长" * 40_000,
    ]  # fmt: skip
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"), {"constant_memory": True})
    writer = _Writer(
        book, "表", {"last": 17, "beyond": 18}, [{"reason": "不对", "fields": ["last", "beyond"], "blocks": True}]
    )
    writer.head(["表头"], 19, last=True)
    writer.row(values, 19, 1, 2)
    book.close()
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet is not None and sheet.dimensions == "A1:U2" and sheet.freeze_panes == "A2"
    found = [cell.value for cell in sheet[2]]
    assert found[:3] == values[:3] and found[5:10] == values[5:10] and found[10:14] == [None, None, "'=1+1", "nan"]
    assert [found[14].date(), found[15], found[16].date()] == values[14:17]
    assert len(found[17]) == 32_767 and found[18:] == [None, "不对", 2]
    assert [sheet.cell(2, column).fill.fgColor.rgb[2:] for column in (17, 18, 19)] == [
        "000000",
        BLOCKED[1:],
        BLOCKED[1:],
    ]
    line = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).get_sheet_by_index(0).to_python()[1]
    assert line[3] == "_x0041_" and line[14] == date(2024, 2, 29)
