"""资源：登记、起草、发布内容。代码在登记时分配，永不重用。"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from yiwang.data.catalog.models import Category, Item, Resource, SearchEntry, Version
from yiwang.data.catalog.services import content as contents
from yiwang.data.catalog.services.categories import LEAF
from yiwang.data.catalog.terms import IN_REVIEW, Content, OnlineState, PublishState, VersionState
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.flow.numbers import draw_many
from yiwang.kernel.ledger import services as ledger

FACE = ("name", "abstract", "format", "share_method", "cycle")
ITEM = (
    "number", "title", "data_type", "length", "is_key", "is_timestamp", "nullable", "share_type", "share_condition",
    "share_basis", "open_type", "open_condition", "standard", "code_table", "source_level", "is_sensitive", "retired",
)  # fmt: skip


def _categories(found: Iterable[Content]) -> dict[str, Category]:
    wanted = {code for each in found for code in (each.description.category, each.description.theme) if code}
    known = {category.code: category for category in Category.objects.filter(code__in=wanted)}
    missing = sorted(wanted - known.keys())
    if missing:
        raise Invalid(f"没有分类 {'、'.join(missing[:5])}。请从分类表中选择。", errors={"category": ["无此分类"]})
    short = sorted(code for each in found if len(code := each.description.category) < LEAF)
    if short:
        raise Invalid(f"分类 {short[0]} 不到“目”，不能编码。请选到目或细目。", errors={"category": ["不到目"]})
    return known


def _related(found: Iterable[Content]) -> None:
    wanted = {code for each in found for code in each.description.related}
    known = set(Resource.objects.filter(code__in=wanted).values_list("code", flat=True)) if wanted else set()
    if wanted - known:
        raise Invalid(
            f"没有资源 {'、'.join(sorted(wanted - known)[:5])}，关联资源代码填写有误。",
            errors={"related": ["无此代码"]},
        )


@transaction.atomic
def register_many(
    actor: Actor, entries: Sequence[tuple[int, Content]], *, published_at: datetime | None = None, is_demo: bool = False
) -> list[Resource]:
    """Register resources of organisations (id, content) with codes in the order given, all or none.

    With `published_at` they are entries that were reviewed, published and online before the platform; that takes the
    right to take over published entries.
    """
    actor.require("catalog.resource", "add" if published_at is None else "take_over")
    found = [content for _, content in entries]
    for content in found:
        contents.require_sound(content, complete=published_at is not None)
    known = _categories(found)
    _related(found)
    now = timezone.now()
    codes = _codes([content.description.category for content in found], now)
    made = []
    for (organisation_id, content), code in zip(entries, codes, strict=True):
        resource = Resource(
            organisation_id=organisation_id, created_by_id=actor.person_id, code=code,
            table=f"res_{code.replace('/', '_')}", is_demo=is_demo,
        )  # fmt: skip
        _face(resource, content, known)
        if published_at is not None:
            resource.online_state, resource.online_at = OnlineState.ONLINE, published_at
        made.append(resource)
    Resource.objects.bulk_create(made)
    _require_scope(actor, [resource.pk for resource in made], "add" if published_at is None else "take_over")
    versions = []
    for resource, content in zip(made, found, strict=True):
        stored = contents.as_json(content)
        versions.append(Version(resource=resource, number=1, content=stored, digest=contents.digest_of(stored),
                                note="首次编目", created_by_id=actor.person_id))  # fmt: skip
    Version.objects.bulk_create(versions)
    if published_at is not None:
        publish_versions(actor, versions, published_at)
    ledger.record(
        actor, "catalog.register", ("catalog.resource", made[0].pk if made else 0), after={"codes": codes},
        organisation_id=made[0].organisation_id if made else None,
    )  # fmt: skip
    return made


def register(actor: Actor, content: Content, *, organisation_id: int | None = None) -> Resource:
    """One resource of the actor's own organisation, with its first draft."""
    return register_many(actor, [(organisation_id or actor.home(), content)])[0]


def _require_scope(actor: Actor, ids: list[int], verb: str) -> None:
    if doors.rows(actor, "catalog.resource", verb).filter(pk__in=ids).count() != len(ids):
        raise Refused("只能登记您数据范围内单位的资源，本次一条也没有登记。", rule="数据范围")


def _codes(categories: Sequence[str], now: datetime) -> list[str]:
    """分类代码/顺序码; the series row stays locked until the transaction ends, so no code is lost or given twice."""
    given: dict[str, list[str]] = {}
    for category in sorted(set(categories)):
        series = f"catalog.resource.{category}|{category}/{{value:06d}}"
        drawn = draw_many(series, [now] * categories.count(category))
        given[category] = [text for _, _, text in drawn][::-1]
    return [given[category].pop() for category in categories]


def _face(resource: Resource, content: Content, known: dict[str, Category]) -> None:
    description = content.description
    for name in FACE:
        setattr(resource, name, getattr(description, name))
    # The 分类 given at registration stays: it is part of the code.
    if resource.pk is None:
        resource.category = known[description.category]
    resource.theme = known[description.theme] if description.theme else None
    resource.share_type = contents.share_type_of(content.items)
    resource.open_type = contents.open_type_of(content.items)
    resource.item_count = len(content.items)


def lock(resource_id: int) -> Resource:
    return Resource.objects.select_for_update(of=("self",)).get(pk=resource_id)


