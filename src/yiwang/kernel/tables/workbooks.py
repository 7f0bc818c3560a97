"""Workbooks (xlsx, xls, ods) as grids of text. Cells are rendered as received: nothing is repaired or guessed here."""

import datetime
import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
)

from yiwang.kernel.tables.guards import MAX_CELL_TEXT, MAX_COLUMNS, Kind, Part, check_extent, letters_of, parts
from yiwang.kernel.tables.refusals import Unreadable

# A spreadsheet number keeps 15 significant digits; from here on integers have lost some.
EXACT_BELOW = 1e15
# The types of a row that is all text, as nearly every row is.
TEXT = {str}
SHEET_PATH = re.compile(r"<Relationship\b[^>]*?>")
ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
SHEET_TAG = re.compile(r"<(?:\w+:)?sheet\b[^>]*>")


@dataclass
class Sheet:
    """A sheet as text. `rows[0]` is the sheet's row 1. `given` are the rows before merged cells were filled.

    lost: (row, column) from 1 of numbers whose digits a spreadsheet cannot have kept.
    """

    name: str
    visible: bool
    rows: list[list[str]]
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    errors: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    filled: dict[int, list[str]] = field(default_factory=dict)

    def bare(self, index: int) -> list[str]:
        """Row `index` (from 0) as it stands in the file, without what merging spread over it."""
        return self.filled.get(index, self.rows[index])


class Workbook:
    """An opened workbook; a sheet is read when asked for, and once."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path, self.kind = path, kind
        self.parts: dict[str, Part] = parts(path) if kind in ("xlsx", "ods") else {}
        try:
            self.book = CalamineWorkbook.from_path(str(path))
        except PasswordError as error:
            raise Unreadable("文件设了打开密码，没有读取。请去掉密码后上传。") from error
        except CalamineError as error:
            raise Unreadable("文件已损坏或不是标准电子表格，没有读取。请用表格软件重新保存后上传。") from error
        self.places = _sheet_parts(path) if kind == "xlsx" else {}
        self.sources: dict[str, CalamineSheet] = {}
        self.read: dict[str, list[list[Any]]] = {}

    def sheets(self) -> list[tuple[str, bool]]:
        """(name, visible) of every worksheet."""
        return [
            (item.name, item.visible == SheetVisibleEnum.Visible)
            for item in self.book.sheets_metadata
            if item.typ == SheetTypeEnum.WorkSheet
        ]

    def _source(self, name: str) -> CalamineSheet:
        if name not in self.sources:
            try:
                self.sources[name] = self.book.get_sheet_by_name(name)
            except (CalamineError, WorksheetNotFound) as error:
                raise Unreadable(f"工作表“{name}”无法读取。请用表格软件重新保存后上传。") from error
        return self.sources[name]

    def cells(self, name: str) -> list[list[Any]]:
        """Every row of a sheet from its first, with the values a spreadsheet has: text, numbers, dates, booleans."""
        if name not in self.read:
            self.read[name] = self._source(name).to_python(skip_empty_area=False)
        return self.read[name]

    def sheet(self, name: str, limit: int | None = None) -> Sheet:
        """A sheet; with `limit` only its first rows, to find the header."""
        source = self._source(name)
        last = source.end or (-1, -1)
        check_extent(last[0] + 1, last[1] + 1)
        part = self.parts.get(self.places.get(name, ""), Part())
        visible = dict(self.sheets()).get(name, True)
        found = Sheet(name, visible, [], hidden=[row for row in part.hidden if row <= last[0] + 1])
        given = self.cells(name) if limit is None else source.to_python(skip_empty_area=False, nrows=limit)
        for index, line in enumerate(given):
            if set(map(type, line)) == TEXT and max(map(len, line)) <= MAX_CELL_TEXT:
                found.rows.append(line)
                continue
            found.rows.append([
                cell if type(cell) is str and len(cell) <= MAX_CELL_TEXT else _text(found, index, column, cell)
                for column, cell in enumerate(line)
            ])  # fmt: skip
        for (row, column), word in part.errors.items():
            if row <= len(found.rows) and column <= len(found.rows[row - 1]) and not found.rows[row - 1][column - 1]:
                found.rows[row - 1] = [*found.rows[row - 1]]  # what was read stays as it was
                found.rows[row - 1][column - 1] = word
                found.errors += 1
        _fill(found, source.merged_cell_ranges or [])
        return found


def _sheet_parts(path: Path) -> dict[str, str]:
    """Which part of the package holds which sheet."""
    with zipfile.ZipFile(path) as archive:
        try:
            book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
            links = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
        except KeyError:
            return {}
    targets = {}
    for tag in SHEET_PATH.findall(links):
        known = dict(ATTRIBUTE.findall(tag))
        target = known.get("Target", "")
        targets[known.get("Id", "")] = posixpath.normpath(
            target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        )
    found = {}
    for tag in SHEET_TAG.findall(book):
        known = dict(ATTRIBUTE.findall(tag))
        name = known.get("name", "")
        for code, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
            name = name.replace(code, char)
        found[name] = targets.get(next((value for key, value in known.items() if key.endswith(":id")), ""), "")
    return found


def _text(sheet: Sheet, row: int, column: int, cell: Any) -> str:
    if isinstance(cell, str):
        if len(cell) > MAX_CELL_TEXT:
            raise Unreadable(
                f"工作表“{sheet.name}”{letters_of(column + 1)}{row + 1} 格有 {len(cell):,} 个字，"
                f"超过单元格上限 {MAX_CELL_TEXT:,} 字，没有读取。请拆分该格内容。"
            )
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT_BELOW:
            sheet.lost.append((row + 1, column + 1))
        return number_text(cell)
    return moment_text(cell)


def number_text(value: float) -> str:
    """A number with the 15 digits a spreadsheet keeps: 7.0 → 7, 4.2E17 stays in that form, for its digits are lost."""
    return str(int(value)) if value == int(value) and abs(value) < EXACT_BELOW else f"{value:.15G}"


def moment_text(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


def _fill(sheet: Sheet, ranges: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """Every cell of a merged range gets the range's text; what the rows were before is kept for telling notes apart."""
    height, width = len(sheet.rows), max(map(len, sheet.rows), default=0)
    for (top, left), (bottom, right) in ranges:
        bottom, right = min(bottom, height - 1), min(right, width - 1, MAX_COLUMNS - 1)
        if top > bottom or left > right or top >= height:
            continue
        sheet.merges.append((top + 1, left + 1, bottom + 1, right + 1))
        text = sheet.rows[top][left] if left < len(sheet.rows[top]) else ""
        if not text:
            continue
        for index in range(top, bottom + 1):
            if index not in sheet.filled:
                sheet.filled[index], sheet.rows[index] = sheet.rows[index], [*sheet.rows[index]]
            for column in range(left, right + 1):
                sheet.rows[index][column] = text
