"""共享的读取：按操作人范围。"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import ItemFacts, ResourceFacts
from yiwang.data.sharing.models import ApiKey, Call, Grant, Request, ServingTable, Target, Usage, UsageDay
from yiwang.data.sharing.terms import GrantKind, ShareType, Way
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.lake import dependants
from yiwang.kernel.lake.dependants import Dependant, Place
from yiwang.kernel.ui.sections import Fact, Section


def door(share_type: str) -> str:
    return "share_unconditional" if share_type == ShareType.UNCONDITIONAL else "share_granted"


def allowed(facts: ResourceFacts, share_type: str) -> frozenset[str]:
    """Names of the items that may leave by sharing now."""
    return frozenset(item.name for item in facts.items if catalog.allowed(item, door(share_type)))


def projection(grant: Grant, facts: ResourceFacts) -> list[str]:
    """The one answer to what a grant may show now: granted ∩ what the catalogue allows ∩ still published."""
    if facts.version == 0:
        return []
    open_now = allowed(facts, grant.request.share_type)
    return [name for name in grant.fields if name in open_now]


def facts_of(resource_id: int) -> ResourceFacts | None:
    """As the platform sees the resource; None when it is gone."""
    return next(iter(catalog.resources(SYSTEM, ids=[resource_id], published=False)), None)


def titles_of(facts: ResourceFacts | None) -> dict[str, str]:
    """Field → name as officers read it."""
    return {item.name: item.title for item in facts.items} if facts else {}


def column_types(items: Iterable[ItemFacts]) -> dict[str, str]:
    """Types as the row filter reads them; the lake's own precision of a decimal does not matter there."""
    return {item.name: "decimal(38,6)" if item.data_type == "decimal" else item.data_type for item in items}


def serving(resource_id: int, synthetic: bool = False) -> ServingTable | None:
    return ServingTable.objects.filter(resource_id=resource_id, synthetic=synthetic, current=True).first()


def live_grants(resource_id: int | None = None) -> QuerySet[Grant]:
    """Formal grants that have not ended, of a resource or of all."""
    today = timezone.localdate()
    found = Grant.objects.filter(kind=GrantKind.FORMAL, valid_until__gte=today).exclude(state="revoked")
    return found.filter(resource_id=resource_id) if resource_id is not None else found


def calls(actor: Actor, resource: str = "sharing.call") -> QuerySet[Call]:
    found: QuerySet[Call] = doors.rows(actor, resource, by_id=True)
    return found


def around(request_id: str) -> tuple[datetime, datetime] | None:
    """When the call of a request number was made, to the minute: the number starts with its milliseconds."""
    try:
        at = datetime.fromtimestamp(int(request_id[:12], 16) / 1000, tz=timezone.get_current_timezone())
    except (ValueError, OverflowError, OSError):
        return None
    return at - timedelta(minutes=1), at + timedelta(minutes=1)


def trend(grants: QuerySet[Grant], days: int = 30) -> list[dict[str, Any]]:
    """Answered, refused and rows by day, days without calls included."""
    since = timezone.localdate() - timedelta(days=days - 1)
    found = UsageDay.objects.filter(grant__in=grants, day__gte=since).values("day").order_by("day")
    summed = found.annotate(a=Sum("answered"), r=Sum("refused"), n=Sum("rows"))
    sums = {row["day"]: (row["a"], row["r"], row["n"]) for row in summed}
    every = [since + timedelta(days=step) for step in range(days)]
    return [
        dict(zip(("day", "answered", "refused", "rows"), (day, *sums.get(day, (0, 0, 0))), strict=True))
        for day in every
    ]


def by_grant(grants: QuerySet[Grant], days: int = 30) -> list[dict[str, Any]]:
    """Who reads what: grants with their calls and rows of the last days, the busiest first."""
    since = timezone.localdate() - timedelta(days=days - 1)
    within = Q(days__day__gte=since)
    found = grants.select_related("organisation", "provider", "usage").annotate(
        answered=Sum("days__answered", filter=within), refused=Sum("days__refused", filter=within),
        returned=Sum("days__rows", filter=within),
    )  # fmt: skip
    return [
        {"grant": each, "answered": each.answered or 0, "refused": each.refused or 0, "rows": each.returned or 0,
         "left": left_today(each)} for each in found.order_by("-answered", "-pk")[:200]
    ]  # fmt: skip


def targets_for(actor: Actor, grant: Grant) -> list[Target] | None:
    """Where the actor may have the grant's rows pushed to; None when that is not his to choose."""
    if grant.way != Way.TABLE or not doors.rows(actor, "sharing.grant", "receive").filter(pk=grant.pk).exists():
        return None
    return list(doors.rows(actor, "sharing.target").filter(organisation_id=grant.organisation_id).order_by("name"))


def left_today(grant: Grant) -> int:
    usage = Usage.objects.filter(grant=grant).first() if not hasattr(grant, "usage") else grant.usage
    used = usage.day_answered if usage is not None and usage.day == timezone.localdate() else 0
    return max(0, grant.daily_quota - used)


