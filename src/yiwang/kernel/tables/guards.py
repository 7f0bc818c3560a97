"""What a file is, and whether opening it is safe. Everything is measured before a parser sees it."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from yiwang.kernel.tables.refusals import Unreadable

Kind = Literal["xlsx", "xls", "ods", "text"]
MAX_WORKBOOK = 200 << 20  # bytes of a packed workbook
MAX_PART = 1 << 30  # bytes of one unpacked part
MAX_RATIO, RATIO_FREE = 200, 64 << 20  # sheets of repeated values pack about 1:30
MAX_ENTRIES = 2_000
MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 1_048_576, 500, 20_000_000
MAX_CELL_TEXT = 32_767  # characters; what a spreadsheet cell may hold at most
BLOCK = 1 << 20

OPEN_XML, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A document type declaration is how an XML bomb begins; no spreadsheet program writes one.
DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]{1,4})[0-9]{1,8}"')
# Seen sooner of a sheet that does not go beyond column Z.
WIDE, NARROW = re.compile(rb'r="[A-Z]{2,4}[0-9]'), 26
ROW = re.compile(rb"<row\b[^>]*>")
ROW_NUMBER = re.compile(rb'<row\b[^>]*?\br="([0-9]{1,8})"')
ERROR_CELL = re.compile(
    rb'<c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*?\bt="e"[^>]*>.{0,4000}?<v>([^<]{1,20})</v>', re.S
)
NUMBER = re.compile(rb'\br="([0-9]{1,8})"')


@dataclass
class Part:
    """What was seen in the XML of one sheet: its extent (columns: 0 up to Z), hidden rows (from 1) and cells that hold an error value."""

    rows: int = 0
    columns: int = 0
    hidden: list[int] = field(default_factory=list)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def kind_of(path: Path, name: str) -> Kind:
    """By content; the extension only decides what is said when they disagree."""
    with path.open("rb") as stream:
        head = stream.read(8)
    end = name.rpartition(".")[2].lower()
    if not head:
        raise Unreadable("文件是空的，没有读取。请核对后重新上传。")
    if end in ("xlsm", "xltm", "xlsb", "xlam"):
        raise Unreadable(f"“.{end}”文件可能带有宏，没有读取。请另存为不带宏的 xlsx 后上传。")
    if head.startswith(OPEN_XML):
        return _package_kind(path, end)
    if head == OLE:
        return _ole_kind(path)
    if end in ("xlsx", "xls", "ods", "et"):
        raise Unreadable(f"文件扩展名是“.{end}”，内容却不是电子表格，没有读取。请用表格软件打开后另存为 xlsx。")
    return "text"


def _package_kind(path: Path, end: str) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise Unreadable("文件已损坏，没有读取。请用表格软件重新保存后上传。") from error
    if path.stat().st_size > MAX_WORKBOOK:
        raise Unreadable(f"电子表格超过 {MAX_WORKBOOK >> 20} MB，没有读取。请改用 csv，或拆成几份上传。")
    if len(entries) > MAX_ENTRIES:
        raise Unreadable("文件内部条目过多（疑似压缩炸弹），没有读取。请用表格软件重新保存后上传。")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("文件设了密码，没有读取。请去掉密码后上传。")
    if any(item.lower().endswith("vbaproject.bin") for item in names):
        raise Unreadable("文件带有宏，没有读取。请另存为不带宏的 xlsx 后上传。")
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "content.xml" in names and "META-INF/manifest.xml" in names:
        return "ods"
    what = "压缩包" if end in ("zip", "") else f"“.{end}”文件"
    raise Unreadable(f"{what}里没有电子表格，没有读取。请上传 xlsx、xls、ods 或 csv 文件本身。")


def _ole_kind(path: Path) -> Kind:
    content = path.read_bytes() if path.stat().st_size <= MAX_WORKBOOK else b""
    if not content:
        raise Unreadable(f"电子表格超过 {MAX_WORKBOOK >> 20} MB，没有读取。请改用 csv，或拆成几份上传。")
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise Unreadable("文件设了打开密码，没有读取。请去掉密码后上传。")
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise Unreadable("文件带有宏，没有读取。请另存为不带宏的 xlsx 后上传。")
    if "Workbook".encode("utf-16-le") not in content and "Book".encode("utf-16-le") not in content:
        raise Unreadable("文件是旧版 Office 文档但不是电子表格，没有读取。请上传表格文件。")
    return "xls"


def parts(path: Path) -> dict[str, Part]:
    """Unpack every part by blocks, counting; what the archive says of its sizes is not believed."""
    found: dict[str, Part] = {}
    packed = max(path.stat().st_size, 1)
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                sheet = entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".xml")
                part = Part()
                text = entry.filename.endswith((".xml", ".rels", ".vml"))
                for block in _blocks(archive, entry, total, packed):
                    total += len(block[1])
                    if text:
                        _check_text(block[0] + block[1])
                    if sheet:
                        _look(part, *block)
                if sheet:
                    found[entry.filename] = part
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Unreadable("文件已损坏，没有读取。请用表格软件重新保存后上传。") from error
    return found


def _blocks(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, before: int, packed: int
) -> Iterator[tuple[bytes, bytes]]:
    """(tail of the block before, cut at a tag; block) until the part ends or has grown too large."""
    size, tail = 0, b""
    with archive.open(entry) as stream:
        while block := stream.read(BLOCK):
            size += len(block)
            if size > MAX_PART or (before + size > RATIO_FREE and before + size > packed * MAX_RATIO):
                raise Unreadable("文件解开后过大（疑似压缩炸弹），没有读取。请只保留要报送的工作表，重新保存后上传。")
            yield tail, block
            cut = block.rfind(b"<c ")
            tail = block[cut:][-6000:] if cut >= 0 else block[-6000:]


def _check_text(text: bytes) -> None:
    if any(word in text or (b"\x00" in text and word in text.replace(b"\x00", b"")) for word in DECLARATIONS):
        raise Unreadable("文件内部含有实体声明（疑似 XML 炸弹），没有读取。请用表格软件重新保存后上传。")


def _look(part: Part, tail: bytes, block: bytes) -> None:
    text = tail + block
    part.rows = max([part.rows, *map(int, ROW_NUMBER.findall(text))])
    if b'hidden="' in text:
        hidden = set(part.hidden)
        for row in ROW.findall(text):
            number = NUMBER.search(row)
            if number is not None and (b'hidden="1"' in row or b'hidden="true"' in row):
                hidden.add(int(number[1]))
        part.hidden = sorted(hidden)
    if WIDE.search(text) or part.rows * NARROW > MAX_CELLS:
        part.columns = max([part.columns, *map(column_number, set(CELL.findall(text)))])
    if b't="e"' in text:
        for column, number, word in ERROR_CELL.findall(text):
            part.errors[int(number), column_number(column)] = word.decode()
    check_extent(part.rows, part.columns)


def column_number(letters: bytes) -> int:
    """A → 1, Z → 26, AA → 27."""
    found = 0
    for letter in letters:
        found = found * 26 + letter - 64
    return found


def letters_of(column: int) -> str:
    """1 → A; the inverse of `column_number`."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


def check_extent(rows: int, columns: int) -> None:
    if rows > MAX_ROWS or columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise Unreadable(
            f"表格伸展到第 {rows:,} 行、第 {columns:,} 列，超过上限（{MAX_ROWS:,} 行、{MAX_COLUMNS} 列、"
            f"{MAX_CELLS:,} 格），没有读取。请删去空白区域，或拆成几份、改用 csv 上传。"
        )
