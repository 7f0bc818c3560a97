"""The only writers of regions, organisations and posts."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat, Substr
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.access.doors import row
from yiwang.kernel.access.terms import Duty, Scope
from yiwang.kernel.ledger.services import record
from yiwang.kernel.orgs.models import Organisation, Post, Region
from yiwang.kernel.orgs.queries import in_use, subtree
from yiwang.kernel.orgs.terms import REGION_LENGTHS, significant

DEEPEST = 15


def load_regions(actor: Actor, rows: Iterable[tuple[str, str]]) -> int:
    """Load (code, name) pairs; codes of the published tables come padded with zeros, kept here without them."""
    actor.require("orgs.organisation", "import")
    cleaned = sorted({(significant(code), name.strip()) for code, name in rows})
    known = dict(Region.objects.values_list("code", "pk"))
    with transaction.atomic():
        for length in REGION_LENGTHS:
            level = [pair for pair in cleaned if len(pair[0]) == length]
            made = Region.objects.bulk_create(
                [Region(code=code, name=name, parent_id=_above(code, known)) for code, name in level],
                update_conflicts=True, unique_fields=["code"], update_fields=["name", "parent"],
            )  # fmt: skip
            known.update({region.code: region.pk for region in made})
        record(actor, "orgs.regions.loaded", ("orgs.region", "all"), after={"rows": len(cleaned)})
    return len(cleaned)


def _above(code: str, known: Mapping[str, int]) -> int | None:
    """The nearest level that is in the table: 东莞 and 中山 have no county level."""
    return next((known[code[:n]] for n in reversed(REGION_LENGTHS) if n < len(code) and code[:n] in known), None)


def _lock_tree() -> None:
    """Paths of a whole subtree hang together, so changes of the tree take turns."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('orgs.tree'))")


def _require_everywhere(actor: Actor, verb: str) -> None:
    if not actor.system and all(p.scope != Scope.ALL for p in actor.permissions_for("orgs.organisation", verb)):
        raise Refused("新建或移动顶级机构需要“全部”数据范围，操作未执行。", rule="数据范围")


def _parent(actor: Actor, parent_id: int | None, verb: str) -> Organisation | None:
    if parent_id is None:
        _require_everywhere(actor, verb)
        return None
    parent: Organisation = row(actor, "orgs.organisation", parent_id, verb)
    if not Organisation.objects.filter(in_use(), pk=parent.pk).exists():
        raise Invalid(f"上级机构“{parent}”已停用，请另选。", errors={"parent": ["已停用。"]})
    if parent.path.count("/") > DEEPEST:
        raise Invalid(f"机构层级不能超过 {DEEPEST} 级。", errors={"parent": ["层级过深。"]})
    return parent


def create_organisation(
    actor: Actor,
    *,
    code: str,
    name: str,
    parent_id: int | None = None,
    kind: str = Organisation.Kind.DEPARTMENT,
    short_name: str = "",
    region_id: int | None = None,
    position: int = 0,
    valid_from: date | None = None,
) -> Organisation:
    actor.require("orgs.organisation", "add")
    code, name = code.strip(), name.strip()
    errors = {field: ["此项必填。"] for field, value in (("code", code), ("name", name)) if not value}
    if kind not in Organisation.Kind.values:
        errors["kind"] = [f"类别“{kind}”不在清单中：{'、'.join(Organisation.Kind.values)}。"]
    if code and Organisation.objects.filter(code=code).exists():
        errors["code"] = [f"机构代码“{code}”已存在。"]
    if errors:
        raise Invalid("机构未保存，请改正标出的项目。", errors=errors)
    with transaction.atomic():
        _lock_tree()
        parent = _parent(actor, parent_id, "add")
        made = Organisation.objects.create(
            code=code, name=name, parent=parent, kind=kind, short_name=short_name.strip(), region_id=region_id,
            position=position, valid_from=valid_from, path="",
        )  # fmt: skip
        made.path = f"{parent.path if parent else '/'}{made.pk}/"
        made.save(update_fields=["path"])
        after = {"code": code, "name": name, "parent": parent_id, "kind": kind}
        record(actor, "orgs.organisation.created", ("orgs.organisation", made.pk), after=after, organisation_id=made.pk)
    return made


def change_organisation(actor: Actor, organisation_id: int, *, reason: str = "", **changes: Any) -> Organisation:
    """Rename or re-describe; the place in the tree changes by `move`."""
    allowed = {"code", "name", "short_name", "kind", "region_id", "position", "valid_from"}
    if unknown := set(changes) - allowed:
        raise Invalid(f"这些项目不能这样修改：{'、'.join(sorted(unknown))}。")
    if not str(changes.get("name", "·")).strip():
        raise Invalid("机构名称不能为空。", errors={"name": ["此项必填。"]})
    actor.require("orgs.organisation", "change")
    with transaction.atomic():
        row(actor, "orgs.organisation", organisation_id, "change")
        kept = Organisation.objects.select_for_update().get(pk=organisation_id)
        before = {field: getattr(kept, field) for field in changes}
        for field, value in changes.items():
            setattr(kept, field, value)
        try:
            kept.clean_fields(exclude=[each.name for each in Organisation._meta.fields if each.attname not in changes])
        except ValidationError as error:
            raise Invalid("机构未保存，请改正标出的项目。", errors=error.message_dict) from error
        kept.save(update_fields=list(changes))
        record(
            actor, "orgs.organisation.changed", ("orgs.organisation", kept.pk), before=before, after=changes,
            reason=reason, organisation_id=kept.pk,
        )  # fmt: skip
    return kept


