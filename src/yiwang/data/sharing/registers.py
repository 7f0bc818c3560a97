"""共享的台账。"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from yiwang.data.protection import contract as protection
from yiwang.data.sharing import queries
from yiwang.data.sharing.gateway.refusals import ANSWERED, REASONS
from yiwang.data.sharing.models import (
    ApiKey,
    Call,
    Delivery,
    Grant,
    Request,
    ServingTable,
    SharingLimit,
    Target,
    UsageDay,
)
from yiwang.data.sharing.services import grants, keys
from yiwang.data.sharing.terms import GrantState, KeyState
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, Filter, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

VIEW = (("view", "查看"), ("export", "导出"))
OUTCOMES = ((ANSWERED, "已应答"), *((code, reason.what.rstrip("。")) for code, reason in REASONS.items()))
REASON = (Field("reason", "原因", required=True),)
MASKED = {
    form: f"按{label}{how}"
    for kind, label in protection.SensitiveKind.choices
    for form, how in ((kind, "遮盖"), (f"{kind}_coarse", "泛化"))
}


def _named(record: Grant | Request, names: Iterable[str]) -> list[str]:
    """As the fields were called when they were asked for."""
    titles = record.request.titles if isinstance(record, Grant) else record.titles
    return [titles.get(name, name) for name in names]


def fields(record: Grant | Request) -> str:
    return "、".join(_named(record, record.fields))


def projection(grant: Grant) -> str:
    return "、".join(_named(grant, grant.projection))


def masking(grant: Grant) -> str:
    forms = [MASKED.get(kind, "不显示") for kind in grant.masks.values()]
    named = zip(_named(grant, grant.masks), forms, strict=True)
    return "；".join(f"{field} {form}" for field, form in named) or "不遮盖"


REQUEST_COLUMNS = (Column("case__number", "申请单"), "resource_name", Column("organisation", "申请部门"), "provider", "share_type",
                   "way", "state", "answer_due", "deliver_due")  # fmt: skip
REQUEST_SECTIONS = (
    Section("申请", ("resource_name", "resource_code", "share_type", "purpose", "matter", "legal_basis",
                     Column(fields, "字段", past=_named), "row_filter", "way", "frequency", "wanted_until"), form=False),
    Section("结果", ("state", "answer_due", "answered_at", "deliver_due", "delivered_at", "refusal_reason", "refusal_basis"),
            form=False),
)  # fmt: skip
GRANT_COLUMNS = ("resource_name", Column("organisation", "使用部门"), "provider", "kind", "way", "state",
                 "daily_quota", "valid_until", "created_at")  # fmt: skip
GRANT_SECTIONS = (
    Section("授权", ("resource_name", "kind", "purpose", "condition", Column(fields, "授权字段", past=_named),
                    Column(projection, "现可出字段"), Column(masking, "脱敏"), "row_filter"), form=False),
    Section("限额与期限", ("way", "daily_quota", "total_quota", "rate", "page_rows", "valid_from", "valid_until", "state",
                       "ended_reason"), form=False),
)  # fmt: skip


def _case_url(request: Request) -> str:
    return reverse("case", args=[request.case_id])


def _grant_url(grant: Grant) -> str:
    return reverse("sharing_grant", args=[grant.pk])


def _quota(actor: Actor, grant: Grant, data: dict[str, Any]) -> Grant:
    return grants.change_quota(actor, grant.pk, **data)


def _revoke_key(actor: Actor, key: ApiKey, data: dict[str, Any]) -> ApiKey:
    return keys.revoke_key(actor, key.pk, reason=data["reason"])


def _outcome(call: Call) -> str:
    return dict(OUTCOMES).get(call.outcome, call.outcome)


def _by_number(found: QuerySet[Any], values: list[str]) -> QuerySet[Any]:
    """The number tells when: only that minute of the audit is read."""
    between = queries.around(values[0].strip())
    return found.filter(at__range=between, request_id=values[0].strip()) if between else found.none()


def _ending(resource: str) -> tuple[RecordAction, ...]:
    """Suspend, resume and revoke, as seen from a register of grants."""

    def run(verb: Callable[..., Grant]) -> Callable[[Actor, Grant, dict[str, Any]], Grant]:
        return lambda actor, grant, data: verb(actor, grant.pk, reason=data["reason"], resource=resource)

    return (
        RecordAction("suspend", "暂停", run(grants.suspend), fields=REASON, why="只有有效的授权可以暂停。",
                     available=lambda actor, grant: grant.state == GrantState.ACTIVE),
        RecordAction("resume", "恢复", run(grants.resume), verb="suspend", fields=REASON, why="该授权没有暂停。",
                     available=lambda actor, grant: grant.state == GrantState.SUSPENDED),
        RecordAction("revoke", "撤销", run(grants.revoke), fields=REASON, confirm="撤销后密钥立即失效，在途的调用也不再应答。确定吗？",
                     available=lambda actor, grant: grant.state != GrantState.REVOKED, why="该授权已撤销。"),
    )  # fmt: skip


REQUESTS = register(Register(
    code="sharing.request", model=Request, name="共享申请", columns=REQUEST_COLUMNS,
    filters=("state", "share_type", "way", Filter("provider", kind="organisation")), search=("resource_name", "purpose"), large=True,
    sort=("-id",), related=("case", "organisation", "provider"), sections=REQUEST_SECTIONS, writes=(), link=_case_url,
    resource=Resource("sharing.request", "共享申请", Request,
                      verbs=(*VIEW, ("add", "申请"), ("try", "取沙箱密钥"))),
    empty="还没有共享申请。从“申请共享”选择资源。",
))  # fmt: skip
ASKED = register(Register(
    code="sharing.asked", model=Request, name="收到的共享申请", columns=REQUEST_COLUMNS,
    filters=("state", "share_type", Filter("organisation", kind="organisation")), search=("resource_name", "purpose"), large=True,
    sort=("-id",), related=("case", "organisation", "provider"), sections=REQUEST_SECTIONS, writes=(), link=_case_url,
    resource=Resource("sharing.asked", "收到的共享申请", Request, organisation="provider", owner=None, verbs=VIEW),
    empty="没有收到共享申请。",
))  # fmt: skip
GRANTS = register(Register(
    code="sharing.grant", model=Grant, name="共享授权", columns=GRANT_COLUMNS,
    filters=("state", "kind", "way", Filter("provider", kind="organisation")), search=("resource_name", "purpose"), sort=("-id",),
    related=("request", "organisation", "provider"), sections=GRANT_SECTIONS, writes=(),
    resource=Resource("sharing.grant", "共享授权", Grant, verbs=(
        *VIEW, ("issue", "签发密钥"), ("quota", "调整限额"), ("suspend", "暂停与恢复"), ("revoke", "撤销"), ("deliver", "推送与文件"),
        ("receive", "选择推送目标"))),
    actions=(
        RecordAction("quota", "调整限额", _quota, fields=(
            Field("daily_quota", "每日限额", "integer", required=True), Field("rate", "每秒限次", "integer", required=True), *REASON),
            prefilled=("daily_quota", "rate")),
        *_ending("sharing.grant"),
    ),
    empty="还没有授权。",
))  # fmt: skip
PROVIDED = register(Register(
    code="sharing.provided", model=Grant, name="本部门数据的授权", columns=GRANT_COLUMNS,
    filters=("state", "kind", "way", Filter("organisation", kind="organisation")), search=("resource_name", "purpose"),
    sort=("-id",), related=("request", "organisation", "provider"), sections=GRANT_SECTIONS, writes=(),
    resource=Resource("sharing.provided", "本部门数据的授权", Grant, organisation="provider", owner=None,
                      verbs=(*VIEW, ("suspend", "暂停与恢复"), ("revoke", "撤销"))),
    actions=_ending("sharing.provided"),
    empty="还没有部门使用本部门的数据。",
))  # fmt: skip
KEYS = register(Register(
    code="sharing.apikey", model=ApiKey, name="接口密钥",
    columns=("public", "grant", "organisation", "state", "valid_until", "created_at", "revoked_at"), filters=("state",),
    sort=("-id",), related=("grant", "organisation"), writes=(),
    sections=(Section("密钥", ("public", "grant", "organisation", "valid_until", "state", "revoked_at", "revoked_reason"), form=False),),
    resource=Resource("sharing.apikey", "接口密钥", ApiKey, verbs=(*VIEW, ("revoke", "作废"))),
    actions=(RecordAction("revoke", "作废", _revoke_key, fields=REASON, confirm="作废后立即失效。确定吗？", why="该密钥已作废。",
                          available=lambda actor, key: key.state == KeyState.ACTIVE),),
    empty="还没有密钥。",
))  # fmt: skip


def _resource_name(call: Call) -> str:
    return call.grant.resource_name if call.grant is not None else "（没有对上授权）"


def _calls(code: str, name: str, organisation: str) -> Register:
    return register(Register(
        code=code, model=Call, name=name,
        columns=("at", Column(_resource_name, "资源"), "organisation", "provider", Column(_outcome, "结果"), "rows", "snapshot",
                 "address", "milliseconds", "request_id"),
        filters=(Filter("outcome", "结果", "choice", choices=OUTCOMES), Filter("at", kind="dates"),
                 Filter("number", "请求号", "text", apply=_by_number)),
        sort=("-id",), related=("grant", "organisation", "provider"), writes=(), api=False, append_only=True,
        sections=(Section("调用", ("at", "request_id", "key", Column(_resource_name, "资源"), "organisation", "provider",
                                 Column(_outcome, "结果"), "status", "fields", "rows", "snapshot", "address", "milliseconds"),
                          form=False),),
        resource=Resource(code, name, Call, organisation=organisation, owner=None, verbs=VIEW), empty="没有调用。",
    ))  # fmt: skip


CALLS = _calls("sharing.call", "调用记录", "organisation")
READS = _calls("sharing.read", "本部门数据的调用", "provider")


def _usage(code: str, name: str, organisation: str) -> Register:
    return register(Register(
        code=code, model=UsageDay, name=name,
        columns=("day", Column("grant__resource_name", "资源"), "organisation", "provider", "answered", "refused", "rows"),
        filters=(Filter("day", kind="dates"), Filter("provider", kind="organisation"), Filter("organisation", kind="organisation")),
        sort=("-day", "-id"), related=("grant", "organisation", "provider"), writes=(),
        sections=(Section("日汇总", ("day", "grant", "organisation", "provider", "answered", "refused", "rows"), form=False),),
        resource=Resource(code, name, UsageDay, organisation=organisation, owner=None, verbs=VIEW), empty="没有调用。",
    ))  # fmt: skip


USAGE = _usage("sharing.usage", "调用日汇总", "organisation")
READERS = _usage("sharing.reader", "本部门数据的日汇总", "provider")
DELIVERIES = register(Register(
    code="sharing.delivery", model=Delivery, name="交付记录",
    columns=("created_at", Column("grant__resource_name", "资源"), "organisation", "provider", "way", "snapshot", "since", "rows", "removed"),
    filters=("way", Filter("provider", kind="organisation"), Filter("created_at", kind="dates")), sort=("-id",),
    related=("grant", "organisation", "provider"), writes=(), append_only=True,
    sections=(Section("交付", ("grant", "way", "snapshot", "since", "rows", "removed", "digest", "target", "created_at"), form=False),),
    resource=Resource("sharing.delivery", "交付记录", Delivery, verbs=VIEW), empty="没有交付记录。",
))  # fmt: skip
TARGETS = register(Register(
    code="sharing.target", model=Target, name="推送目标", columns=("name", "host", "schema", "organisation", "created_at"),
    sort=("-id",), related=("organisation",), writes=(), sections=(Section("目标", ("name", "host", "schema"), form=False),),
    adding="/sharing/targets/new/",
    resource=Resource("sharing.target", "推送目标", Target, verbs=(*VIEW, ("add", "登记"))),
    empty="还没有推送目标。库表推送的授权要先有目标：点“新增”登记本部门的数据库，再到授权页选用。",
))  # fmt: skip
SERVING = register(Register(
    code="sharing.serving", model=ServingTable, name="服务表",
    columns=("table_name", "lake_table", "snapshot", "rows", "current", "synthetic", "built_at", "checked_at", "agrees"),
    filters=("current", "synthetic", "agrees"), sort=("-id",), writes=(),
    sections=(Section("服务表", ("table_name", "lake_table", "snapshot", "columns", "keys", "rows", "digest", "current", "built_at",
                              "checked_at", "agrees"), form=False),),
    resource=Resource("sharing.serving", "服务表", ServingTable, organisation=None, owner=None, verbs=(*VIEW, ("build", "建立与核对"))),
    empty="还没有服务表。",
))  # fmt: skip
LIMITS = limit_register("sharing", "共享时限", SharingLimit)
