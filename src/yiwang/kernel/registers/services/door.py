"""The only write door of registers: lock, scope, version, freeze, the domain's own verb, scope again, ledger."""

import copy
from collections.abc import Mapping
from typing import Any, BinaryIO

from django.db import IntegrityError, transaction
from django.db.models import F
from django.forms import BaseForm
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.doors import rows, scope_filter
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.services import store
from yiwang.kernel.ledger.services import record as write_ledger
from yiwang.kernel.registers.declarations import RecordAction, Register
from yiwang.kernel.registers.forms import form_class
from yiwang.kernel.registers.guards import (
    editable_fields,
    refuse_action,
    require_thawed,
    require_write,
    snapshot,
    version_of,
)
from yiwang.kernel.registers.models import SerialCounter, WriteKey
from yiwang.kernel.registers.queries import entries
from yiwang.kernel.ui.forms import flow_form

PICKED = frozenset({"organisation", "post", "case"})


def save(
    actor: Actor,
    register: Register,
    values: Mapping[str, Any],
    *,
    pk: int | None = None,
    version: str | None = None,
    key: str = "",
    reason: str = "",
) -> Any:
    """Create (without `pk`) or change a record. `values` holds form input; in a change only what changes."""
    with transaction.atomic():
        if pk is not None:
            return _change(actor, register, values, pk, version, reason)
        return _create(actor, register, values, key, reason)


def _create(actor: Actor, register: Register, values: Mapping[str, Any], key: str, reason: str) -> Any:
    require_write(actor, register, "add")
    token = None
    if key:
        token, fresh = _claim_key(actor, register, key)
        if not fresh:
            return rows(actor, register.guard.code).get(pk=token.record_id)
    names = register.form_fields
    defaults = {name: register.model._meta.get_field(name).get_default() for name in names}  # type: ignore[union-attr]
    form = form_class(actor, register, names, "add")(_known(register.name, names, {**defaults, **values}))
    data = _cleaned(form)
    if register.create is not None:
        made = register.create(actor, data)
    else:
        made = form.instance
        if register.guard.owner == "created_by" and hasattr(made, "created_by_id"):
            made.created_by_id = actor.person_id
        if register.serial is not None:
            setattr(made, register.serial.field, _next_serial(register))
        _write(made, data)
    _require_scope(actor, register, made, "add")
    _record(actor, register, "add", made, None, reason)
    if token is not None:
        WriteKey.objects.filter(pk=token.pk).update(record_id=made.pk)
    return made


def _change(
    actor: Actor, register: Register, values: Mapping[str, Any], pk: int, version: str | None, reason: str
) -> Any:
    require_write(actor, register, "change")
    locked = _lock(actor, register, pk, "change")
    _require_version(register, locked, version)
    require_thawed(register, locked)
    before = snapshot(register, locked)
    names = tuple(name for name in editable_fields(actor, register, locked) if name in values)
    known = _known(register.name, names, values)
    form = form_class(actor, register, names, "change")(known, instance=copy.copy(locked))
    data = _cleaned(form)
    # Only what really differs is written: an untouched form field may be coarser than the value it shows.
    changes = {name: data[name] for name in form.changed_data}
    if not changes:
        return locked
    if register.change is not None:
        changed = register.change(actor, locked, changes) or locked
    else:
        changed = locked
        for name, value in changes.items():
            if not changed._meta.get_field(name).many_to_many:
                setattr(changed, name, value)
        if isinstance(getattr(changed, "version", None), int):
            changed.version += 1
        _write(changed, changes)
    _require_scope(actor, register, changed, "change")
    _record(actor, register, "change", changed, before, reason)
    return changed


def act(
    actor: Actor, register: Register, pk: int, code: str, values: Mapping[str, Any], *, version: str | None = None
) -> Any:
    """Take an action of the declaration on a record; None when the action removed it."""
    action = register.action(code)
    if action is None:
        raise Refused(f"“{register.name}”没有“{code}”这个操作。", rule="操作须先声明", code="absent")
    actor.require(register.guard.code, action.permission)
    with transaction.atomic():
        locked = _lock(actor, register, pk, action.permission)
        _require_version(register, locked, version)
        refuse_action(actor, register, action, locked)
        before = snapshot(register, locked)
        data = _cleaned(flow_form(action.fields, opinion=False)(_listed(action, values)))
        seen = getattr(locked, "version", None)
        action.run(actor, locked, data)
        if not type(locked)._default_manager.filter(pk=pk).exists():
            _record(actor, register, code, locked, before, "")
            return None
        locked.refresh_from_db()
        if isinstance(seen, int) and locked.version == seen and not register.append_only:
            type(locked)._default_manager.filter(pk=pk).update(version=F("version") + 1)
            locked.refresh_from_db()
        _record(actor, register, code, locked, before, "")
        return locked


def post(actor: Actor, register: Register, values: Mapping[str, Any], key: str = "") -> Any:
    """Add through the register's posting; the domain's verb asks for the permission and writes the ledger."""
    posting = register.posting
    if posting is None:
        raise Refused(f"“{register.name}”不能由接口新增。", rule="操作须先声明", code="absent")
    actor.require(register.guard.code, "add")
    names = tuple(item.name for item in posting.fields)
    with transaction.atomic():
        data = _cleaned(flow_form(posting.fields, opinion=False)(_known(register.name, names, values)))
        return posting.run(actor, data, key)


