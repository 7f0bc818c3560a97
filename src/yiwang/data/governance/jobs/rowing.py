"""Data rows of a workbook as XML, put into one that xlsxwriter laid out: for the few kinds of cells that occur in a
sender's sheet, a fourth of the time of writing each cell by itself. ECMA-376-1 §18.3.1.73 (row), §18.3.1.4 (c).
"""

import math
import re
import shutil
import zipfile
from collections.abc import Hashable, Iterable, Sequence
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from yiwang.kernel.tables.guards import MAX_CELL_TEXT, letters_of

SHEET = "xl/worksheets/sheet1.xml"
# What may not stand in XML as it is, and what a spreadsheet would read as one of its own escapes (§22.9.2.19, ST_Xstring).
ODD = re.compile("[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
STYLE = re.compile(r'<c r="[A-Z]+\d+" s="(\d+)"')
DIMENSION = re.compile(r"<dimension[^>]*/>")
EPOCH = date(1899, 12, 31)
# Spreadsheets count a 29 February of 1900.
LEAP = 59
letters = cache(letters_of)


def _escaped(found: re.Match[str]) -> str:
    sign = found[0]
    if len(sign) > 1:
        return f"_x005F{sign}"
    return NAMED.get(sign) or f"_x{ord(sign):04X}_"


def serial(value: date) -> float:
    """The number of a day or moment: 1 is 1 January 1900."""
    days = (value.date() if isinstance(value, datetime) else value) - EPOCH
    clock = (value - datetime.combine(value.date(), time())).total_seconds() if isinstance(value, datetime) else 0
    return days.days + (days.days > LEAP) + clock / 86400


def cell(column: int, row: int, value: Any, style: str) -> str:
    """One cell, from 0; style: its `s="…"` or nothing. An empty one without a style is not written."""
    place = f'<c r="{letters(column + 1)}{row + 1}"{style}'
    if value is None or value == "":
        return f"{place}/>" if style else ""
    if isinstance(value, bool):
        return f'{place} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float) and math.isfinite(value):
        return f"{place}><v>{value:.16G}</v></c>"
    if isinstance(value, date):
        return f"{place}><v>{serial(value):.16G}</v></c>"
    text = ODD.sub(_escaped, str(value)[:MAX_CELL_TEXT])
    return f'{place} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _packed(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(entry.filename, entry.date_time)
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


class Rows:
    """Rows on their way into a workbook that is laid out: its last row, number `at` from 0, has one blank cell of each
    style that the rows use, in the order of `styles`, and makes room for them."""

    def __init__(self, book: Path, at: int, styles: Sequence[Hashable]) -> None:
        self.book, self.kept, self.at = book, book.with_suffix(".rows"), at
        with zipfile.ZipFile(book) as archive:
            text = archive.read(SHEET).decode()
        self.before, _, probe = text.partition(f'<row r="{at + 1}"')
        self.after = probe[probe.index("</sheetData>") :]
        self.styles = {key: f' s="{number}"' for key, number in zip(styles, STYLE.findall(probe), strict=True)}
        self.stream = self.kept.open("w", encoding="utf-8")

    def write(self, cells: Iterable[tuple[int, Any, Hashable]]) -> None:
        """(column, value, key of its style or None) from left to right."""
        row, styles = self.at, self.styles
        made = "".join([cell(column, row, value, styles[style] if style else "") for column, value, style in cells])
        self.stream.write(f'<row r="{row + 1}">{made}</row>')
        self.at += 1

    def close(self, width: int) -> None:
        """The workbook with the rows takes the place of the one without."""
        self.stream.close()
        extent = f'<dimension ref="A1:{letters(max(width, 1))}{max(self.at, 1)}"/>'
        made = self.book.with_suffix(".made")
        with zipfile.ZipFile(self.book) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                if entry.filename != SHEET:
                    new.writestr(entry, old.read(entry), zipfile.ZIP_DEFLATED)
                    continue
                with new.open(_packed(entry), "w") as target, self.kept.open("rb") as rows:
                    target.write(DIMENSION.sub(extent, self.before).encode())
                    shutil.copyfileobj(rows, target, 1 << 20)
                    target.write(self.after.encode())
        self.kept.unlink()
        made.replace(self.book)
