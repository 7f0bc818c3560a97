"""One action over many chosen records: every row through the same door, each with its result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.access.doors import rows
from yiwang.kernel.registers import queries
from yiwang.kernel.registers.declarations import RecordAction, Register
from yiwang.kernel.registers.services.door import act

MOST = 500
TOGETHER = "其他行未通过，按规定要么全部执行、要么都不执行，本行没有执行。"


@dataclass(frozen=True)
class RowResult:
    """What became of one chosen record; `title` is empty when the actor may not see it."""

    pk: int
    title: str
    done: bool
    message: str = ""


class _Undone(Exception):  # noqa: N818 - leaves the transaction, is no error
    pass


def act_many(
    actor: Actor, register: Register, pks: Iterable[int], code: str, values: Mapping[str, Any]
) -> list[RowResult]:
    """The action over every chosen record, in one order, with permission, scope and state asked row by row.

    bulk="each": one transaction a row. bulk="all": one for all, and with any refusal none is done.
    """
    action = bulk_action(register, code)
    actor.require(register.guard.code, action.permission)
    chosen = sorted(set(pks))
    if not chosen:
        raise Invalid("没有选中记录，未执行。请勾选后再点按钮。")
    if len(chosen) > MOST:
        raise Invalid(f"一次最多 {MOST} 条，本次选了 {len(chosen)} 条，未执行。请分批办理。")
    seen = rows(actor, register.guard.code).filter(pk__in=chosen)
    titles = {record.pk: queries.title_of(register, record) for record in seen}
    if action.bulk == "each":
        return [_one(actor, register, pk, action, values, titles) for pk in chosen]
    found: list[RowResult] = []
    try:
        with transaction.atomic():
            found = [_one(actor, register, pk, action, values, titles) for pk in chosen]
            if not all(row.done for row in found):
                raise _Undone
    except _Undone:
        return [RowResult(row.pk, row.title, False, row.message or TOGETHER) for row in found]
    return found


def bulk_action(register: Register, code: str) -> RecordAction:
    action = register.action(code)
    if action is None or not action.bulk:
        raise Refused(f"“{register.name}”没有“{code}”这个批量操作。", rule="操作须先声明", code="absent")
    return action


def _one(
    actor: Actor, register: Register, pk: int, action: RecordAction, values: Mapping[str, Any], titles: dict[int, str]
) -> RowResult:
    title = titles.get(pk, "")
    try:
        with transaction.atomic():
            act(actor, register, pk, action.code, values)
    except Refused as refusal:
        if isinstance(refusal, Invalid) and refusal.errors.keys() & {field.name for field in action.fields}:
            raise  # What was typed is wrong for every row: back to the form.
        return RowResult(pk, title, False, refusal.message)
    return RowResult(pk, title, True)