def attach(actor: Actor, register: Register, pk: int, name: str, content: BinaryIO | bytes) -> StoredFile:
    """Attach a file to a record the actor may change."""
    if not register.attachments:
        raise Refused(f"“{register.name}”不收附件。", rule="附件须先声明")
    with transaction.atomic():
        locked = _lock(actor, register, pk, "change")
        require_thawed(register, locked)
        stored = store(actor, name, content, owner=(register.code, locked.pk))
        write_ledger(actor, "attach", (register.code, locked.pk), after={"file": name})
        return stored


def _next_serial(register: Register) -> str:
    """The next number of the year; the counter row stays locked until the caller's transaction ends."""
    if register.serial is None:
        raise ValueError(f"{register.code} has no serial")
    year = timezone.localdate().year
    SerialCounter.objects.bulk_create([SerialCounter(register=register.code, year=year)], ignore_conflicts=True)
    counter = SerialCounter.objects.select_for_update().get(register=register.code, year=year)
    counter.last += 1
    counter.save(update_fields=["last"])
    return register.serial.pattern.format(year=year, n=counter.last)


# Steps of the door


def _lock(actor: Actor, register: Register, pk: int, verb: str) -> Any:
    """Lock first, then look at scope: a row that leaves the scope meanwhile is refused."""
    register.model._default_manager.select_for_update(of=("self",)).filter(pk=pk).first()
    found = rows(actor, register.guard.code, verb).filter(pk=pk).first()
    if found is None:
        raise Refused("没有找到该记录，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return found


def _require_version(register: Register, record: Any, version: str | None) -> None:
    if version is None or version == version_of(register, record):
        return
    last = entries(register, record.pk).first()
    who = f"{last.person_name}于{timezone.localtime(last.recorded_at):%Y-%m-%d %H:%M}" if last else "其他人"
    raise Conflict(
        f"您打开页面之后，{who}修改了这条记录，您的内容没有保存。请刷新页面，在最新内容上重新填写。",
        rule="防止互相覆盖",
    )


def _require_scope(actor: Actor, register: Register, record: Any, verb: str) -> None:
    condition = scope_filter(actor, register.guard, verb)
    if condition is None or not register.model._default_manager.filter(condition, pk=record.pk).exists():
        raise Refused("填写的机构或归属超出您的数据范围，没有保存。请改为您有权限的机构。", rule="数据范围")


def _known(title: str, names: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [name for name in values if name not in names]
    if unknown:
        errors = {name: ["没有这个字段，或您不能填写它。"] for name in unknown}
        raise Invalid(f"“{title}”不接受字段：{'、'.join(unknown)}。请去掉后重试。", errors=errors)
    return dict(values)


def _cleaned(form: BaseForm) -> dict[str, Any]:
    if form.is_valid():
        return form.cleaned_data
    errors = {name: [str(item) for item in items] for name, items in form.errors.items()}
    labels = {name: str(field.label) for name, field in form.fields.items()}
    first_name, first = next(iter(errors.items()))
    lead = f"“{labels[first_name]}”：" if first_name in labels else ""
    raise Invalid(f"内容没有保存。{lead}{first[0]}", errors=errors)


def _write(record: Any, data: dict[str, Any]) -> None:
    try:
        with transaction.atomic():
            record.save()
            for field in record._meta.many_to_many:
                if field.name in data:
                    getattr(record, field.name).set(data[field.name])
    except IntegrityError as error:
        raise Invalid("内容没有保存：与已有记录重复，或关联的记录已不存在。请核对编号等不可重复的字段。") from error


def _listed(action: RecordAction, values: Mapping[str, Any]) -> dict[str, Any]:
    """Pickers read lists; a machine may send one key as a number."""
    picked = {item.name for item in action.fields if item.kind.removesuffix("s") in PICKED}
    found = _known(action.name, tuple(item.name for item in action.fields), values)
    for name in picked & found.keys():
        value = found[name]
        found[name] = [str(item) for item in (value if isinstance(value, list | tuple) else [value]) if item]
    return found


def _record(
    actor: Actor, register: Register, action: str, record: Any, before: dict[str, Any] | None, reason: str
) -> None:
    after = snapshot(register, record)
    if before is not None:
        changed = [name for name in after if after[name] != before.get(name)]
        before, after = {name: before.get(name) for name in changed}, {name: after[name] for name in changed}
    organisation = getattr(record, "organisation_id", None)
    write_ledger(
        actor, action, (register.code, record.pk), before=before, after=after, reason=reason,
        organisation_id=organisation,
    )  # fmt: skip


def _claim_key(actor: Actor, register: Register, key: str) -> tuple[WriteKey, bool]:
    if actor.person_id is None or len(key) > 100:
        raise Invalid("幂等键须由本人使用，且不超过 100 个字符。")
    WriteKey.objects.bulk_create(
        [WriteKey(person_id=actor.person_id, register=register.code, key=key)], ignore_conflicts=True
    )
    found = WriteKey.objects.select_for_update().get(person_id=actor.person_id, register=register.code, key=key)
    return found, found.record_id is None