def only(grant: Grant) -> QuerySet[Grant]:
    """One grant that the actor has been found to see, as a set."""
    return Grant.objects.filter(pk=grant.pk)


def keys_of(grant: Grant) -> QuerySet[ApiKey]:
    return grant.keys.order_by("-id")


def sections(actor: Actor, found: Request) -> list[Section]:
    """What the case page shows of a request."""
    facts = facts_of(found.resource_id)
    titles = titles_of(facts)
    named = "、".join(titles.get(name, name) for name in found.fields)
    shown = [
        Fact("需求部门", str(found.organisation)), Fact("提供部门", str(found.provider)),
        Fact("资源", f"{found.resource_name}（{found.resource_code}）"), Fact("共享类型", found.get_share_type_display()),
        Fact("提供方式", found.get_way_display()), Fact("频率", found.get_frequency_display()),
        Fact("使用期限", f"至 {found.wanted_until}"), Fact("预计每日调用", found.daily_quota),
        Fact("业务事项", found.matter), Fact("履职依据", found.legal_basis), Fact("使用目的", found.purpose, wide=True),
        Fact("字段", named, wide=True), Fact("数据范围", found.row_filter or "全部行", wide=True),
        Fact("申请明文", "、".join(titles.get(name, name) for name in found.plain_fields) or "无", wide=True),
    ]  # fmt: skip
    if found.replaces is not None:
        shown.append(Fact("变更自", str(found.replaces), url=f"/cases/{found.replaces.case_id}/", wide=True))
    if found.refusal_reason:
        shown += [Fact("不予共享理由", found.refusal_reason, wide=True), Fact("依据", found.refusal_basis, wide=True)]
    return [Section("共享申请", tuple(shown))]


def openapi(grant: Grant, address: str) -> dict[str, Any]:
    """OpenAPI 3.1 of one grant: its path, its key parameters, the fields it returns now."""
    facts, table = facts_of(grant.resource_id), serving(grant.resource_id, grant.kind == GrantKind.SANDBOX)
    items = {item.name: item for item in facts.items} if facts else {}
    kinds = {"integer": "integer", "boolean": "boolean"}
    fields = {
        name: {"type": kinds.get(items[name].data_type, "string") if name in items else "string",
               "title": items[name].title if name in items else name, **({"description": "已脱敏"} if name in grant.masks else {})}
        for name in grant.projection
    }  # fmt: skip
    keys = list(table.keys) if table else list(facts.key) if facts else []
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": f"键字段 {items[name].title if name in items else name}"}
        for name in keys
    ]  # fmt: skip
    parameters += [
        {"name": "fields", "in": "query", "schema": {"type": "string"}, "description": "逗号分隔，限授权字段"},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": max(1, grant.page_rows)}},
        {"name": "after", "in": "query", "schema": {"type": "string"}, "description": "上一页的 next"},
    ]  # fmt: skip
    answer = {"type": "object", "properties": {
        "request": {"type": "string"}, "resource": {"type": "string"}, "snapshot": {"type": "integer"},
        "rows": {"type": "array", "items": {"type": "object", "properties": fields, "additionalProperties": False}},
        "objections": {"type": "object", "description": "行号 → 字段 → 异议标注"}, "next": {"type": "string"},
        "quota": {"type": "object", "properties": {"day_left": {"type": "integer"}}}}}  # fmt: skip
    refusal = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("request", "error", "what", "rule", "todo")},
    }
    responses = {"200": {"description": "答复", "content": {"application/json": {"schema": answer}}},
                 "default": {"description": "拒绝及其理由", "content": {"application/json": {"schema": refusal}}}}  # fmt: skip
    security: list[dict[str, list[str]]] = [{name: [] for name in ("key", "timestamp", "nonce", "signature")}]
    return {
        "openapi": "3.1.0", "info": {"title": f"{grant.resource_name}（{grant.code}）", "version": str(grant.generation)},
        "servers": [{"url": address}],
        "paths": {f"/v1/{grant.code}/rows": {"get": {"parameters": parameters, "responses": responses, "security": security}}},
        "components": {"securitySchemes": {
            name: {"type": "apiKey", "in": "header", "name": f"X-Yiwang-{name.title()}"}
            for name in ("key", "timestamp", "nonce", "signature")}},
    }  # fmt: skip


def pretty(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2)


def _dependants(actor: Actor, places: frozenset[Place]) -> Iterator[Dependant]:
    """Grants in force, and their answers, that carry one of the columns."""
    tables = {table for table, _ in places}
    resources = {each.id: each.table for each in catalog.resources(actor) if each.table in tables}
    seen = doors.rows(actor, "sharing.grant") | doors.rows(actor, "sharing.provided")
    for grant in seen.filter(resource_id__in=resources, state="active").select_related("organisation").distinct():
        for name in sorted(set(grant.projection)):
            place = (resources[grant.resource_id], name)
            if place in places:
                yield Dependant(
                    "共享授权", grant.resource_name, place, f"/sharing/grants/{grant.pk}/", str(grant.organisation)
                )


dependants.register("sharing", _dependants)