@transaction.atomic
def save_draft(actor: Actor, resource_id: int, content: Content, *, note: str = "", seen: str | None = None) -> Version:
    """Write the draft of the next version, made when there is none. `seen`: the digest the editor started from."""
    doors.row(actor, "catalog.resource", resource_id, "change")
    resource = lock(resource_id)
    if resource.publish_state in IN_REVIEW:
        raise Conflict("本资源正在审核，内容不能改。需要修改的，请先撤销申请或等审核退回。", rule="审核中的内容冻结")
    contents.require_sound(content, complete=False)
    known = _categories([content])
    _related([content])
    if content.description.category != resource.category.code:
        raise Invalid(
            f"资源 {resource.code} 的分类已写进代码，不能改。分类有误的，下线后另行登记。",
            errors={"category": ["不能改"]},
        )
    draft = Version.objects.filter(resource=resource).exclude(state=VersionState.PUBLISHED).first()
    if draft is not None and seen and draft.digest != seen:
        raise Conflict(
            "您打开页面之后，草稿已被修改，您的内容没有保存。请刷新页面，在最新内容上重新填写。", rule="防止互相覆盖"
        )
    stored = contents.as_json(content)
    digest = contents.digest_of(stored)
    current = Version.objects.filter(resource=resource, state=VersionState.PUBLISHED).order_by("-number").first()
    if draft is None:
        if current is not None and current.digest == digest:
            raise Invalid("内容与现行版本相同，没有生成新版本。")
        draft = Version(resource=resource, number=(current.number if current else 0) + 1, created_by_id=actor.person_id)
    draft.content, draft.digest, draft.note = stored, digest, note.strip()[:300] or draft.note
    draft.save()
    if current is None:
        _face(resource, content, known)
    resource.version += 1
    resource.save()
    ledger.record(
        actor, "catalog.draft", ("catalog.resource", resource.pk), after={"version": draft.number, "digest": digest},
        organisation_id=resource.organisation_id,
    )  # fmt: skip
    return draft


@transaction.atomic
def discard_draft(actor: Actor, resource_id: int) -> None:
    """Give up the draft of a change; the published version stays as it is. A first draft stays with its code."""
    doors.row(actor, "catalog.resource", resource_id, "change")
    resource = lock(resource_id)
    draft = Version.objects.filter(resource=resource, state=VersionState.DRAFT).first()
    if draft is None or resource.number == 0:
        raise Refused("没有可以放弃的变更草稿。", code="nothing")
    number = draft.number
    draft.delete()
    resource.publish_state = PublishState.PUBLISHED
    resource.save(update_fields=["publish_state", "updated_at"])
    ledger.record(actor, "catalog.discard", ("catalog.resource", resource.pk), before={"version": number})


def publish_versions(actor: Actor, versions: Sequence[Version], at: datetime) -> None:
    """Make versions current: freeze them, write face, items and search entries. In the caller's transaction."""
    found = [contents.of_json(version.content) for version in versions]
    known = _categories(found)
    for version, content in zip(versions, found, strict=True):
        version.state, version.published_at = VersionState.PUBLISHED, at
        resource = version.resource
        _face(resource, content, known)
        resource.number, resource.publish_state = version.number, PublishState.PUBLISHED
        resource.published_at = resource.published_at or at
        resource.version += 1
    Version.objects.bulk_update(versions, ["state", "published_at"])
    changed = [
        *FACE, "theme", "share_type", "open_type", "item_count", "number", "publish_state", "published_at",
        "version",
    ]  # fmt: skip
    resources = [version.resource for version in versions]
    Resource.objects.bulk_update(resources, changed, batch_size=500)
    _write_items(resources, found)
    index_entries(actor, [resource.pk for resource in resources])


def _write_items(resources: Sequence[Resource], found: Sequence[Content]) -> None:
    items, kept = [], set()
    for resource, content in zip(resources, found, strict=True):
        for number, spec in enumerate(content.items, start=1):
            values: dict[str, Any] = {name: value for name, value in spec.__dict__.items() if name != "is_secret"}
            items.append(Item(resource=resource, number=number, **values))
            kept.add((resource.pk, spec.name))
    Item.objects.bulk_create(
        items, batch_size=2000, update_conflicts=True, unique_fields=["resource", "name"], update_fields=ITEM
    )
    there = Item.objects.filter(resource__in=resources, retired=False).values_list("pk", "resource_id", "name")
    gone = [pk for pk, resource_id, name in there if (resource_id, name) not in kept]
    if gone:
        Item.objects.filter(pk__in=gone).update(retired=True)


def index_entries(actor: Actor, resource_ids: Sequence[int]) -> None:
    """Write the search rows of published resources that are not offline, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO catalog_searchentry (resource_id, organisation_id, theme_id, share_type, cycle, name, words)
            SELECT r.id, r.organisation_id, r.theme_id, r.share_type, r.cycle, r.name, array_to_tsvector(yiwang_bigrams(
                   concat_ws(E'\\n', r.name, o.name, o.short_name, r.code, r.abstract,
                             (SELECT string_agg(i.title, E'\\n') FROM catalog_item i WHERE i.resource_id = r.id AND NOT i.retired))))
            FROM catalog_resource r JOIN orgs_organisation o ON o.id = r.organisation_id
            WHERE r.id = ANY(%s) AND r.number > 0
            ON CONFLICT (resource_id) DO UPDATE SET organisation_id = excluded.organisation_id,
                theme_id = excluded.theme_id, share_type = excluded.share_type, cycle = excluded.cycle,
                name = excluded.name, words = excluded.words
            """,
            [list(resource_ids)],
        )
    retired = Resource.objects.filter(pk__in=resource_ids, online_state=OnlineState.OFFLINE)
    SearchEntry.objects.filter(resource__in=retired).delete()
