"""Rows put into a workbook that was laid out without them: what other readers find there."""

import datetime
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from yiwang.data.governance.jobs.rowing import ODD, Rows, _escaped

VALUES: list[Any] = [
    "甲 & <乙>", " 两端有空白 ", "第一行\n第二行", "_x0041_", "a\x01b\x0d", 7, -2.5, 1e300, True, False, None, "",
    datetime.date(2024, 2, 29), datetime.datetime.fromisoformat("2024-05-06T07:08:09"), datetime.date(1900, 1, 1), datetime.date(1900, 3, 1),
]  # fmt: skip


def laid_out(path: Path, *lines: list[Any]) -> Path:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("表")
    red, dated = book.add_format({"bg_color": "#FF0000"}), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_string(0, 0, "表头")
    sheet.freeze_panes(1, 0)
    for column, style in enumerate((red, dated)):
        sheet.write_blank(1, column, None, style)
    book.close()
    rows = Rows(path, 1, ["red", "dated"])
    for line in lines:
        styles = ["dated" if isinstance(value, datetime.date) else "red" if value == "" else None for value in line]
        rows.write(zip(range(len(line)), line, styles, strict=True))
    rows.close(len(VALUES))
    return path


def test_every_kind_of_value_comes_back(tmp_path: Path) -> None:
    path = laid_out(tmp_path / "a.xlsx", VALUES, ["末行"])
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None and sheet.dimensions == "A1:P3" and sheet.freeze_panes == "A2"
    found = [cell.value for cell in sheet[2]]
    assert found[:3] == VALUES[:3] and found[5:11] == VALUES[5:11]
    assert [value.date() for value in found[12:]] == [
        datetime.date(2024, 2, 29),
        datetime.date(2024, 5, 6),
        *VALUES[14:],
    ]
    assert (
        found[13] == VALUES[13] and sheet["L2"].fill.bgColor is not None and sheet["L2"].fill.fgColor.rgb == "FFFF0000"
    )
    assert sheet["A3"].value == "末行" and sheet["B3"].value is None
    lines = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    assert lines[0][0] == "表头" and lines[1][0] == VALUES[0] and lines[2][0] == "末行"
    assert lines[1][3] == "_x0041_" and lines[1][12] == datetime.date(2024, 2, 29)


def test_the_parts_of_the_workbook_are_all_there_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(laid_out(tmp_path / "a.xlsx", ["一"])) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names)) and archive.testzip() is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.xlsx"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_breaks_the_xml(text: str) -> None:
    made = ODD.sub(_escaped, text)
    assert not {"<", ">"} & set(made) and not any(ord(sign) < 32 and sign not in "\t\n" for sign in made)
