"""目录的读取：按操作人范围。"""

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from yiwang.data.catalog import terms
from yiwang.data.catalog.models import Application, Item, Resource, Version
from yiwang.data.catalog.queries.score import scores
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.ui.sections import Fact, Section

LIVE_ITEMS = Prefetch("items", Item.objects.filter(retired=False).order_by("number"), to_attr="live_items")
Panel = Callable[[Actor, int], Section | None]
_panels: dict[str, Panel] = {}


def add_panel(code: str, panel: Panel) -> None:
    """A block of the resource page that another domain fills, such as lineage."""
    _panels[code] = panel


def panels(actor: Actor, resource_id: int) -> list[Section]:
    found = (panel(actor, resource_id) for _, panel in sorted(_panels.items()))
    return [section for section in found if section is not None]


def visible(actor: Actor) -> QuerySet[Resource]:
    """Resources of the actor's scope in any state, and all published ones when the actor may search the catalogue."""
    entries = doors.rows(actor, "catalog.entry").values("pk")
    own = doors.rows(actor, "catalog.resource").values("pk")
    return Resource.objects.filter(Q(pk__in=entries) | Q(pk__in=own))


def one(actor: Actor, pk: int) -> Resource:
    found = visible(actor).filter(pk=pk).select_related("organisation", "category", "theme").first()
    if found is None:
        raise Refused("没有找到该信息资源，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return found


def keeps(actor: Actor, pk: int, verb: str = "view") -> bool:
    """Whether the actor sees the resource as one of those kept by the own unit: drafts, reviews, earlier editions."""
    return doors.rows(actor, "catalog.resource", verb).filter(pk=pk).exists()


def editions(actor: Actor, resource: Resource) -> QuerySet[Version]:
    """Published versions; drafts too for who keeps the resource."""
    found = resource.versions.select_related("created_by")
    return found if keeps(actor, resource.pk) else found.filter(state=terms.VersionState.PUBLISHED)


def edition(actor: Actor, pk: int, number: int) -> tuple[Version, Version | None]:
    """A version and the one before it."""
    resource = one(actor, pk)
    found = editions(actor, resource).filter(number=number).first()
    if found is None:
        raise Refused("没有找到这一版目录，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return found, resource.versions.filter(number=number - 1).first()


def latest(actor: Actor, pk: int) -> Version:
    """The draft, or the current version when there is none, for who may change the resource."""
    found = Version.objects.filter(resource__in=doors.rows(actor, "catalog.resource", "change"), resource=pk)
    first = found.order_by("-number").first()
    if first is None:
        raise Refused("没有找到该信息资源，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return first


def shown(actor: Actor, pk: int) -> dict[str, Any]:
    """All that the resource page shows: current items, or those of a first draft, versions, scores, other rooms' blocks."""
    resource, own = one(actor, pk), keeps(actor, pk)
    items = list(resource.items.filter(retired=False))
    versions = list(editions(actor, resource))
    draft = next((each for each in versions if each.state != terms.VersionState.PUBLISHED), None)
    found = {
        "resource": resource, "items": items, "versions": versions, "draft": draft, "own": own,
        "scores": scores(resource, items, timezone.now()) if resource.number else (), "blocks": panels(actor, pk),
        "loads": list(resource.loads.all()[:5]),
        "may_change": keeps(actor, pk, "change") and resource.publish_state not in terms.IN_REVIEW,
    }  # fmt: skip
    found["drafted"] = draft.content["items"] if draft and own else []
    return found


def passes(share_type: str, open_type: str, level: int | None, door: str) -> bool:
    """Whether data of an item so classified may go through a door; an unknown door lets nothing pass."""
    if door not in terms.PASSES:
        return False
    share_types, open_types, highest = terms.PASSES[door]
    if (share_types and share_type not in share_types) or (open_types and open_type not in open_types):
        return False
    return (level or terms.UNGRADED) <= highest


_WORDS = {item.name: dict(item.choices) for item in (*terms.DESCRIPTION_FIELDS, *terms.ITEM_FIELDS) if item.choices}


def said(name: str, value: Any) -> str:
    """A stored value in words."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(dict(terms.Subject.choices).get(each, str(each)) for each in value)
    return str(_WORDS.get(name, {}).get(value, value))


def differences(old: dict[str, Any] | None, new: dict[str, Any]) -> list[dict[str, str]]:
    """What a version changes against the one before: where, field, before, after. Items are matched by name."""
    before = old or {"description": {}, "items": []}
    found = _changed("目录", terms.LABELS, before["description"], new["description"])
    there, here = ({item["name"]: item for item in each["items"]} for each in (before, new))
    for name in [*here, *(name for name in there if name not in here)]:
        old_item, new_item = there.get(name), here.get(name)
        where = f"信息项 {(new_item or old_item or {})['title']}"
        if old_item is None:
            found.append({"where": where, "field": "新增", "before": "", "after": _item_said(new_item or {})})
        elif new_item is None:
            found.append({"where": where, "field": "退出", "before": _item_said(old_item), "after": ""})
        else:
            found += _changed(where, terms.ITEM_LABELS, old_item, new_item)
    return found


def _item_said(item: dict[str, Any]) -> str:
    """An item in a line: its name in the table, type, and how it is shared and opened."""
    parts = [
        item["name"],
        *(said(name, item[name]) for name in ("data_type", "share_type", "open_type") if item.get(name)),
    ]
    return "，".join(filter(None, [*parts, "主键" if item.get("is_key") else ""]))


def _changed(where: str, labels: dict[str, str], old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, str]]:
    names = [name for name in labels if name in new and (old.get(name) or "") != (new[name] or "")]
    return [{"where": where, "field": labels[name], "before": said(name, old.get(name, "")), "after": said(name, new[name])}
            for name in names]  # fmt: skip


def sections(actor: Actor, found: Application) -> list[Section]:
    """What the case page shows of an application: the resource and, of a content, every change."""
    facts = [
        Fact("信息资源", f"{found.resource.code} {found.resource}", f"/catalog/{found.resource_id}/"),
        Fact("提供方", str(found.organisation)), Fact("事项", found.get_kind_display()), Fact("申请说明", found.reason or "—"),
    ]  # fmt: skip
    shown = [Section("申请", tuple(facts))]
    if found.edition is not None:
        before = found.resource.versions.filter(number=found.edition.number - 1).first()
        changes = differences(before.content if before else None, found.edition.content)
        url = f"/catalog/{found.resource_id}/versions/{found.edition.number}/"
        lines = [Fact(f"{each['where']}·{each['field']}", f"{each['before'] or '（空）'} → {each['after'] or '（空）'}", wide=True)
                 for each in changes[:60]]  # fmt: skip
        shown.append(
            Section("变更内容", (Fact("全部内容", f"第 {found.edition.number} 版，{len(changes)} 处变更", url), *lines))
        )
    return shown
