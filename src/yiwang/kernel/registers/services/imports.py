"""Import of a spreadsheet: all rows or none; errors come back as a coloured spreadsheet."""

import tempfile
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.doors import rows
from yiwang.kernel.crypto.masks import mask
from yiwang.kernel.files import sheets
from yiwang.kernel.files.services import store
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue, progress
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.ledger.services import record as write_ledger
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.registers import guards, registry
from yiwang.kernel.registers.coercion import clean, coerce
from yiwang.kernel.registers.declarations import Imported, Importing, Register
from yiwang.kernel.registers.guards import editable_fields
from yiwang.kernel.registers.importing import (
    OWNER,
    errors_file,
    fields_of,
    guess,
    in_order,
    lookup,
    spec_of,
    table_of,
    words,
)
from yiwang.kernel.registers.models import HeaderGuess, ImportRun
from yiwang.kernel.registers.paths import Path, display
from yiwang.kernel.registers.services.door import save

DIRECT_ROWS = 2_000


def upload(actor: Actor, register: Register, name: str, content: BinaryIO) -> ImportRun:
    """Check and keep the file; nothing is written to the register yet."""
    spec = spec_of(register)
    actor.require(register.guard.code, "import")
    if actor.person_id is None:
        raise Refused("导入须由本人账号办理。", rule="导入由上传人办理")
    table = sheets.read(content, name, joined_by=spec.joined_by)
    _sound(table.headers)
    with transaction.atomic():
        run = ImportRun.objects.create(
            person_id=actor.person_id, register=register.code, file_name=name[:200], total=len(table.rows),
            mapping=guess(actor, register, table.headers),
        )  # fmt: skip
        store(actor, name, content, owner=(OWNER, run.pk), kind="source", sealing=True)
    return run


def _sound(headers: list[str]) -> None:
    """Columns are told apart by their header: each that is filled in comes once and is plain text."""
    twice = [header for header, count in Counter(headers).items() if header and count > 1]
    if twice:
        raise sheets.refuse(
            f"表头“{twice[0][:40]}”出现了不止一次，分不清该用哪一列，没有读取。请删去或改名后重新上传。"
        )
    if any(not header.isprintable() for header in headers):
        raise sheets.refuse("表头里有看不见的控制字符，没有读取。请重新填写表头，或按模板填写后上传。")


def confirm(actor: Actor, register: Register, run: ImportRun, mapping: dict[str, str]) -> Job | None:
    """Fix the mapping and import: at once, or as a job above 2,000 rows."""
    fields = fields_of(register)
    strange = next((name for name in mapping.values() if name and name not in fields), None)
    if strange is not None:
        raise Invalid("有一列对应到了这份台账没有的字段，没有导入。请在下拉列表里重新选择。")
    chosen = {header: name for header, name in mapping.items() if name}
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


def execute(
    actor: Actor, register: Register, run: ImportRun, report: Callable[[int, int], None] | None = None
) -> Imported:
    """Write every row in one transaction; with any error none, and a spreadsheet tells each reason."""
    table, result = table_of(run), Imported()
    try:
        with transaction.atomic():
            locked = ImportRun.objects.select_for_update().get(pk=run.pk)
            if locked.state == ImportRun.State.DONE:
                return result
            actor.require(register.guard.code, "import")
            result = rows_of(actor, register, table, locked.mapping, report)
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
                errors_file(stream, table, run.mapping, result.errors)
                store(actor, "导入错误说明.xlsx", stream, owner=(OWNER, run.pk), kind="errors", sealing=True)
    return result


def _finish(run: ImportRun, state: str, result: Imported, message: str) -> None:
    run.state, run.message, run.finished_at = state, message, timezone.now()
    run.created, run.changed, run.unchanged = result.created, result.changed, result.unchanged
    run.errors = len(result.errors)
    run.save(update_fields=["state", "message", "finished_at", "created", "changed", "unchanged", "errors"])


