"""Delimited text of unknown encoding and delimiter."""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yiwang.kernel.tables.guards import MAX_CELL_TEXT, MAX_COLUMNS
from yiwang.kernel.tables.refusals import Unreadable

PROBE, BLOCK = 1 << 20, 4 << 20
DELIMITERS = (",", "\t", ";", "|", "，", "\x01")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
CONTROLS = re.compile(r"[\x00\x02-\x08\x0e-\x1a\x1c-\x1f]")
NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8（带标记）", "gb18030": "GBK/GB18030", "utf-16": "UTF-16",
         "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    encoding: str
    delimiter: str

    @property
    def said(self) -> str:
        return NAMES.get(self.encoding, self.encoding)


def encoding_of(path: Path, *, whole: bool = True) -> str:
    """By byte order mark, then UTF-8 if the whole file is, then GB18030; a mixture is refused with its place.

    Not `whole`: what begins as UTF-8 is taken for it, and whoever reads on meets what is not.
    """
    with path.open("rb") as stream:
        probe = stream.read(PROBE)
    for mark, name in MARKS:
        if probe.startswith(mark):
            return name
    if (zeros := probe.count(b"\x00")) > len(probe) // 5:
        return "utf-16-le" if probe[1::2].count(b"\x00") * 2 > zeros else "utf-16-be"
    if not whole and _is_utf8(probe):
        return "utf-8"
    for name in ("utf-8", "gb18030"):
        if (_fails_at(path, name)) is None:
            return name
    place = _fails_at(path, "gb18030") or 0
    raise Unreadable(
        f"文本编码无法识别：第 {place:,} 字节处既不是 UTF-8 也不是 GBK/GB18030，没有读取。请另存为 UTF-8 编码的 csv。"
    )


def _is_utf8(probe: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(probe)
    except UnicodeDecodeError:
        return False
    return True


def _fails_at(path: Path, encoding: str) -> int | None:
    decoder, place = codecs.getincrementaldecoder(encoding)(), 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return place + error.start
            place += len(block)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return place
    return None


def dialect_of(path: Path, *, whole: bool = True) -> Dialect:
    """See `encoding_of` for `whole`."""
    encoding = encoding_of(path, whole=whole)
    text = _head(path, encoding)
    if CONTROLS.search(text):
        raise Unreadable("文件内容不是文本表格（含控制字符），没有读取。请核对文件，或用表格软件另存为 csv。")
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    if not lines:
        raise Unreadable("文件里没有内容，没有读取。请核对后重新上传。")
    return Dialect(encoding, max(DELIMITERS, key=lambda each: _fits(lines, each)))


def _head(path: Path, encoding: str) -> str:
    with path.open("rb") as stream:
        return codecs.getincrementaldecoder(encoding)().decode(stream.read(PROBE))


def _fits(lines: list[str], delimiter: str) -> tuple[int, int]:
    """How many lines agree on a number of fields above one, then how many fields that is."""
    try:
        widths = [len(line) for line in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return 0, 0
    counted = {width: widths.count(width) for width in set(widths) if width > 1}
    if not counted:
        return 0, 0
    width = max(counted, key=lambda each: (counted[each], each))
    return counted[width], width


def lines(path: Path, dialect: Dialect, limit: int | None = None) -> Iterator[list[str]]:
    """The records; raises Unreadable at a broken quote, a cell without end or a file of too many columns."""
    csv.field_size_limit(4 * MAX_CELL_TEXT)
    with path.open(encoding=dialect.encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=dialect.delimiter)
        try:
            for count, line in enumerate(reader):
                if limit is not None and count >= limit:
                    return
                if len(line) > MAX_COLUMNS:
                    raise Unreadable(
                        f"第 {reader.line_num:,} 行有 {len(line):,} 列，超过上限 {MAX_COLUMNS} 列，没有读取。"
                    )
                yield line
        except csv.Error as error:
            raise Unreadable(
                f"第 {reader.line_num:,} 行格式有误（{_said(error)}），没有读取。请检查引号是否成对，用表格软件重新保存后上传。"
            ) from error


def _said(error: csv.Error) -> str:
    words = str(error)
    if "field larger" in words:
        return "单元格内容过长或引号没有闭合"
    return "换行或引号不成对" if "new-line" in words or "quote" in words else words


def transcode(path: Path, encoding: str, target: Path) -> Path:
    """The file as UTF-8 without mark; itself when it is that already."""
    if encoding == "utf-8":
        return path
    with path.open(encoding=encoding, newline="") as source, target.open("w", encoding="utf-8", newline="") as out:
        while text := source.read(BLOCK):
            out.write(text)
    return target
