"""The register of a domain's time limits, the same in every domain."""

from typing import Any

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.clocks import services
from yiwang.kernel.clocks.models import Limit
from yiwang.kernel.clocks.terms import LimitNature, Unit
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.manifest import MenuItem
from yiwang.kernel.registers.declarations import Column, RecordAction, Register, Section
from yiwang.kernel.registers.registry import name_words, register

FIELDS = (
    Field("number", "期限", "integer", required=True, help="按下面的单位数"),
    Field(
        "unit",
        "单位",
        "choice",
        choices=tuple(Unit.choices),
        help="不填沿用本行的单位；“日”是自然日，“工作日”除去法定节假日",
    ),
    Field("valid_from", "施行日期", "date", required=True, help="当日及以后起算的时钟用新时限；已在计时的不变"),
    Field("nature", "依据种类", "choice", required=True, choices=tuple(LimitNature.choices)),
    Field("basis", "依据", required=True, help="名称、文号和条款"),
    Field(
        "level",
        "效力层级",
        "choice",
        choices=(("superior", "国家或上级规定"), ("local", "地方或本级规定")),
        help="同层级的代替前一行；两层级同时施行时，期限短的从其规定。不填沿用本行",
    ),
    Field("extensions", "可延期次数", "integer", help="不填沿用本行"),
    Field("extension_budget", "每次延期上限", "integer", help="不填沿用本行"),
)
ENDING = (
    Field("last_day", "最后施行日", "date", required=True, help="次日起没有时限，不能再起算同类时钟"),
    Field("reason", "依据", required=True, help="废止文件的名称、文号"),
)
name_words((("clocks.limit.declare", "登记时限"), ("clocks.limit.end", "废止时限")))


def _since(limit: Limit) -> object:
    return limit.valid_from or "平台启用时起"


def _until(limit: Limit) -> object:
    return limit.valid_until or "未定"


def limit_register(domain: str, name: str, model: type[Limit]) -> Register:
    """`model`: the domain's proxy of Limit. Permissions are given on `<domain>.limit`: view, export, declare."""
    code = f"{domain}.limit"

    def declare(actor: Actor, limit: Limit, data: dict[str, Any]) -> Limit:
        level = data.pop("level", "")
        return services.declare_limit(actor, code, limit.pk, **data, local=level == "local" if level else None)

    def end(actor: Actor, limit: Limit, data: dict[str, Any]) -> Limit:
        return services.end_limit(actor, code, limit.pk, **data)

    return register(Register(
        code=code, model=model, name=name,
        columns=("name", "number", "unit", "nature", "local", Column(_since, "施行日期"), Column(_until, "失效日期"), "basis"),
        filters=("nature", "local"), search=("name", "basis"), sort=("name", "-id"), writes=(),
        sections=(Section("时限", ("name", "number", "unit", "extensions", "extension_budget"), form=False),
                  Section("依据与施行", ("nature", "basis", "local", Column(_since, "施行日期"), Column(_until, "失效日期")), form=False)),
        resource=Resource(code, name, model, organisation=None, owner=None,
                          verbs=(("view", "查看"), ("export", "导出"), ("declare", "登记与废止"))),
        actions=(
            RecordAction("declare", "登记新的时限", declare, fields=FIELDS),
            RecordAction("end", "废止", end, fields=ENDING, verb="declare",
                         available=lambda actor, limit: limit.valid_until is None, why="这一行已有失效日期。"),
        ),
        empty="没有时限：时钟无从起算，请平台管理员增设。",
    ))  # fmt: skip


def limit_menu(domain: str, name: str) -> MenuItem:
    return MenuItem(name, f"/r/{domain}.limit/", (f"{domain}.limit", "view"), icon="book")


def limit_grants(domain: str, *verbs: str) -> tuple[tuple[str, str, Scope], ...]:
    return tuple((f"{domain}.limit", verb, Scope.ALL) for verb in verbs)
