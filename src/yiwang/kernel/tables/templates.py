"""The template a department fills in: made from the fields, and recognised again by what it carries."""

import io
import re
import zipfile
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any

import xlsxwriter

from yiwang.kernel.tables.guards import Kind
from yiwang.kernel.tables.refusals import Unreadable

CODE, VERSION = "resource", "template_version"
PROPERTY = re.compile(r'<property\b[^>]*\bname="(\w+)"[^>]*>\s*<vt:\w+>([^<]*)</vt:\w+>')


def make(title: str, code: str, version: int, columns: Sequence[tuple[str, str, bool]]) -> bytes:
    """A workbook with one header row; columns are (title, remark, required). Every column is text, so that ids stay whole."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_custom_property(CODE, code, "text")
    book.set_custom_property(VERSION, version, "number_int")
    sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "数据")
    text = book.add_format({"num_format": "@"})
    must = book.add_format({"bold": True, "bg_color": "#FCE8E6", "border": 1, "text_wrap": True})
    may = book.add_format({"bold": True, "bg_color": "#EEF2F7", "border": 1, "text_wrap": True})
    for index, (name, remark, required) in enumerate(columns):
        sheet.set_column(index, index, max(12, len(name) * 2 + 4), text)
        sheet.write_string(0, index, name, must if required else may)
        if remark:
            sheet.write_comment(0, index, remark)
    sheet.freeze_panes(1, 0)
    book.close()
    return content.getvalue()


def carried(path: Path) -> tuple[str, int] | None:
    """(code, version) a workbook made from a template still carries."""
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read("docProps/custom.xml")[:65536].decode("utf-8", "replace")
    except (KeyError, zipfile.BadZipFile):
        return None
    found = dict(PROPERTY.findall(text))
    version = found.get(VERSION, "")
    return (
        (unescape(found[CODE]), int(version)) if CODE in found and version.isdecimal() and len(version) < 10 else None
    )


def notes(path: Path, kind: Kind, wanted: dict[str, Any] | None) -> list[str]:
    """What to say of the template a file was made from; the template of another table is refused."""
    found = carried(path) if wanted and kind == "xlsx" else None
    if found is None or wanted is None:
        return []
    code, version = found
    if code != wanted["code"]:
        raise Unreadable(
            f"这份表是按资源 {code} 的模板填写的，与所选资源 {wanted['code']} 不符，没有读取。请核对报送的资源。"
        )
    if version != wanted["version"]:
        return [
            f"这份表按第 {version} 版模板填写，目录现为第 {wanted['version']} 版，请核对下面的表头对应；建议下载新模板。"
        ]
    return []