def rows_of(
    actor: Actor, register: Register, table: sheets.Table, mapping: dict[str, str],
    report: Callable[[int, int], None] | None = None,
) -> Imported:  # fmt: skip
    """Write the rows of a sheet in the caller's transaction, which must end if there are errors."""
    result = Imported()
    spec, fields = spec_of(register), fields_of(register)
    columns = [(index, mapping[header]) for index, header in enumerate(table.headers) if mapping.get(header)]
    known = {name: lookup(actor, register, name, {word for line in table.rows for word in words(fields[name], line[index])})
             for index, name in columns if fields[name].field.is_relation}  # fmt: skip
    order, rings = in_order(spec, table.rows, columns)
    needed = [name not in fields or not fields[name].field.blank for name in spec.key]
    seen: dict[tuple[str, ...], int] = {}
    batch: dict[int, dict[str, Any]] = {}
    for done, number in enumerate(order):
        line = table.rows[number]
        if not any(clean(cell) for cell in line):
            continue
        _meet_parent(actor, register, spec.tree, line, columns, known)
        values, problems = _coerced(line, columns, fields, known)
        key = tuple(str(values.get(name, "")) for name in spec.key)
        if number in rings:
            problems[spec.tree] = "与表中其他行互为上下级，无法确定先后"
        elif not problems and (wrong := _wrong_key(key, needed, seen, table.first_row)):
            problems[spec.key[0]] = wrong
        seen.setdefault(key, number)
        if not problems and spec.write is not None:
            batch[number] = values
            problems = {
                item.name: "请填写" for item in spec.columns if item.required and values.get(item.name) in (None, "")
            }
        elif not problems:
            problems = _write_row(actor, register, spec, values, result)
        if problems:
            result.errors[number] = problems
        if report is not None and done % 50 == 0:
            report(done, len(table.rows))
    if spec.write is not None and not result.errors:
        _write_batch(actor, spec.write, batch, result, report)
    return result


def _write_batch(
    actor: Actor, write: Callable[..., Imported], batch: dict[int, dict[str, Any]], result: Imported,
    report: Callable[[int, int], None] | None,
) -> None:  # fmt: skip
    """Hand the rows to the domain; its errors by position become errors of the sheet's rows."""
    numbers = list(batch)
    done = write(actor, list(batch.values()), report)
    result.created, result.changed, result.unchanged = done.created, done.changed, done.unchanged
    result.errors |= {numbers[position]: problems for position, problems in done.errors.items()}


def _coerced(
    line: list[object], columns: list[tuple[int, str]], fields: dict[str, Path], known: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for index, name in columns:
        try:
            value = coerce(fields[name], line[index])
            if fields[name].kind == "many":
                value = _many(words(fields[name], line[index]), known[name])
            elif value and name in known:
                value = known[name].get(value)
                if value is None:
                    raise ValueError(f"“{clean(line[index])}”没有找到、有重名，或不在您的数据范围内")
        except ValueError as error:
            problems[name] = str(error)
        else:
            if value is not None:
                values[name] = value
    return values, problems


def _wrong_key(key: tuple[str, ...], needed: list[bool], seen: dict[tuple[str, ...], int], first_row: int) -> str:
    """What may be blank in a record may be blank in its key, but not the whole key."""
    if not any(key) or not all(part for part, must in zip(key, needed, strict=True) if must):
        return "关键字段不能为空"
    return f"与第 {first_row + seen[key]} 行重复" if key in seen else ""


def _many(names: list[str], known: dict[str, Any]) -> list[Any]:
    missing = [word for word in names if word not in known]
    if missing:
        raise ValueError(f"“{'、'.join(missing)}”没有找到、有重名，或不在您的数据范围内")
    return list({known[word].pk: known[word] for word in names}.values())


def _keys(value: Any) -> Any:
    """Forms take the many of a field by key."""
    return [item.pk for item in value] if isinstance(value, list) else value


def _read(value: Any, path: Path | None) -> str:
    """As an officer reads it; the many of a field in one order."""
    return "、".join(sorted(map(str, value))) if isinstance(value, list) else display(value, path)


def _meet_parent(
    actor: Actor, register: Register, tree: str, line: list[object], columns: list[tuple[int, str]],
    known: dict[str, dict[str, Any]],
) -> None:  # fmt: skip
    """A parent of the same sheet is there by now: the rows are written parents first."""
    for index, name in columns:
        text = clean(line[index])
        if name == tree and text and text not in known[name]:
            known[name] |= lookup(actor, register, name, {text})


def _write_row(
    actor: Actor, register: Register, spec: Importing, values: dict[str, Any], result: Imported
) -> dict[str, str]:
    try:
        with transaction.atomic():
            there = rows(actor, register.guard.code).filter(**{name: values.get(name, "") for name in spec.key}).first()
            if there is None:
                save(actor, register, {n: _keys(v) for n, v in values.items() if n in register.form_fields})
                result.created += 1
                return {}
            changes = _changes(actor, register, spec, there, values)
            if changes and not spec.changes:
                raise Invalid("已有相同关键字段的记录，此台账的导入只新增、不更新")
            before = guards.snapshot(register, there)
            given = {name: _keys(value) for name, value in changes.items()}
            after = guards.snapshot(register, save(actor, register, given, pk=there.pk)) if given else before
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
        now = _read(bound.value(there), bound.path)
        if name in spec.key or _read(value, bound.path) == now or (bound.mask and value == mask(bound.mask, now)):
            continue
        if name not in editable:
            raise Invalid("", errors={name: ["没有权限修改这个字段"]})
        found[name] = value
    return found
