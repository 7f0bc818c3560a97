"""Registering tables; columns are only ever added."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.lake.services.sealing import seal
from yiwang.kernel.lake.terms import engine_type
from yiwang.kernel.ledger.services import record
from yiwang.kernel.orgs.models import Organisation

RULE = "湖表的列只增不改"
LONGEST_NAME = 120


def _refuse(message: str, field: str = "columns") -> Invalid:
    return Invalid(message, errors={field: [message]}, rule=RULE)


def _checked(columns: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """[{name, title, type}] with good names and types."""
    found: list[dict[str, str]] = []
    for column in columns:
        name = str(column["name"]).strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable() or '"' in name:
            raise _refuse(f"列名“{name[:40]}”不能用：须为 1 至 {LONGEST_NAME} 个可见字符，不含双引号。")
        engine_type(str(column["type"]))
        found.append({"name": name, "title": str(column.get("title") or name), "type": str(column["type"])})
    names = [column["name"].lower() for column in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _refuse(f"列名重复（不分大小写）：{'、'.join(twice)}。")
    if not found:
        raise _refuse("一张表至少要有一列。")
    return found


def _joined(known: list[dict[str, Any]], wanted: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Known columns with their ids, then new ones. A column that is gone or of another type is refused."""
    by_name = {column["name"]: column for column in wanted}
    if gone := [column["name"] for column in known if column["name"] not in by_name]:
        raise _refuse(f"列 {'、'.join(gone)} 已有数据，不能删去或改名。请保留原列；新名字请作为新列添加。")
    changed = [column["name"] for column in known if column["type"] != by_name[column["name"]]["type"]]
    if changed:
        raise _refuse(f"列 {'、'.join(changed)} 已有数据，不能改类型。请作为新列添加。")
    joined = [{**column, "title": by_name[column["name"]]["title"]} for column in known]
    names, following = {column["name"] for column in known}, max((column["id"] for column in known), default=0) + 1
    new = [column for column in wanted if column["name"] not in names]
    return joined + [{"id": following + index, **column} for index, column in enumerate(new)]


def ensure_table(
    actor: Actor,
    name: str,
    title: str,
    columns: Iterable[Mapping[str, Any]],
    key: Sequence[str],
    partition: str = "",
    organisation: Organisation | None = None,
    *,
    sealed: bool = False,
) -> LakeTable:
    """Register a table, or bring a registered one up to these columns. `columns` is [{name, title, type}].

    Every column may be empty; `key` columns are never empty and unique together. Before the first snapshot everything
    may change; after it columns are only added. `sealed`: its data files lie encrypted from now on; left out later, it
    stays so.
    """
    wanted, chosen = _checked(columns), list(key)
    names = {column["name"] for column in wanted}
    if missing := [each for each in [*chosen, *([partition] if partition else [])] if each not in names]:
        raise _refuse(f"主键或分区列不在表中：{'、'.join(missing)}。", "key")
    with transaction.atomic():
        table, made = LakeTable.objects.select_for_update().get_or_create(
            name=name, defaults={
                "title": title, "columns": _joined([], wanted), "key": chosen, "partition": partition,
                "organisation": organisation, "created_by_id": actor.person_id, "sealed": sealed,
            },
        )  # fmt: skip
        if made:
            table.full_clean(exclude=["current"])
            after = {"name": name, "columns": wanted, "sealed": sealed}
            record(actor, "lake.table.registered", ("lake.table", table.pk), after=after)
            return table
        table = _bring_up(actor, table, title, wanted, chosen, partition, organisation)
        if sealed:
            seal(actor, table, "含须加密存放的列")
        return table


def _bring_up(
    actor: Actor, table: LakeTable, title: str, wanted: list[dict[str, str]], key: list[str], partition: str,
    organisation: Organisation | None,
) -> LakeTable:  # fmt: skip
    used = table.snapshots.exists()
    if used and (key != table.key or partition != table.partition):
        raise _refuse("表已有数据，主键和分区列不能改。请另立新表后迁移。", "key")
    columns = _joined(table.columns if used else [], wanted)
    before = {"title": table.title, "columns": table.columns, "organisation": table.organisation_id}
    table.title, table.columns, table.key, table.partition = title, columns, key, partition
    table.organisation = organisation or table.organisation
    after = {"title": title, "columns": columns, "organisation": table.organisation_id}
    if before != after or not used:
        table.save()
    if before != after:
        record(actor, "lake.table.changed", ("lake.table", table.pk), before=before, after=after)
    return table
