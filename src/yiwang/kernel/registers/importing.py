"""What import reads and answers: fields, header guesses, the file, the template, the coloured errors."""

import io
import re
import tempfile
from typing import Any, BinaryIO

import xlsxwriter

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.files import queries as files
from yiwang.kernel.files import sheets
from yiwang.kernel.files.doors import register_owner
from yiwang.kernel.registers import registry
from yiwang.kernel.registers.coercion import clean, narrow
from yiwang.kernel.registers.declarations import Importing, Register
from yiwang.kernel.registers.forms import NAMES, candidates, named
from yiwang.kernel.registers.models import HeaderGuess, ImportRun
from yiwang.kernel.registers.paths import Path, resolve, virtual

OWNER = "registers.import"
MOST_READ = 5_000


def spec_of(register: Register) -> Importing:
    if register.importing is None:
        raise Refused(f"“{register.name}”不提供导入。", rule="台账声明")
    return register.importing


def fields_of(register: Register) -> dict[str, Path]:
    """What a column may be mapped to, in template order."""
    spec = spec_of(register)
    if spec.write is not None:
        return {column.name: virtual(column) for column in spec.columns}
    names = dict.fromkeys((*spec.key, *(spec.fields or register.form_fields)))
    return {name: resolve(register.model, name) for name in names}


def _plain(header: str) -> str:
    return narrow(header).replace(" ", "").strip("*:").lower().split("(")[0]


def guess(actor: Actor, register: Register, headers: list[str]) -> dict[str, str]:
    """Header → field: what this person chose last time, else the same label or name."""
    fields = fields_of(register)
    remembered = dict(
        HeaderGuess.objects.filter(person_id=actor.person_id or 0, register=register.code).values_list(
            "header", "field"
        )
    )
    known = {_plain(path.label): name for name, path in fields.items()} | {name: name for name in fields}
    for name, words in spec_of(register).synonyms.items():
        known |= {_plain(word): name for word in words}
    found: dict[str, str] = {}
    for header in headers:
        chosen = remembered[header] if header in remembered else known.get(_plain(header), "")
        found[header] = chosen if chosen in fields and chosen not in found.values() else ""
    return found


def table_of(run: ImportRun) -> sheets.Table:
    source = files.of((OWNER, run.pk)).get(kind="source")
    with files.content(source) as stream:
        # A sealed content opens only from front to back.
        return sheets.read(io.BytesIO(stream.read()), source.name, joined_by=_joined_by(run.register))


def _joined_by(code: str) -> str:
    return spec_of(registry.find(code)).joined_by


def own_run(actor: Actor, register: Register, pk: int) -> ImportRun:
    run = ImportRun.objects.filter(pk=pk, register=register.code).first()
    if run is None or actor.person_id is None or run.person_id != actor.person_id:
        raise Refused("没有找到这次导入，或它不是您上传的。", rule="导入由上传人办理", code="absent")
    return run


def lookup(actor: Actor, register: Register, name: str, texts: set[str]) -> dict[str, Any]:
    """All related rows named in a column by one query; a name borne by two rows stands for neither."""
    allowed = candidates(actor, register, name, "add")
    known = {column.name for column in allowed.model._meta.concrete_fields}
    found: dict[str, Any] = {}
    for item in allowed.filter(named(allowed.model, texts - {""}, "in")):
        for column in NAMES:
            text = getattr(item, column) if column in known else ""
            if text:
                found[text] = item if found.get(text, item) == item else None
    if texts - {""} - found.keys():
        # An export writes a row as it reads, which may be none of its names.
        for item in allowed[:MOST_READ]:
            found[str(item)] = item if found.get(str(item), item) == item else None
    return {text: item for text, item in found.items() if item is not None}


_BETWEEN = re.compile(r"[、，,;；\n]+")


def words(path: Path, cell: object) -> list[str]:
    """The names in a cell: several of a many-to-many field, else the one."""
    text = clean(cell)
    if path.kind != "many":
        return [text] if text else []
    return [word for part in _BETWEEN.split(text) if (word := part.strip())]


