"""Registers of organisations, people and permissions, each for the administrator whose duty it is.

The write door of a register calls the room's own verbs, so rules and ledger are the same on page, API and import.
"""

from collections.abc import Set as AbstractSet
from typing import Any

from django.db.models import Q

from yiwang.kernel.access import resources as access
from yiwang.kernel.access import services as access_services
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource, resources
from yiwang.kernel.access.models import Role, RoleHolding
from yiwang.kernel.access.terms import ADMINISTRATORS, Duty
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.orgs import resources as orgs
from yiwang.kernel.orgs import services as orgs_services
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.people import resources as people
from yiwang.kernel.people import services as people_services
from yiwang.kernel.people.limits import ACCOUNT, SECOND_FACTOR, locked_until
from yiwang.kernel.people.models import Account, AdministratorAppointment, Appointment, Delegation, Person
from yiwang.kernel.registers.declarations import Importing, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

REASON = Field("reason", "理由", "text", required=True, help="写入审计记录")
LAST_DAY = Field("on", "最后一天", "date", help="不填表示立即")


def _ids(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Rows of the form as ids for the service: {"parent": row} → {"parent_id": 7}."""
    return {
        f"{name}_id" if name in names else name: getattr(value, "pk", None) if name in names else value
        for name, value in data.items()
    }


# Organisations and posts


def _create_organisation(actor: Actor, data: dict[str, Any]) -> Organisation:
    return orgs_services.create_organisation(actor, **_ids(data, "parent", "region"))


def _change_organisation(actor: Actor, kept: Organisation, changes: dict[str, Any]) -> Organisation:
    changed = _ids(changes, "parent", "region")
    if "parent_id" in changed:
        kept = orgs_services.move_organisation(actor, kept.pk, changed.pop("parent_id"), reason="台账修改")
    return orgs_services.change_organisation(actor, kept.pk, **changed) if changed else kept


ORGANISATIONS = register(
    Register(
        code="orgs.organisation", model=Organisation, name="机构", resource=orgs.ORGANISATION,
        columns=("name", "short_name", "code", "kind", "parent", "region", "valid_until"),
        filters=("kind", "parent", "valid_until"), search=("name", "code", "short_name"), sort=("position", "pk"),
        sections=(Section("基本信息", ("code", "name", "short_name", "kind", "parent", "region", "position", "valid_from")),
                  Section("状态", ("valid_until",), form=False)),
        create=_create_organisation, change=_change_organisation,
        actions=(
            RecordAction(
                "rename", "更名", lambda actor, kept, data: orgs_services.rename_organisation(actor, kept.pk, **data),
                fields=(Field("name", "新名称", required=True), Field("short_name", "新简称"),
                        Field("reason", "更名依据", required=True, help="批复文号，写入审计记录")), verb="change",
                available=lambda actor, kept: kept.valid_until is None, why="该机构已停用，不能更名。", prefilled=("name", "short_name"),
            ),
            RecordAction(
                "retire", "停用", lambda actor, kept, data: orgs_services.retire_organisation(actor, kept.pk, **data),
                fields=(Field("on", "停用日期", "date", required=True, help="该日之后停用"), REASON), verb="change",
                available=lambda actor, kept: kept.valid_until is None, why="该机构已停用。",
            ),
        ),
        importing=Importing(key=("code",), fields=("code", "name", "short_name", "kind", "parent", "position"),
                            tree="parent"),
        empty="还没有机构。可逐个新增，也可下载模板批量导入；上下级可在同一张表里，先后不限。",
    )
)  # fmt: skip


def _create_post(actor: Actor, data: dict[str, Any]) -> Post:
    changed = _ids(data, "organisation")
    return orgs_services.create_post(actor, changed.pop("organisation_id"), **changed)


POSTS = register(
    Register(
        code="orgs.post", model=Post, name="岗位", resource=orgs.POST,
        columns=("organisation", "name", "code", "duty", "is_head", "active"),
        filters=("organisation", "duty", "active", "is_head"), search=("name", "code"),
        sections=(Section("基本信息", ("organisation", "code", "name", "duty", "is_head", "position")),
                  Section("状态", ("active",), form=False)),
        create=_create_post, change=lambda actor, kept, data: orgs_services.change_post(actor, kept.pk, **data),
        actions=(
            RecordAction(
                "retire", "停用", lambda actor, kept, data: orgs_services.retire_post(actor, kept.pk, **data),
                fields=(REASON,), verb="change", available=lambda actor, kept: kept.active, why="该岗位已停用。",
            ),
            RecordAction(
                "restore", "启用",
                lambda actor, kept, data: orgs_services.change_post(actor, kept.pk, active=True, **data),
                fields=(REASON,), verb="change", available=lambda actor, kept: not kept.active, why="该岗位在用。",
            ),
        ),
        importing=Importing(key=("organisation", "code"), fields=("organisation", "code", "name", "is_head")),
    )
)  # fmt: skip


# People, accounts, appointments, delegations


def _account_panel(actor: Actor, person: Person) -> tuple[str, str, dict[str, Any]]:
    account = Account.objects.filter(person=person).first()
    return "账号", "pages/panel_account.html", {
        "account": account, "person": person, "may_add": actor.can("people.account", "add"),
        "may_view": actor.can("people.account", "view"),
    }  # fmt: skip


PEOPLE = register(
    Register(
        code="people.person", model=Person, name="人员", resource=people.PERSON,
        columns=("name", "staff_number", "organisation", "phone", "email", "active"),
        filters=("organisation", "active"), search=("name", "staff_number", "pinyin"), sort=("pinyin", "pk"),
        masks={"phone": "phone"},
        sections=(Section("基本信息", ("name", "staff_number", "organisation", "phone", "email")),
                  Section("状态", ("active", "pinyin"), form=False)),
        create=lambda actor, data: people_services.create_person(actor, **_ids(data, "organisation")),
        change=lambda actor, kept, data: people_services.change_person(actor, kept.pk, **_ids(data, "organisation")),
        actions=(
            RecordAction(
                "leave", "离职", lambda actor, kept, data: people_services.change_person(actor, kept.pk, active=False, **data),
                fields=(REASON,), verb="change", available=lambda actor, kept: kept.active, why="该人员已离职。",
                confirm="离职后其账号立即不能使用。",
            ),
            RecordAction(
                "rejoin", "恢复在职",
                lambda actor, kept, data: people_services.change_person(actor, kept.pk, active=True, **data),
                fields=(REASON,), verb="change", available=lambda actor, kept: not kept.active, why="该人员在职。",
            ),
        ),
        panels=(_account_panel,),
        importing=Importing(key=("staff_number",), fields=("name", "staff_number", "organisation", "phone", "email")),
    )
)  # fmt: skip


def _security_panel(actor: Actor, account: Account) -> tuple[str, str, dict[str, Any]]:
    until = [locked_until(ACCOUNT, account.username), locked_until(SECOND_FACTOR, str(account.pk))]
    return "登录安全", "pages/panel_security.html", {
        "account": account, "until": max((each for each in until if each), default=None),
        "may_reset": actor.can("people.account", "change") and account.pk != actor.account_id,
        "sessions": account.sessions.count(),
    }  # fmt: skip


def _account_action(code: str, name: str, verb: Any, **more: Any) -> RecordAction:
    return RecordAction(
        code, name, lambda actor, kept, data: verb(actor, kept.pk, **data), fields=(REASON,), verb="change", **more
    )


ACCOUNTS = register(
    Register(
        code="people.account", model=Account, name="账号", resource=people.ACCOUNT, writes=(),
        columns=("username", "person", "is_active", "must_change_password", "last_login", "totp_confirmed_at"),
        filters=("is_active", "must_change_password", "last_login"), search=("username",), sort=("username",),
        sections=(Section("账号", ("username", "person", "is_active", "must_change_password", "password_changed_at",
                                   "last_login", "totp_confirmed_at")),),
        actions=(
            _account_action("disable", "停用", people_services.disable_account,
                            available=lambda actor, kept: kept.is_active, why="该账号已停用。"),
            _account_action("enable", "启用", people_services.enable_account,
                            available=lambda actor, kept: not kept.is_active, why="该账号在用。"),
            _account_action("unlock", "解锁", people_services.unlock_account),
            _account_action("clear-second-factor", "解除动态口令", people_services.clear_second_factor,
                            available=lambda actor, kept: kept.totp_confirmed_at is not None, why="没有启用动态口令。"),
        ),
        panels=(_security_panel,),
        empty="还没有账号。请到“人员”中选择一人，为其新建账号。",
    )
)  # fmt: skip


def _appoint(actor: Actor, data: dict[str, Any]) -> Appointment:
    changed = _ids(data, "person", "post")
    return people_services.appoint(actor, changed.pop("person_id"), changed.pop("post_id"), **changed)


# Administrators' posts are staffed by one administrator, business posts by another.
STAFFED: dict[str, Any] = {"verb": "change", "why": "业务岗位由系统管理员任免，管理员岗位由安全管理员任免。"}


def _appointments(
    code: str, model: Any, name: str, resource: Resource, duties: AbstractSet[Duty], *more: RecordAction
) -> Register:
    return Register(
        code=code, model=model, name=name, resource=resource, writes=("add",),
        columns=("person", "post", "duty", "primary", "valid_from", "valid_until"),
        filters=("duty", "primary", "valid_from", "valid_until"), sort=("-valid_from", "pk"), related=("post__organisation",),
        sections=(Section("任职", ("person", "post", "valid_from", "valid_until")),
                  Section("类别", ("primary", "duty"), form=False)),
        offers={"person": Q(active=True), "post": Q(active=True, duty__in=duties)}, create=_appoint,
        actions=(
            RecordAction(
                "dismiss", "免职", lambda actor, kept, data: people_services.dismiss(actor, kept.pk, **data),
                fields=(LAST_DAY, REASON), available=lambda actor, kept: kept.duty in duties, **STAFFED,
            ),
            *more,
        ),
    )  # fmt: skip


APPOINTMENTS = register(
    _appointments(
        "people.appointment", Appointment, "任职", people.APPOINTMENT, {Duty.BUSINESS},
        RecordAction(
            "transfer", "调任",
            lambda actor, kept, data: people_services.transfer(
                actor, kept.pk, int(data["post"]), on=data["on"], reason=data["reason"]
            ),
            fields=(Field("post", "新岗位", "post", required=True), Field("on", "到任日期", "date"), REASON),
            available=lambda actor, kept: kept.duty == Duty.BUSINESS, **STAFFED,
        ),
    )
)  # fmt: skip
ADMINISTRATOR_APPOINTMENTS = register(
    _appointments(
        "access.administrator", AdministratorAppointment, "管理员任职", people.ADMINISTRATOR, ADMINISTRATORS,
        RecordAction(
            "clear-second-factor", "解除动态口令",
            lambda actor, kept, data: people_services.clear_second_factor(actor, kept.person.account.pk, **data),
            fields=(REASON,), verb="change", available=lambda actor, kept: Account.objects.filter(person=kept.person).exists(),
            why="该人员没有账号。",
        ),
    )
)  # fmt: skip
DELEGATIONS = register(
    Register(
        code="people.delegation", model=Delegation, name="代理", resource=people.DELEGATION, writes=(),
        columns=("principal", "post", "agent", "valid_from", "valid_until", "revoked_at", "reason"),
        filters=("valid_from", "valid_until"), search=("reason",), sort=("-valid_from",), related=("post__organisation",),
    )
)  # fmt: skip


# Roles


def _permissions_panel(actor: Actor, role: Role) -> tuple[str, str, dict[str, Any]]:
    verbs = {(code, verb): (spec.name, name) for code, spec in resources().items() for verb, name in spec.verbs}
    held = role.grants.prefetch_related("organisations").order_by("resource", "verb")
    grants = [(each, *verbs.get((each.resource, each.verb), (each.resource, each.verb))) for each in held]
    return "权限", "pages/panel_permissions.html", {
        "role": role, "grants": grants, "may_change": actor.can("access.grant", "add"),
    }  # fmt: skip


ROLES = register(
    Register(
        code="access.role", model=Role, name="角色", resource=access.ROLE, writes=("add",),
        columns=("name", "code", "duty", "declared_by"), filters=("duty",), search=("name", "code"), sort=("code",),
        sections=(Section("基本信息", ("name", "code", "duty")), Section("来源", ("declared_by",), form=False)),
        create=lambda actor, data: access_services.define_role(actor, **data), panels=(_permissions_panel,),
    )
)  # fmt: skip


def _hold(actor: Actor, data: dict[str, Any]) -> RoleHolding:
    changed = _ids(data, "role", "post")
    return access_services.hold_role(actor, changed.pop("role_id"), changed.pop("post_id"), **changed)


HOLDINGS = register(
    Register(
        code="access.holding", model=RoleHolding, name="角色授予", resource=access.HOLDING, writes=("add",),
        columns=("post", "role", "duty", "valid_from", "valid_until", "reason", "granted_by"),
        filters=("role", "duty", "valid_from", "valid_until"), search=("reason",), sort=("-valid_from", "pk"),
        related=("post__organisation",),
        sections=(Section("授予", ("post", "role", "valid_from", "valid_until", "reason")),
                  Section("经办", ("granted_by", "duty"), form=False)),
        create=_hold,
        actions=(
            RecordAction(
                "withdraw", "收回", lambda actor, kept, data: access_services.withdraw_role(actor, kept.pk, **data),
                fields=(LAST_DAY, REASON), verb="change",
            ),
        ),
    )
)  # fmt: skip
