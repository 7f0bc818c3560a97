"""Real-world dirt, read as text that knows where it stood."""

import datetime
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from pyarrow import parquet

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake import engine
from yiwang.kernel.tables import guards

FIELDS = ["name", "id_number", "birth", "phone"]
EXPECTED = [
    {"name": "name", "title": "姓名", "required": True},
    {"name": "id_number", "title": "公民身份号码", "synonyms": ["身份证号", "身份证号码"], "required": True},
    {"name": "birth", "title": "出生日期"},
    {"name": "phone", "title": "联系电话"},
]
HEADER = ["姓名", "身份证号", "出生日期", "联系电话"]
ROWS = [["张三", "420106199001011234", "1990-01-01", "13800000000"], ["李四", "420106900101123", "无", "O3800000000"]]


def book(path: Path, fill: Any, name: str = "数据") -> Path:
    workbook = xlsxwriter.Workbook(str(path))
    sheet = workbook.add_worksheet(name)
    fill(workbook, sheet)
    workbook.close()
    return path


def put(sheet: Any, start: int, rows: list[list[Any]]) -> None:
    for index, row in enumerate(rows, start):
        for column, cell in enumerate(row):
            sheet.write_string(index, column, str(cell))


def look(path: Path, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = engine.run(
        "yiwang.kernel.tables.reading:look",
        {"path": str(path), "name": path.name, "expected": EXPECTED, **given},
        seconds=60,
    )
    return found


def read(path: Path, tmp_path: Path, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """(look, rows, parse result) with every proposal of the mapping accepted."""
    seen = look(path)
    columns = {str(item["column"]): item["field"] for item in seen["columns"] if item["field"]}
    titles = {item["field"]: item["title"] for item in seen["columns"] if item["field"]}
    done = engine.run(
        "yiwang.kernel.tables.reading:parse",
        {"path": str(path), "name": path.name, "sheet": seen["sheet"], "row": seen["row"], "depth": seen["depth"],
         "width": seen["width"], "columns": columns, "titles": titles, "fields": FIELDS, **given},
        folder=tmp_path, seconds=60,
    )  # fmt: skip
    table = parquet.read_table(tmp_path / "parsed.parquet")
    return seen, table.to_pylist(), done


def test_titles_merges_totals_notes_and_blank_rows(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        sheet.merge_range("A1:D1", "2025年人员名册")
        sheet.write(1, 0, "填报单位：某局")
        put(sheet, 2, [HEADER])
        put(sheet, 3, [["1", "2", "3", "4"], *ROWS, ["", "", "", ""], ROWS[0]])
        sheet.merge_range("A9:A10", "王五")
        put(sheet, 8, [["王五", "x", "y", "z"]])
        sheet.write(9, 1, "x2")
        put(sheet, 10, [["小计", "", "", "4"], HEADER, ROWS[1], ["合计", "", "", "5"]])
        sheet.merge_range("A17:D17", "注：本表由某科填报，数据截至12月31日。")
        put(sheet, 17, [["填表人：甲", "审核人：乙"]])

    seen, rows, done = read(book(tmp_path / "a.xlsx", fill), tmp_path)
    assert (seen["row"], seen["depth"], seen["certain"]) == (3, 1, True)
    assert [row["_row"] for row in rows] == [5, 6, 8, 9, 10, 13]
    assert [row["name"] for row in rows] == ["张三", "李四", "张三", "王五", "王五", "李四"]
    assert done["skipped"] == {"栏次行": 1, "空行": 3, "合计行": 2, "重复表头": 1, "表下附注": 2}
    assert any("合并" in said for said in done["said"])
    assert rows[1]["birth"] == "无" and rows[1]["phone"] == "O3800000000", "as received"


def test_numbers_dates_and_lost_digits(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        put(sheet, 0, [HEADER])
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for index, (number, when) in enumerate([(420106199001011234, 44927), (420106900101123, None)], 1):
            sheet.write(index, 0, "甲")
            sheet.write_number(index, 1, number)
            if when:
                sheet.write_number(index, 2, when)
            else:
                sheet.write_datetime(index, 2, datetime.date(2024, 1, 31), day)
            sheet.write_formula(index, 3, "=NA()", None, "#N/A")

    _, rows, done = read(book(tmp_path / "a.xlsx", fill), tmp_path)
    assert [row["id_number"] for row in rows] == ["4.20106199001011E+17", "420106900101123"]
    assert done["lost"] == [{"row": 2, "field": "id_number"}]
    assert [row["birth"] for row in rows] == ["44927", "2024-01-31"]
    assert [row["phone"] for row in rows] == ["#N/A", "#N/A"]


def test_header_of_two_rows_below_merged_groups(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        sheet.merge_range("A1:B1", "基本情况")
        sheet.merge_range("C1:C2", "出生日期")
        sheet.merge_range("D1:D2", "联系电话")
        put(sheet, 1, [["姓名", "公民身份号码（必填）"]])
        put(sheet, 2, ROWS)

    seen, rows, _ = read(book(tmp_path / "a.xlsx", fill), tmp_path)
    assert (seen["row"], seen["depth"]) in ((1, 2), (2, 1))
    assert seen["certain"] and len(rows) == 2 and rows[0]["birth"] == "1990-01-01"


def test_the_sheet_that_fits_is_chosen_and_hidden_rows_are_said(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        put(sheet, 0, [["填报说明"], ["请按模板填写"]])
        other = workbook.add_worksheet("名册")
        put(other, 0, [HEADER, *ROWS])
        other.set_row(1, None, None, {"hidden": True})
        other.hide()

    seen, rows, done = read(book(tmp_path / "a.xlsx", fill, "说明"), tmp_path)
    assert seen["sheet"] == "名册" and len(rows) == 2
    assert any("隐藏" in note for note in seen["notes"])
    assert any("1 行是隐藏的（第 2 行）" in said for said in done["said"])


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", "\t"), ("gb18030", ","), ("gb18030", ";"), ("utf-16", "\t"), ("utf-16-le", "|")],
)
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in [["人员名册"], HEADER, *ROWS * 30, ["合计", "60", "", ""]])
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    seen, rows, done = read(path, tmp_path)
    assert (seen["row"], len(rows), done["skipped"]) == (2, 60, {"合计行": 1})
    assert rows[0] == {
        "_row": 3,
        "name": "张三",
        "id_number": ROWS[0][1],
        "birth": "1990-01-01",
        "phone": "13800000000",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_large_files_are_read_as_small_ones_are(tmp_path: Path, encoding: str) -> None:
    lines = [["人员\n名册", "", "", ""], HEADER]
    for index in range(400):
        lines.append([f"人{index}", str(10**17 + index), "", f"1380000{index:04}"])
        if index % 100 == 50:
            lines += [["", "", "", ""], ["小计", "", "", "50"], HEADER]
    lines += [["合计", "", "", "9"], ["注：截至年底，共若干人。", "", "", ""]]
    path = tmp_path / "a.csv"
    path.write_text(
        "\n".join(",".join(f'"{cell}"' if cell else "" for cell in line) for line in lines), encoding=encoding
    )
    _, small, one = read(path, tmp_path)
    _, large, other = read(path, tmp_path, bulk_bytes=0)
    assert [{**row, "_row": 0} for row in small] == [{**row, "_row": 0} for row in large]
    assert len(large) == 400 and one["skipped"] == other["skipped"]
    assert {row["_row"] for row in small} == {row["_row"] for row in large}


def test_a_row_of_wrong_width_is_named_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [",".join(row) for row in [HEADER, *ROWS * 50]]
    lines.insert(40, "a,b,c,d,e,f,g")
    path.write_text("\n".join(lines))
    _, rows, done = read(path, tmp_path, bulk_bytes=0)
    assert len(rows) == 100 and done["unreadable"] == 1
    assert done["skipped_rows"][-1]["row"] == 41


def test_saved_in_scientific_notation(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(row) for row in [HEADER, *ROWS, ["丙", "4.20106E+17", "", ""]]))
    for given in ({}, {"bulk_bytes": 0}):
        _, _, done = read(path, tmp_path, **given)
        assert done["lost"] == [{"row": 4, "field": "id_number"}]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_between_rows_are_told(tmp_path: Path, end: str) -> None:
    """A large file's rows are counted as records then; a break within quotes is no blank line."""
    path, lines = tmp_path / "a.csv", [",".join(row) for row in [HEADER, *ROWS * 50]]
    for written, told in (
        (lines, False),
        ([*lines, ""], False),
        ([*lines, '"甲\n乙",,,'], False),
        ([*lines[:9], "", *lines[9:]], True),
    ):
        path.write_bytes(end.join(written).encode())
        _, rows, done = read(path, tmp_path, bulk_bytes=0)
        assert len(rows) in (100, 101) and any("空行" in said for said in done["said"]) is told, written[-1]


def test_a_renamed_field_is_proposed_not_applied(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        put(sheet, 0, [["姓名", "身份证号", "出生日期", "联系电话号码", "备注"], *[[*row, ""] for row in ROWS]])

    seen = look(book(tmp_path / "a.xlsx", fill))
    assert not seen["certain"]
    assert any("“联系电话”没有找到；表中的“联系电话号码”与它相近" in said for said in seen["said"])
    assert any("不在模板中" in said and "备注" in said for said in seen["said"])


def test_duplicate_headers_are_a_question(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        put(sheet, 0, [["姓名", "身份证号", "出生日期", "联系电话", "姓名"], *[[*row, "x"] for row in ROWS]])

    seen = look(book(tmp_path / "a.xlsx", fill))
    assert not seen["certain"] and any("出现了 2 次（第 A、E 列）" in said for said in seen["said"])


def refused(path: Path) -> str:
    with pytest.raises(Invalid) as refusal:
        look(path)
    return refusal.value.message


def packed(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_part(path: Path, name: str, change: Any) -> Path:
    """A good workbook with one part changed."""
    book(path, lambda workbook, sheet: put(sheet, 0, [HEADER, *ROWS]))
    with zipfile.ZipFile(path) as archive:
        parts = {item: archive.read(item) for item in archive.namelist()}
    parts[name] = change(parts.get(name, b""))
    return packed(path, parts)


def test_what_is_refused_in_words(tmp_path: Path) -> None:
    def at(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    assert "空" in refused(at("a.xlsx", b""))
    assert "宏" in refused(at("a.xlsm", guards.OPEN_XML))
    assert "内容却不是电子表格" in refused(at("b.xlsx", b"name,id\n1,2"))
    assert "损坏" in refused(at("c.xlsx", guards.OPEN_XML + b"rubbish"))
    assert "打开密码" in refused(at("d.xlsx", guards.OLE + "EncryptedPackage".encode("utf-16-le")))
    assert "宏" in refused(at("e.xls", guards.OLE + "Workbook_VBA_PROJECT".encode("utf-16-le")))
    assert "不是电子表格" in refused(at("f.xls", guards.OLE + "WordDocument".encode("utf-16-le")))
    assert "没有电子表格" in refused(packed(tmp_path / "g.zip", {"a.txt": b"1"}))
    assert "宏" in refused(with_part(tmp_path / "h.xlsx", "xl/vbaProject.bin", lambda _: b"1"))
    assert "控制字符" in refused(at("i.csv", b"a,b\n\x02\x03,1\n"))
    assert "编码无法识别" in refused(at("j.csv", "姓名,值\n".encode() + b"\xff\xff\xfe\n"))
    assert "没有内容" in refused(at("k.csv", b"\n\n"))


def test_bombs(tmp_path: Path) -> None:
    sheet = "xl/worksheets/sheet1.xml"
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    assert "实体声明" in refused(with_part(tmp_path / "a.xlsx", sheet, lambda old: entity + old))
    wide = entity.decode().encode("utf-16")
    assert "实体声明" in refused(with_part(tmp_path / "a2.xlsx", sheet, lambda _: wide))
    assert "压缩炸弹" in refused(with_part(tmp_path / "b.xlsx", "xl/media/x.xml", lambda _: bytes(300 << 20)))
    far = b'<c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
    path = with_part(tmp_path / "c.xlsx", sheet, lambda old: old.replace(b"</row></sheetData>", far))
    assert "超过上限" in refused(path)
    long = with_part(
        tmp_path / "d.xlsx", "xl/sharedStrings.xml", lambda old: old.replace("张三".encode(), b"x" * 40_000)
    )
    assert "超过单元格上限" in refused(long)


def test_a_cell_without_end_in_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('姓名,身份证号\n"' + "x" * 300_000)
    assert "过长或引号没有闭合" in refused(path)


def test_the_profile_masks_its_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(row) for row in [HEADER, *ROWS * 20]))
    _, _, done = read(path, tmp_path)
    profile = {item["field"]: item for item in done["profile"]}
    assert profile["birth"]["null_words"] == {"无": 20} and profile["birth"]["kind"] == "date"
    assert profile["name"]["filled"] == 40 and profile["name"]["distinct"] == 2
    assert ROWS[0][1] not in str(done["profile"]) and ROWS[0][3] not in str(done["profile"])
