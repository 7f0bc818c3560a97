"""The read door: which rows of a resource an actor may see or touch."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet

from yiwang.kernel.access.actors import WORDS, Actor, Permission, Refused
from yiwang.kernel.access.terms import Scope


@dataclass(frozen=True)
class Resource:
    """A thing permissions are given on. `organisation` and `owner` are field paths from the model.

    `organisation=""` means that the row is itself an organisation, None that only the scope 全部
    reaches it; `owner=None` that no row is anybody's own. `many`: the path crosses a to-many relation.
    """

    code: str
    name: str
    model: type[Model]
    organisation: str | None = "organisation"
    owner: str | None = "created_by"
    many: bool = False
    verbs: tuple[tuple[str, str], ...] = (
        ("view", "查看"), ("add", "新增"), ("change", "修改"), ("delete", "删除"),
        ("export", "导出"), ("import", "导入"),
    )  # fmt: skip


_resources: dict[str, Resource] = {}


def register_resource(resource: Resource) -> Resource:
    existing = _resources.get(resource.code)
    if existing is not None and existing != resource:
        raise ValueError(f"resource {resource.code} declared twice")
    _resources[resource.code] = resource
    WORDS.update({(resource.code, verb): (resource.name, name) for verb, name in resource.verbs})
    return resource


def resources() -> dict[str, Resource]:
    return dict(_resources)


def resource(code: str) -> Resource:
    return _resources[code]


MOST_IDS = 2000


def _condition(actor: Actor, spec: Resource, permission: Permission, by_id: bool) -> Q | None:
    """The rows one permission reaches; None means no row."""
    if permission.scope == Scope.OWN:
        return Q(**{spec.owner: actor.person_id}) if spec.owner and actor.person_id else None
    if spec.organisation is None:
        return None
    if permission.scope == Scope.ORGANISATION:
        return Q(**{spec.organisation or "pk": permission.organisation_id})
    paths = permission.custom_paths if permission.scope == Scope.CUSTOM else (permission.organisation_path,)
    given = [path for path in paths if path]
    if not given:
        return None
    if by_id and spec.organisation and "__" not in spec.organisation:
        return under(spec.organisation, given, spec.model._meta.get_field(spec.organisation).related_model)
    return _below(f"{spec.organisation}__path" if spec.organisation else "path", given)


def under(field: str, paths: list[str], units: Any) -> Q:
    """Rows whose `field` is an organisation on or below the paths: by id where these are few, by path else."""
    ids = list(units._default_manager.filter(_below("path", paths)).values_list("pk", flat=True)[: MOST_IDS + 1])
    return Q(**{f"{field}__in": ids}) if len(ids) <= MOST_IDS else _below(f"{field}__path", paths)


def _below(field: str, paths: list[str]) -> Q:
    return Q(*(Q(**{f"{field}__startswith": path}) for path in paths), _connector=Q.OR)


def scope_filter(actor: Actor, spec: Resource, verb: str, *, by_id: bool = False) -> Q | None:
    """The rows as a Q; None means no row at all.

    `by_id` reads the organisations of the scope first, for large tables: the planner knows how many rows an id has
    and uses the table's index by organisation; of a joined path it knows nothing.
    """
    if actor.system:
        return Q()
    found: Q | None = None
    for permission in actor.permissions_for(spec.code, verb):
        if permission.scope == Scope.ALL:
            return Q()
        part = _condition(actor, spec, permission, by_id)
        if part is not None:
            found = part if found is None else found | part
    if found is not None and spec.many:
        return Q(pk__in=spec.model._default_manager.filter(found).values("pk"))
    return found


def rows(actor: Actor, code: str, verb: str = "view", *, by_id: bool = False) -> QuerySet[Any]:
    """Every read of a resource starts here: list, detail, export, API, search, picker, count, attachment."""
    spec = _resources[code]
    condition = scope_filter(actor, spec, verb, by_id=by_id)
    manager = spec.model._default_manager
    return manager.none() if condition is None else manager.filter(condition)


def row(actor: Actor, code: str, pk: int, verb: str = "view") -> Any:
    """One row or a refusal that does not tell whether the row exists."""
    found = rows(actor, code, verb).filter(pk=pk).first()
    if found is None:
        raise Refused("没有找到该记录，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return found
