"""编制指南模板：信息资源、信息项两张表。"""

import tempfile
from typing import Any, BinaryIO

import xlsxwriter

from yiwang.data.catalog.models import Version
from yiwang.data.catalog.queries import said
from yiwang.data.catalog.terms import DESCRIPTION_FIELDS, ITEM_FIELDS, SHEET_HEAD, SHEETS
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.exporting import safe

ROWS = 50_000
NATURE = Field("nature", "数据性质")
LEFT, RIGHT = (*SHEET_HEAD, *DESCRIPTION_FIELDS), (SHEET_HEAD[0], *ITEM_FIELDS)


def workbook(actor: Actor | None = None) -> BinaryIO:
    """The template, empty or filled with the latest content of every resource the actor may export."""
    stream: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheets = [_sheet(book, name, fields) for name, fields in zip(SHEETS, ((*LEFT, NATURE), RIGHT), strict=True)]
    below = 1
    for number, version in enumerate(_versions(actor) if actor else (), start=1):
        resource, described = version.resource, version.content["description"]
        head = [str(number), resource.code, resource.organisation.name]
        demo = "演示数据" if resource.is_demo else ""
        _line(sheets[0], number, [*head, *(said(item.name, described[item.name]) for item in DESCRIPTION_FIELDS), demo])
        for line in version.content["items"]:
            _line(sheets[1], below, [str(number), *(said(item.name, line[item.name]) for item in ITEM_FIELDS)])
            below += 1
    _notes(book)
    book.close()
    stream.seek(0)
    return stream


def _versions(actor: Actor) -> Any:
    allowed = doors.rows(actor, "catalog.resource", "export")
    found = (
        Version.objects.filter(resource__in=allowed).order_by("resource__code", "-number").distinct("resource__code")
    )
    return found.select_related("resource__organisation").iterator(chunk_size=500)


def _sheet(book: Any, name: str, fields: tuple[Field, ...]) -> Any:
    sheet, head = book.add_worksheet(name), book.add_format({"bold": True, "bg_color": "#E8F0FA", "border": 1})
    text = book.add_format({"num_format": "@"})
    for column, item in enumerate(fields):
        sheet.write_string(0, column, item.label + "*" * item.required, head)
        sheet.set_column(column, column, 18, text)
        words = [label for _, label in item.choices] or (["是", "否"] if item.kind == "boolean" else [])
        if words:
            sheet.data_validation(1, column, ROWS, column, {"validate": "list", "source": words})
    sheet.freeze_panes(1, 3)
    return sheet


def _line(sheet: Any, row: int, cells: list[str]) -> None:
    for column, cell in enumerate(cells):
        sheet.write_string(row, column, safe(cell))


def _notes(book: Any) -> None:
    notes = book.add_worksheet("填写说明")
    notes.set_column(0, 3, 30)
    _line(notes, 0, ["表", "字段", "是否必填", "填写要求"])
    lines = [(name, item) for name, fields in zip(SHEETS, (LEFT, RIGHT), strict=True) for item in fields]
    for row, (name, item) in enumerate(lines, start=1):
        words = "；".join(filter(None, [" / ".join(label for _, label in item.choices), item.help]))
        _line(notes, row, [name, item.label, "必填" if item.required else "", words])