def rename_organisation(
    actor: Actor, organisation_id: int, name: str, *, short_name: str = "", reason: str
) -> Organisation:
    """Under an approval, which goes to the ledger with both names."""
    return change_organisation(actor, organisation_id, name=name.strip(), short_name=short_name.strip(), reason=reason)


def move_organisation(actor: Actor, organisation_id: int, parent_id: int | None, *, reason: str) -> Organisation:
    """Hang the organisation, with all under it, below another parent."""
    actor.require("orgs.organisation", "change")
    with transaction.atomic():
        _lock_tree()
        moved: Organisation = row(actor, "orgs.organisation", organisation_id, "change")
        parent = _parent(actor, parent_id, "change")
        if parent and parent.path.startswith(moved.path):
            raise Refused(f"“{parent}”是“{moved}”本身或其下级，移动会形成循环，操作未执行。", rule="机构树无环")
        old, new = moved.path, f"{parent.path if parent else '/'}{moved.pk}/"
        lowest = max(path.count("/") for path in subtree(moved).values_list("path", flat=True))
        if lowest - old.count("/") + new.count("/") > DEEPEST + 1:
            raise Invalid(f"移动后机构层级超过 {DEEPEST} 级，操作未执行。", errors={"parent": ["层级过深。"]})
        before = {"parent": moved.parent_id, "path": old}
        subtree(moved).update(path=Concat(Value(new), Substr("path", len(old) + 1)))
        Organisation.objects.filter(pk=moved.pk).update(parent=parent)
        moved.refresh_from_db()
        record(
            actor, "orgs.organisation.moved", ("orgs.organisation", moved.pk), before=before,
            after={"parent": parent_id, "path": new}, reason=reason, organisation_id=moved.pk,
        )  # fmt: skip
    return moved


def retire_organisation(actor: Actor, organisation_id: int, *, on: date, reason: str) -> Organisation:
    """Close an organisation after `on`; what still hangs on it must be moved first."""
    actor.require("orgs.organisation", "change")
    with transaction.atomic():
        _lock_tree()
        retired: Organisation = row(actor, "orgs.organisation", organisation_id, "change")
        below = subtree(retired).filter(in_use()).exclude(pk=retired.pk).count()
        held = _held(retired.posts.all(), on).count()
        if below or held:
            raise Refused(
                f"“{retired}”之下还有 {below} 个在用机构、{held} 个岗位有人任职，不能停用。"
                "请先移动下级机构并办理免职或调任。",
                rule="停用前须清空",
            )
        before = {"valid_until": retired.valid_until}
        retired.valid_until = on
        retired.save(update_fields=["valid_until"])
        record(
            actor, "orgs.organisation.retired", ("orgs.organisation", retired.pk), before=before,
            after={"valid_until": on}, reason=reason, organisation_id=retired.pk,
        )  # fmt: skip
    return retired


def _held(posts: QuerySet[Post], on: date) -> QuerySet[Post]:
    """Posts somebody still serves on after `on`."""
    open_end = Q(appointments__isnull=False, appointments__valid_until__isnull=True)
    return posts.filter(open_end | Q(appointments__valid_until__gt=on)).distinct()


def create_post(
    actor: Actor,
    organisation_id: int,
    *,
    code: str,
    name: str,
    is_head: bool = False,
    position: int = 0,
    duty: str = Duty.BUSINESS,
) -> Post:
    actor.require("orgs.post", "add")
    code, name = code.strip(), name.strip()
    errors = {field: ["此项必填。"] for field, value in (("code", code), ("name", name)) if not value}
    organisation: Organisation = row(actor, "orgs.organisation", organisation_id)
    if Post.objects.filter(organisation=organisation, code=code).exists():
        errors["code"] = [f"“{organisation}”已有岗位代码“{code}”。"]
    if errors:
        raise Invalid("岗位未保存，请改正标出的项目。", errors=errors)
    with transaction.atomic():
        made = Post.objects.create(
            organisation=organisation, code=code, name=name, is_head=is_head, position=position, duty=Duty(duty)
        )
        after = {"code": code, "name": name, "duty": duty, "is_head": is_head}
        record(actor, "orgs.post.created", ("orgs.post", made.pk), after=after, organisation_id=organisation_id)
    return made


def change_post(actor: Actor, post_id: int, *, reason: str = "", **changes: Any) -> Post:
    """Rename, reorder or (de)activate a post. Its duty never changes: make another post."""
    if unknown := set(changes) - {"name", "is_head", "position", "active"}:
        raise Invalid(f"这些项目不能这样修改：{'、'.join(sorted(unknown))}。")
    actor.require("orgs.post", "change")
    with transaction.atomic():
        row(actor, "orgs.post", post_id, "change")
        kept = Post.objects.select_for_update(of=("self",)).get(pk=post_id)
        if changes.get("active") is False and _held(Post.objects.filter(pk=post_id), timezone.localdate()).exists():
            raise Refused(f"“{kept}”仍有人任职，不能停用。请先办理免职或调任。", rule="停用前须清空")
        before = {field: getattr(kept, field) for field in changes}
        for field, value in changes.items():
            setattr(kept, field, value)
        kept.save(update_fields=list(changes))
        record(
            actor, "orgs.post.changed", ("orgs.post", post_id), before=before, after=changes, reason=reason,
            organisation_id=kept.organisation_id,
        )  # fmt: skip
    return kept


def retire_post(actor: Actor, post_id: int, *, reason: str) -> Post:
    return change_post(actor, post_id, active=False, reason=reason)
