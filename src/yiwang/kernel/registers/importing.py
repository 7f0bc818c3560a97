"""Import of a spreadsheet: header mapping, coercion, all rows or none, errors as a coloured spreadsheet."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import xlsxwriter
from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.doors import rows
from yiwang.kernel.crypto.masks import mask
from yiwang.kernel.files import queries as files
from yiwang.kernel.files import sheets
from yiwang.kernel.files.doors import register_owner
from yiwang.kernel.files.services import store
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue, progress
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.ledger.services import record as write_ledger
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.registers import guards, registry, services
from yiwang.kernel.registers.coercion import clean, coerce, narrow
from yiwang.kernel.registers.declarations import Importing, Register
from yiwang.kernel.registers.forms import NAMES, candidates, named
from yiwang.kernel.registers.guards import editable_fields
from yiwang.kernel.registers.models import HeaderGuess, ImportRun
from yiwang.kernel.registers.paths import Path, display, resolve

DIRECT_ROWS = 2_000
OWNER = "registers.import"


def spec_of(register: Register) -> Importing:
    if register.importing is None:
        raise Refused(f"“{register.name}”不提供导入。", rule="台账声明")
    return register.importing


def fields_of(register: Register) -> dict[str, Path]:
    """What a column may be mapped to, in template order."""
    spec = spec_of(register)
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
    found: dict[str, str] = {}
    for header in headers:
        chosen = remembered[header] if header in remembered else known.get(_plain(header), "")
        found[header] = chosen if chosen in fields and chosen not in found.values() else ""
    return found


def upload(actor: Actor, register: Register, name: str, content: BinaryIO) -> ImportRun:
    """Check and keep the file; nothing is written to the register yet."""
    spec_of(register)
    actor.require(register.guard.code, "import")
    if actor.person_id is None:
        raise Refused("导入须由本人账号办理。", rule="导入由上传人办理")
    table = sheets.read(content, name)
    with transaction.atomic():
        run = ImportRun.objects.create(
            person_id=actor.person_id, register=register.code, file_name=name[:200], total=len(table.rows),
            mapping=guess(actor, register, table.headers),
        )  # fmt: skip
        store(actor, name, content, owner=(OWNER, run.pk), kind="source")
    return run


def table_of(run: ImportRun) -> sheets.Table:
    source = files.of((OWNER, run.pk)).get(kind="source")
    with files.content(source) as stream:
        return sheets.read(stream, source.name)


def own_run(actor: Actor, register: Register, pk: int) -> ImportRun:
    run = ImportRun.objects.filter(pk=pk, register=register.code).first()
    if run is None or actor.person_id is None or run.person_id != actor.person_id:
        raise Refused("没有找到这次导入，或它不是您上传的。", rule="导入由上传人办理", code="absent")
    return run


def confirm(actor: Actor, register: Register, run: ImportRun, mapping: dict[str, str]) -> Job | None:
    """Fix the mapping and import: at once, or as a job above 2,000 rows."""
    fields = fields_of(register)
    chosen = {header: name for header, name in mapping.items() if name in fields}
    if len(set(chosen.values())) < len(chosen):
        raise Invalid("有两列对应到同一个字段，请改正后再导入。")
    missing = [fields[name].label for name in spec_of(register).key if name not in chosen.values()]
    if missing:
        raise Invalid(f"没有列对应到“{'、'.join(missing)}”，无法判断新增还是更新，请补上。")
    with transaction.atomic():
        kept = ImportRun.objects.select_for_update().get(pk=run.pk)
        if kept.state in (ImportRun.State.DONE, ImportRun.State.RUNNING):
            raise Conflict("这份文件已经导入或正在导入，不会重复写入。")
        kept.mapping = chosen
        kept.state = ImportRun.State.RUNNING if kept.total > DIRECT_ROWS else ImportRun.State.UPLOADED
        kept.save(update_fields=["mapping", "state"])
        for header, name in mapping.items():
            HeaderGuess.objects.update_or_create(
                person_id=kept.person_id, register=register.code, header=header[:100], defaults={"field": name}
            )
        if kept.total > DIRECT_ROWS:
            return enqueue(import_job, key=str(kept.pk), owner=actor.person_id, title=f"导入{register.name}",
                           account_id=actor.account_id, run_id=kept.pk)  # fmt: skip
    execute(actor, register, kept)
    return None


@job("registers.import", title="导入台账")
def import_job(*, job_id: int, account_id: int, run_id: int) -> Outcome:
    actor = actor_of(Account.objects.select_related("person").get(pk=account_id))
    run = ImportRun.objects.get(pk=run_id)
    register = registry.find(run.register)

    def report(done: int, total: int) -> None:
        progress(job_id, done, total + 1, f"已核对 {done:,} / {total:,} 行")

    execute(actor, register, run, report)
    run.refresh_from_db()
    return Outcome(run.message)


class _Rollback(Exception):  # noqa: N818 - leaves the transaction, is no error
    pass


@dataclass
class Result:
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: dict[int, dict[str, str]] = field(default_factory=dict)


def execute(
    actor: Actor, register: Register, run: ImportRun, report: Callable[[int, int], None] | None = None
) -> Result:
    """Write every row in one transaction; with any error none, and a spreadsheet tells each reason."""
    table, result = table_of(run), Result()
    try:
        with transaction.atomic():
            locked = ImportRun.objects.select_for_update().get(pk=run.pk)
            if locked.state == ImportRun.State.DONE:
                return result
            actor.require(register.guard.code, "import")
            _write_rows(actor, register, table, locked.mapping, result, report)
            if result.errors:
                raise _Rollback
            done = f"导入完成：新增 {result.created} 条，更新 {result.changed} 条，无变化 {result.unchanged} 条。"
            _finish(run, ImportRun.State.DONE, result, done)
            write_ledger(actor, "import", (register.code, "*"), after={"file": run.file_name, "run": run.pk,
                         "created": result.created, "changed": result.changed})  # fmt: skip
    except _Rollback:
        with transaction.atomic():
            said = f"{len(result.errors)} 行有错误，一行也没有写入。请下载标红的表格，改正后重新导入。"
            _finish(run, ImportRun.State.REFUSED, result, said)
            with tempfile.TemporaryFile() as stream:
                _errors_file(stream, table, run.mapping, result.errors)
                store(actor, "导入错误说明.xlsx", stream, owner=(OWNER, run.pk), kind="errors")
    return result


def _finish(run: ImportRun, state: str, result: Result, message: str) -> None:
    run.state, run.message, run.finished_at = state, message, timezone.now()
    run.created, run.changed, run.unchanged = result.created, result.changed, result.unchanged
    run.errors = len(result.errors)
    run.save(update_fields=["state", "message", "finished_at", "created", "changed", "unchanged", "errors"])


def _write_rows(
    actor: Actor, register: Register, table: sheets.Table, mapping: dict[str, str], result: Result,
    report: Callable[[int, int], None] | None,
) -> None:  # fmt: skip
    spec, fields = spec_of(register), fields_of(register)
    columns = [(index, mapping[header]) for index, header in enumerate(table.headers) if mapping.get(header)]
    known = {name: _lookup(actor, register, name, {clean(line[index]) for line in table.rows})
             for index, name in columns if fields[name].field.is_relation}  # fmt: skip
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(table.rows):
        if not any(clean(cell) for cell in line):
            continue
        values, problems = _coerced(line, columns, fields, known)
        key = tuple(str(values.get(name, "")) for name in spec.key)
        if not problems and not all(key):
            problems[spec.key[0]] = "关键字段不能为空"
        if key in seen and not problems:
            problems[spec.key[0]] = f"与第 {table.first_row + seen[key]} 行重复"
        seen.setdefault(key, number)
        if not problems:
            problems = _write_row(actor, register, spec, values, result)
        if problems:
            result.errors[number] = problems
        if report is not None and number % 50 == 0:
            report(number, len(table.rows))


def _coerced(
    line: list[object], columns: list[tuple[int, str]], fields: dict[str, Path], known: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for index, name in columns:
        try:
            value = coerce(fields[name], line[index])
            if value and name in known:
                value = known[name].get(value)
                if value is None:
                    raise ValueError(f"“{clean(line[index])}”没有找到、有重名，或不在您的数据范围内")
        except ValueError as error:
            problems[name] = str(error)
        else:
            if value is not None:
                values[name] = value
    return values, problems


def _lookup(actor: Actor, register: Register, name: str, texts: set[str]) -> dict[str, Any]:
    """All related rows named in a column by one query; a name borne by two rows stands for neither."""
    allowed = candidates(actor, register, name, "add")
    known = {column.name for column in allowed.model._meta.concrete_fields}
    found: dict[str, Any] = {}
    for item in allowed.filter(named(allowed.model, texts - {""}, "in")):
        for column in NAMES:
            text = getattr(item, column) if column in known else ""
            if text:
                found[text] = item if found.get(text, item) == item else None
    return {text: item for text, item in found.items() if item is not None}


def _write_row(
    actor: Actor, register: Register, spec: Importing, values: dict[str, Any], result: Result
) -> dict[str, str]:
    try:
        with transaction.atomic():
            there = rows(actor, register.guard.code).filter(**{name: values[name] for name in spec.key}).first()
            if there is None:
                services.save(actor, register, {n: v for n, v in values.items() if n in register.form_fields})
                result.created += 1
                return {}
            changes = _changes(actor, register, spec, there, values)
            if changes and not spec.changes:
                raise Invalid("已有相同关键字段的记录，此台账的导入只新增、不更新")
            before = guards.snapshot(register, there)
            after = (
                guards.snapshot(register, services.save(actor, register, changes, pk=there.pk)) if changes else before
            )
            result.changed, result.unchanged = result.changed + (after != before), result.unchanged + (after == before)
    except Invalid as problem:
        return {name: "；".join(said) for name, said in problem.errors.items()} or {spec.key[0]: problem.message}
    except Refused as problem:
        return {spec.key[0]: problem.message}
    return {}


def _changes(actor: Actor, register: Register, spec: Importing, there: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What the row asks to change; values that read as the record already does are no change."""
    found = {}
    editable = set(editable_fields(actor, register, there))
    for name, value in values.items():
        bound = register.bind(name)
        now = display(bound.value(there), bound.path)
        if name in spec.key or display(value, bound.path) == now or (bound.mask and value == mask(bound.mask, now)):
            continue
        if name not in editable:
            raise Invalid("", errors={name: ["没有权限修改这个字段"]})
        found[name] = value
    return found


def _errors_file(
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
    stream: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet, notes = book.add_worksheet("数据"), book.add_worksheet("填写说明")
    head = book.add_format({"bold": True, "bg_color": "#E8F0FA", "border": 1})
    text = book.add_format({"num_format": "@"})
    kinds = {"date": "日期，如 2026-01-31", "datetime": "时间，如 2026-01-31 09:00", "boolean": "是 或 否",
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