def in_order(
    spec: Importing, lines: list[list[object]], columns: list[tuple[int, str]]
) -> tuple[list[int], frozenset[int]]:
    """Row numbers with every parent before its children, and the rows that wait for each other in a ring."""
    everything = list(range(len(lines)))
    place = {name: index for index, name in columns}
    if not spec.tree or spec.tree not in place:
        return everything, frozenset()
    called: dict[str, int] = {}
    for name in (*NAMES, *spec.key):
        for number, line in enumerate(lines):
            if name in place and (text := clean(line[place[name]])):
                called.setdefault(text, number)
    above = {number: called.get(clean(line[place[spec.tree]])) for number, line in enumerate(lines)}
    found: dict[int, None] = {}
    rings: set[int] = set()
    for number in everything:
        way: dict[int, None] = {}
        step: int | None = number
        while step is not None and step not in found and step not in way:
            way[step] = None
            step = above[step]
        if step is not None and step in way:
            rings |= {each for each in way if each in list(way)[list(way).index(step) :]}
        found |= dict.fromkeys(reversed(way))
    return list(found), frozenset(rings)


def errors_file(
    stream: BinaryIO, table: sheets.Table, mapping: dict[str, str], errors: dict[int, dict[str, str]]
) -> None:
    """The table as it came, wrong cells red, the reasons in a first column."""
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet = book.add_worksheet("导入错误")
    head, bad = book.add_format({"bold": True, "bg_color": "#E8F0FA"}), book.add_format({"bg_color": "#FCE4E4"})
    reason = book.add_format({"font_color": "#B0261E", "text_wrap": True})
    for column, header in enumerate(["错误说明", *table.headers]):
        sheet.write_string(0, column, header, head)
    for number, line in enumerate(table.rows):
        problems = errors.get(number, {})
        labels = {name: header for header, name in mapping.items()}
        sheet.write_string(
            number + 1, 0, "\n".join(f"{labels.get(n, n)}：{said}" for n, said in problems.items()), reason
        )
        for column, cell in enumerate(line):
            wrong = mapping.get(table.headers[column]) in problems
            sheet.write_string(number + 1, column + 1, clean(cell)[:32_767], bad if wrong else None)
    sheet.set_column(0, 0, 40)
    sheet.freeze_panes(1, 1)
    book.close()


def template(register: Register) -> BinaryIO:
    """An empty sheet with the headers, drop-downs for choices and a page of explanations."""
    own = spec_of(register).template
    if own is not None:
        return own()
    stream: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet, notes = book.add_worksheet("数据"), book.add_worksheet("填写说明")
    head = book.add_format({"bold": True, "bg_color": "#E8F0FA", "border": 1})
    text = book.add_format({"num_format": "@"})
    kinds = {"many": "名称或代码，多个用顿号（、）分隔", "date": "日期，如 2026-01-31", "datetime": "时间，如 2026-01-31 09:00", "boolean": "是 或 否",
             "integer": "整数", "decimal": "数字", "organisation": "机构名称或代码", "related": "名称或代码"}  # fmt: skip
    for column, header in enumerate(("字段", "是否必填", "填写要求")):
        notes.write_string(0, column, header, head)
    for column, (name, path) in enumerate(fields_of(register).items()):
        needed = name in spec_of(register).key or not (path.field.blank or path.field.has_default())
        sheet.write_string(0, column, path.label + ("*" if needed else ""), head)
        labels = [label for _, label in path.choices]
        sheet.set_column(column, column, 18, text if path.kind in {"text", "long_text"} else None)
        if labels and len(",".join(labels)) <= 255:
            sheet.data_validation(1, column, sheets.MAX_ROWS, column, {"validate": "list", "source": labels})
        words = [" / ".join(labels) or kinds.get(path.kind, "文本"), str(path.field.help_text)]
        for place, cell in enumerate((path.label, "必填" if needed else "", "；".join(filter(None, words)))):
            notes.write_string(column + 1, place, cell)
    notes.set_column(0, 2, 30)
    book.close()
    stream.seek(0)
    return stream


register_owner(OWNER, lambda actor, pk: ImportRun.objects.filter(pk=pk, person_id=actor.person_id or 0).exists())
