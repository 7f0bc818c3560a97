"""Reading a spreadsheet somebody sent: sniffed, measured before it is opened, never trusted."""

import csv
import io
import zipfile
from dataclasses import dataclass
from typing import BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

from yiwang.kernel.access.actors import Invalid

MAX_ROWS, MAX_COLUMNS, MAX_CELLS, MAX_BYTES, MAX_UNPACKED = 50_000, 200, 2_000_000, 50 << 20, 200 << 20
RULE = "导入文件须为不带密码和宏的 xlsx 或 csv"


@dataclass(frozen=True)
class Table:
    """A sheet with its header; `first_row` is the sheet's number of the first data row."""

    headers: list[str]
    rows: list[list[object]]
    first_row: int


def refuse(message: str) -> Invalid:
    return Invalid(message, errors={"file": [message]}, rule=RULE)


def read(stream: BinaryIO, name: str, *, joined_by: str = "") -> Table:
    """The first sheet. Titles above the header are passed over, blank rows dropped at the end.

    `joined_by` names a column that two sheets share: the rows of the second sheet then carry the columns of their row
    of the first. A workbook whose second sheet lacks the column is read as if it had one sheet.
    """
    stream.seek(0, io.SEEK_END)
    if stream.tell() > MAX_BYTES:
        raise refuse(f"文件超过 {MAX_BYTES >> 20} MB，没有读取。请拆成几份后导入。")
    stream.seek(0)
    head = stream.read(8)
    stream.seek(0)
    if head.startswith(b"PK\x03\x04"):
        sheets = _workbook(stream, 2 if joined_by else 1)
        lines = sheets[0]
        if len(sheets) == 2 and any(joined_by in map(_plain, line) for line in sheets[1][:10]):
            return _joined(_table(lines), _table(sheets[1]), joined_by)
    elif head.startswith(b"\xd0\xcf\x11\xe0"):
        raise refuse("文件是旧版 xls 格式，或者设了打开密码，没有读取。请去掉密码，另存为 xlsx 后导入。")
    elif name.lower().endswith((".csv", ".txt")):
        lines = _text(stream.read())
    else:
        raise refuse("文件既不是 xlsx 也不是 csv，没有读取。请下载模板，按模板填写后导入。")
    return _table(lines)


def _plain(cell: object) -> str:
    return str(cell).strip().strip("*")


def _joined(masters: Table, details: Table, key: str) -> Table:
    """One row a detail; a master without details keeps a row of its own, a detail without master an empty left part."""
    left, right = [list(map(_plain, table.headers)) for table in (masters, details)]
    if key not in left:
        raise refuse(f"第一张表没有“{key}”列，两张表无法对应。请按模板填写。")
    own, other = left.index(key), right.index(key)
    below: dict[str, list[list[object]]] = {}
    for line in details.rows:
        below.setdefault(_key(line[other]), []).append(line[:other] + line[other + 1 :])
    blank: list[object] = [""] * (len(right) - 1)
    rows = [line + rest for line in masters.rows for rest in below.pop(_key(line[own]), [blank])]
    for orphan, lines in below.items():
        head: list[object] = [""] * len(left)
        head[own] = orphan
        rows += [head + rest for rest in lines]
    _measure(len(rows), len(left) + len(right))
    return Table(masters.headers + details.headers[:other] + details.headers[other + 1 :], rows, masters.first_row)


def _key(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _workbook(stream: BinaryIO, most: int) -> list[list[list[object]]]:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
        names = {entry.filename.lower() for entry in entries}
        if sum(entry.file_size for entry in entries) > MAX_UNPACKED or len(entries) > 5_000:
            raise refuse("文件解压后过大（疑似压缩炸弹），没有读取。请只保留需要导入的工作表。")
        if any(entry.flag_bits & 1 for entry in entries):
            raise refuse("文件设了密码，没有读取。请去掉密码后导入。")
        if any(item.endswith("vbaproject.bin") for item in names):
            raise refuse("文件带有宏，没有读取。请另存为不带宏的 xlsx 后导入。")
        if "xl/workbook.xml" not in names:
            raise refuse("文件不是电子表格（xlsx），没有读取。请核对文件后重新上传。")
        stream.seek(0)
        book = CalamineWorkbook.from_filelike(stream)
        found: list[list[list[object]]] = []
        for index in range(min(most, max(len(book.sheet_names), 1))):
            sheet = book.get_sheet_by_index(index)
            last_row, last_column = sheet.end or (-1, -1)
            _measure(last_row + 1, last_column + 1)
            found.append([list(line) for line in sheet.to_python(skip_empty_area=False)])
        return found
    except (zipfile.BadZipFile, CalamineError, NotImplementedError, IndexError) as error:
        raise refuse("文件已损坏或不是标准 xlsx，没有读取。请用表格软件重新保存后导入。") from error


def _measure(height: int, width: int) -> None:
    if height > MAX_ROWS + 20 or width > MAX_COLUMNS or height * width > MAX_CELLS:
        raise refuse(
            f"表格有 {height:,} 行 × {width:,} 列，超过上限（{MAX_ROWS:,} 行、{MAX_COLUMNS} 列、{MAX_CELLS:,} 格），"
            "没有读取。请删去空白区域或拆成几份后导入。"
        )


def _text(content: bytes) -> list[list[object]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise refuse("文本编码无法识别，没有读取。请另存为 UTF-8 或 GB18030 编码的 csv。")
    if "\x00" in text:
        raise refuse("文件内容不是文本表格，没有读取。请核对文件后重新上传。")
    first = text.split("\n", 1)[0]
    try:
        lines: list[list[object]] = [
            list(line) for line in csv.reader(io.StringIO(text, newline=""), delimiter=max(",\t;", key=first.count))
        ]
    except csv.Error as error:
        raise refuse(f"csv 格式有误（{error}），没有读取。请用表格软件重新保存后导入。") from error
    _measure(len(lines), max(map(len, lines), default=0))
    return lines


def _table(lines: list[list[object]]) -> Table:
    while lines and not any(str(cell).strip() for cell in lines[-1]):
        lines.pop()
    filled = [sum(bool(str(cell).strip()) for cell in line) for line in lines[:10]]
    header = next((index for index, count in enumerate(filled) if count > 1 or count == max(filled)), None)
    if header is None or len(lines) == header + 1:
        raise refuse("表格里没有数据行。第一行应是表头，数据从下一行开始；可下载模板对照。")
    if len(lines) - header - 1 > MAX_ROWS:
        raise refuse(f"数据超过 {MAX_ROWS:,} 行，没有读取。请拆成几份后导入。")
    width = max(map(len, lines))
    headers = ["" if cell is None else " ".join(str(cell).split()) for cell in lines[header]]
    rows = [line + [""] * (width - len(line)) for line in lines[header + 1 :]]
    return Table(headers + [""] * (width - len(headers)), rows, header + 2)
