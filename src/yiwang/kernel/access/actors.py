"""The actor: on whose behalf a verb runs. Every service takes one first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from yiwang.kernel.access.terms import Duty, Scope

# (resource, verb) → what officers call the two; filled as resources are registered.
WORDS: dict[tuple[str, str], tuple[str, str]] = {}


class Refused(Exception):  # noqa: N818 - officers read this word
    """A verb was refused. `message` is for the officer: what happened, which rule, what to do."""

    status = 403

    def __init__(self, message: str, *, rule: str = "", code: str = "refused") -> None:
        super().__init__(message)
        self.message, self.rule, self.code = message, rule, code


class Invalid(Refused):
    """Input is wrong; `errors` maps a field name to its sentences."""

    status = 422

    def __init__(self, message: str, *, errors: dict[str, list[str]] | None = None, rule: str = "") -> None:
        super().__init__(message, rule=rule, code="invalid")
        self.errors = errors or {}


class Conflict(Refused):
    """Somebody else was first (optimistic lock, double act)."""

    status = 409

    def __init__(self, message: str, *, rule: str = "") -> None:
        super().__init__(message, rule=rule, code="conflict")


@dataclass(frozen=True)
class Permission:
    scope: Scope
    organisation_id: int
    organisation_path: str
    custom_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Actor:
    """A person acting from a post, or the platform itself (`SYSTEM`), or nobody (`ANONYMOUS`)."""

    person_id: int | None
    account_id: int | None
    name: str
    post_ids: tuple[int, ...] = ()
    primary_post_id: int | None = None
    organisation_id: int | None = None
    organisation_path: str = ""
    duties: frozenset[Duty] = frozenset()
    roles: frozenset[str] = frozenset()
    permissions: dict[tuple[str, str], tuple[Permission, ...]] = field(default_factory=dict, compare=False)
    # (pool, organisation) the actor may take work from, as read with the posts; None when they were not read.
    pools: tuple[tuple[str, int], ...] | None = field(default=None, compare=False)
    post_name: str = field(default="", compare=False)
    system: bool = False
    address: str = ""

    def can(self, resource: str, verb: str) -> bool:
        return self.system or bool(self.permissions.get((resource, verb)))

    def require(self, resource: str, verb: str) -> None:
        if not self.can(resource, verb):
            what, act = WORDS.get((resource, verb), (resource, verb))
            raise Refused(
                f"您没有对“{what}”的“{act}”权限，操作未执行。如工作需要，请向本单位安全管理员申请角色。",
                rule="默认拒绝：权限＝动作×资源×数据范围",
            )

    def home(self) -> int:
        """The organisation new records belong to; who serves nowhere today can't make any."""
        if self.organisation_id is None:
            raise Refused("您今天没有任职岗位，不能新建记录。请联系本单位系统管理员核对任职。", rule="记录须有所属机构")
        return self.organisation_id

    def signature(self) -> dict[str, Any]:
        """What the ledger keeps of an actor."""
        return {
            "person": self.person_id,
            "name": self.name,
            "post": self.primary_post_id,
            "organisation": self.organisation_id,
            "address": self.address,
        }

    def permissions_for(self, resource: str, verb: str) -> Iterable[Permission]:
        return self.permissions.get((resource, verb), ())


SYSTEM = Actor(person_id=None, account_id=None, name="系统", system=True)
ANONYMOUS = Actor(person_id=None, account_id=None, name="社会公众")
