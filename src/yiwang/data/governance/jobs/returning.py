"""The sheet that goes back: the sender's own layout, the bad rows only, wrong cells coloured, a reason at the end."""

import math
from collections.abc import Iterator
from datetime import date
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

import xlsxwriter

from yiwang.data.governance.terms.plans import SOURCE_ROW, WORD, literal, quoted
from yiwang.kernel.lake.process.task import Database, Task
from yiwang.kernel.tables import delimited
from yiwang.kernel.tables.guards import kind_of
from yiwang.kernel.tables.reading import workbook

BLOCKED, WARNED, HEAD = "#F8C9C4", "#FCE8B2", "#E7ECF3"
DATE_TEXT = "yyyy-mm-dd"
# What a spreadsheet would run as a formula when the text is opened or pasted.
LEADING = ("=", "+", "-", "@", "\t", "\r")
WIDEST, SAMPLE_ROWS = 40, 200


def give_back(
    task: Task, original: str, name: str, sheet: str, first_data: int, columns: dict[str, int], quarantine: str,
    rules: list[dict[str, Any]], most: int,
) -> dict[str, Any]:  # fmt: skip
    """Write `return.xlsx`. first_data: rows above the data, kept as they are. columns: field → column from 0.
    rules: [{name, reason, fields, blocks}] in the order of the mask's bits. most: rows listed. → {rows, cells}."""
    database = task.connect([quarantine])
    masks, left_out = _masks(database, quarantine, len(rules), most)
    database.close()
    lines = _lines(task, Path(original), name, sheet)
    begun = list(islice(lines, max(first_data, SAMPLE_ROWS)))
    book = xlsxwriter.Workbook(
        str(task.folder / "return.xlsx"),
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    writer = _Writer(book, sheet, columns, rules)
    width = max((len(line) for line in begun[: max(first_data, 1)]), default=0)
    writer.widths(begun, width)
    for place, line in enumerate(begun[:first_data], 1):
        writer.head(line, width, last=place == first_data)
    for number, line in enumerate(chain(begun, lines), 1):
        if (mask := masks.pop(number, None)) is not None and number > first_data:
            writer.row(line, width, mask, number)
        if not masks:
            break
    if left_out:
        writer.more(left_out)
    book.close()
    return {"rows": writer.rows, "cells": writer.cells}


def _masks(database: Database, path: str, rules: int, most: int) -> tuple[dict[int, int], int]:
    """(row of the sheet → all bits of its rules, of the first `most`; how many rows more there are)."""
    bits = ", ".join(f"__m{word}" for word in range(max(1, -(-rules // WORD))))
    rows = f"FROM read_parquet({literal(path)}) WHERE {quoted(SOURCE_ROW)} IS NOT NULL"
    found = database.rows(f"SELECT {quoted(SOURCE_ROW)}, {bits} {rows} ORDER BY 1 LIMIT {most}")
    masks = {row: sum(mask << WORD * word for word, mask in enumerate(each)) for row, *each in found}
    return masks, database.value(f"SELECT count(*) {rows}") - len(found)


def _lines(task: Task, path: Path, name: str, sheet: str) -> Iterator[list[Any]]:
    kind = kind_of(path, name)
    if kind == "text":
        yield from delimited.lines(path, delimited.dialect_of(path))
    else:
        yield from workbook(task, path, kind).cells(sheet)


class _Writer:
    def __init__(self, book: Any, sheet: str, columns: dict[str, int], rules: list[dict[str, Any]]) -> None:
        self.book, self.sheet = book, book.add_worksheet(sheet[:31] or "Sheet1")
        self.columns, self.rules = columns, rules
        self.formats = {
            (colour, dated): book.add_format({
                **({"bg_color": colour} if colour else {}), **({"num_format": DATE_TEXT} if dated else {}),
            }) if colour or dated else None
            for colour in ("", BLOCKED, WARNED) for dated in (False, True)
        }  # fmt: skip
        self.title = book.add_format({"bold": True, "bg_color": HEAD})
        self.reason = book.add_format({"text_wrap": False, "font_color": "#A33A2C"})
        self.at = self.rows = self.cells = 0
        self.known: dict[int, tuple[dict[int, str], list[Any], str]] = {}

    def widths(self, lines: list[list[Any]], width: int) -> None:
        for column in range(width):
            longest = max((len(str(line[column])) for line in lines[:SAMPLE_ROWS] if column < len(line)), default=8)
            self.sheet.set_column(column, column, min(max(longest * 1.3, 8), WIDEST))
        self.sheet.set_column(width, width, 60)

    def head(self, line: list[Any], width: int, *, last: bool) -> None:
        for column, cell in enumerate(line):
            self.cell(column, cell, self.title if last else None)
        if last:
            self.sheet.write_string(self.at, width, "退回理由", self.title)
            self.sheet.write_string(self.at, width + 1, "原表行号", self.title)
            self.sheet.freeze_panes(self.at + 1, 0)
        self.at += 1

    def more(self, rows: int) -> None:
        """Said in the place of the rows that are left out."""
        said = f"另有 {rows:,} 行有问题，没有列出。请先按已列出的改正，再报送即可看到其余。"
        self.sheet.write_string(self.at, 0, said, self.reason)

    def explained(self, mask: int, width: int) -> tuple[dict[int, str], list[Any], str]:
        """(column → colour, the style of text in each column, reasons); few masks occur, so each is worked out once."""
        if mask not in self.known:
            colours: dict[int, str] = {}
            reasons = []
            for place, rule in enumerate(self.rules):
                if not mask >> place & 1:
                    continue
                reasons.append(rule["reason"])
                for field in rule["fields"]:
                    if field in self.columns and colours.get(self.columns[field]) != BLOCKED:
                        colours[self.columns[field]] = BLOCKED if rule["blocks"] else WARNED
            styles = [self.formats[colours.get(column, ""), False] for column in range(width)]
            self.known[mask] = (colours, styles, "；".join(dict.fromkeys(reasons)))
        return self.known[mask]

    def row(self, line: list[Any], width: int, mask: int, number: int) -> None:
        colours, styles, reasons = self.explained(mask, width)
        at, write = self.at, self.sheet.write_string
        for column, (cell, style) in enumerate(zip_longest(line[:width], styles)):
            if type(cell) is str and cell and cell[0] not in LEADING:
                write(at, column, cell, style)  # nearly every cell
            else:
                self.cell(
                    column, cell, self.formats[colours.get(column, ""), True] if isinstance(cell, date) else style
                )
        write(at, width, reasons, self.reason)
        self.sheet.write_number(at, width + 1, number)
        self.at += 1
        self.cells += len(colours)
        self.rows += 1

    def cell(self, column: int, value: Any, style: Any) -> None:
        if value is None or value == "":
            if style is not None:
                self.sheet.write_blank(self.at, column, None, style)
        elif isinstance(value, bool):
            self.sheet.write_boolean(self.at, column, value, style)
        elif isinstance(value, int | float) and math.isfinite(value):
            self.sheet.write_number(self.at, column, value, style)
        elif isinstance(value, date):
            self.sheet.write_datetime(self.at, column, value, style)
        else:
            self.sheet.write_string(self.at, column, _plain(str(value)), style)


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(LEADING) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def compare(task: Task, before: str, after_bad: str, after_valid: str, key: list[str]) -> dict[str, int]:
    """What became of the rows kept back before, by key: → fixed, still, missing, and new ones that are wrong now."""
    database = task.connect([before, after_bad, after_valid])
    columns = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in key)
    keys = {
        name: f"(SELECT {distinct} [{columns}] AS k FROM read_parquet({literal(path)}))"
        for name, distinct, path in (
            ("before", "DISTINCT", before),
            ("bad", "DISTINCT", after_bad),
            ("valid", "", after_valid),
        )
    }
    still = f"SELECT k FROM {keys['before']} SEMI JOIN {keys['bad']} USING (k)"
    # The valid rows are many: they are looked up among those of before, not the other way round.
    valid = f"SELECT [{columns}] AS k FROM read_parquet({literal(after_valid)})"
    fixed = f"SELECT DISTINCT k FROM ({valid}) SEMI JOIN {keys['before']} USING (k) EXCEPT {still}"
    new = f"SELECT k FROM {keys['bad']} EXCEPT SELECT k FROM {keys['before']}"
    counted = {
        name: int(database.value(f"SELECT count(*) FROM ({sql})"))
        for name, sql in (("fixed", fixed), ("still", still), ("new", new))
    }
    total = int(database.value(f"SELECT count(*) FROM {keys['before']}"))
    database.close()
    return {**counted, "missing": total - counted["fixed"] - counted["still"]}
