"""模板表格：信息资源与信息项两张表合成的行，写成草稿。"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Q

from yiwang.data.catalog.models import Resource, Version
from yiwang.data.catalog.services import content as contents
from yiwang.data.catalog.services.categories import category_of_department
from yiwang.data.catalog.services.resources import register_many, save_draft
from yiwang.data.catalog.terms import DESCRIPTION_FIELDS, ITEM_FIELDS, SHEET_HEAD, Content
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.registers.declarations import Imported

PREFIX = "item_"
COLUMNS = (*SHEET_HEAD, *DESCRIPTION_FIELDS, *(replace(item, name=PREFIX + item.name) for item in ITEM_FIELDS))
SYNONYMS = {
    "sequence": ("序号", "资源编号"), "code": ("信息资源代码", "政务信息资源代码"), "name": ("信息资源名称", "目录名称"),
    "provider": ("信息资源提供方", "提供单位"), "abstract": ("信息资源摘要", "资源摘要"), "format": ("信息资源格式", "资源格式"),
    "category": ("信息资源分类", "类项目"), "cycle": ("更新频率",), "item_title": ("数据项", "数据项名称", "字段中文名"),
    "item_name": ("字段英文名", "字段名"), "item_data_type": ("字段类型",), "item_length": ("字段长度",),
    "item_share_basis": ("不予共享的依据",), "item_is_key": ("是否主键",), "item_nullable": ("是否可为空",),
}  # fmt: skip
Groups = defaultdict[str, list[int]]


def import_entries(
    actor: Actor, rows: list[dict[str, Any]], report: Callable[[int, int], None] | None = None
) -> Imported:
    """New resources are registered, known ones get a draft; all or none, in the caller's transaction."""
    actor.require("catalog.resource", "import")
    result, groups = Imported(), Groups(list)
    for position, row in enumerate(rows):
        groups[str(row["sequence"])].append(position)
    units = _units(actor, rows)
    codes = {row["code"] for row in rows if row.get("code")}
    known = {each.code: each for each in doors.rows(actor, "catalog.resource", "change").filter(code__in=codes)
             .select_related("category")}  # fmt: skip
    fresh: list[tuple[int, Content]] = []
    for positions in groups.values():
        first = rows[positions[0]]
        unit, there = units.get(first.get("provider", "")), known.get(first.get("code", ""))
        problem = _misplaced(first, unit, there)
        if problem:
            result.errors.setdefault(positions[0], {}).update(problem)
            continue
        organisation_id = there.organisation_id if there else unit.pk if unit else actor.home()
        content = _content(actor, [rows[position] for position in positions], organisation_id, there)
        for each in contents.problems(content):
            place = positions[each.position or 0]
            name = each.field if each.position is None else PREFIX + each.field
            result.errors.setdefault(place, {}).setdefault("item_name" if name == "items" else name, each.sentence)
        if positions[0] not in result.errors and there is not None:
            _draft(actor, there, content, positions[0], result)
        elif there is None:
            fresh.append((organisation_id, content))
    if fresh and not result.errors:
        try:
            with transaction.atomic():
                result.created = len(register_many(actor, fresh))
        except Refused as problem_of_all:
            result.errors[0] = {"code": problem_of_all.message}
    return result


def _units(actor: Actor, rows: list[dict[str, Any]]) -> dict[str, Organisation]:
    names = {row["provider"] for row in rows if row.get("provider")}
    found = Organisation.objects.filter(Q(name__in=names) | Q(short_name__in=names) | Q(code__in=names))
    return {key: unit for unit in found for key in (unit.name, unit.short_name, unit.code)}


def _misplaced(first: dict[str, Any], unit: Organisation | None, there: Resource | None) -> dict[str, str]:
    if first.get("code") and there is None:
        return {"code": "没有这个资源代码，或它不在您的数据范围内；新增的请留空"}
    if first.get("provider") and unit is None:
        return {"provider": f"没有名为“{first['provider']}”的机构"}
    return {}


def _content(actor: Actor, rows: list[dict[str, Any]], organisation_id: int, there: Resource | None) -> Content:
    home = (
        there.category.code if there else rows[0].get("category") or category_of_department(actor, organisation_id).code
    )
    cut = len(PREFIX)
    items = [{name[cut:]: value for name, value in row.items() if name.startswith(PREFIX)} for row in rows]
    described = [item for item in items if item.get("title") or item.get("name")]
    return Content(contents.description_of(rows[0], home), tuple(contents.item_of(item) for item in described))


def _draft(actor: Actor, there: Resource, content: Content, position: int, result: Imported) -> None:
    latest = Version.objects.filter(resource=there).order_by("-number").first()
    if latest is not None and latest.digest == contents.digest_of(contents.as_json(content)):
        result.unchanged += 1
        return
    try:
        with transaction.atomic():
            save_draft(actor, there.pk, content, note="模板导入")
        result.changed += 1
    except Refused as problem:
        result.errors[position] = {"code": problem.message}
