"""考核的台账。"""

from datetime import date
from typing import Any

from django.urls import reverse

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.declarations import Column, Filter, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register
from yiwang.office.appraisal import queries, services
from yiwang.office.appraisal.models import Appeal, Bulletin, Deduction, Period, Scheme, SchemeVersion
from yiwang.office.appraisal.terms import EntryKind, PeriodState


def _create_scheme(actor: Actor, data: dict[str, Any]) -> Scheme:
    return services.create_scheme(actor, code=data["code"], name=data["name"])


def _open_period(actor: Actor, scheme: Scheme, data: dict[str, Any]) -> Period:
    month: date = data["month"]
    units = [int(unit) for unit in data.get("units") or []]
    if not units:
        raise Invalid("请选择参评单位。", errors={"units": ["必填"]})
    return services.open_period(actor, scheme, month, units)


def _deduct(actor: Actor, period: Period, data: dict[str, Any]) -> Deduction:
    return services.deduct(
        actor, period, organisation_id=int(data["unit"]), rule_code=data["rule"], subject=("manual", data["subject"]),
        evidence=data["evidence"], happened_on=data["happened_on"],
    )  # fmt: skip


def _freeze(actor: Actor, period: Period, data: dict[str, Any]) -> Bulletin:
    return services.freeze_period(actor, period)


def _correct(actor: Actor, period: Period, data: dict[str, Any]) -> Bulletin:
    return services.correct_bulletin(actor, period, data["reason"])


def _appeal(actor: Actor, deduction: Deduction, data: dict[str, Any]) -> Appeal:
    return services.appeal(actor, deduction.pk, statement=data["statement"])


def _standings(actor: Actor, period: Period) -> tuple[str, str, dict[str, Any]]:
    rows = queries.as_rows(queries.standings(period)) if actor.can("appraisal.period", "view") else []
    return "即时排名", "appraisal/standings.html", {"rows": rows, "frozen": period.state == PeriodState.FROZEN}


def _editions(actor: Actor, period: Period) -> tuple[str, str, dict[str, Any]]:
    return "通报", "appraisal/editions.html", {"bulletins": list(period.bulletins.select_related("issued_by"))}


def _rules(actor: Actor, version: SchemeVersion) -> tuple[str, str, dict[str, Any]]:
    context = {"indicators": list(version.indicators.all()), "rules": list(version.rules.all())}
    return "计分指标与扣分条款", "appraisal/rules.html", context


SCHEMES = register(
    Register(
        code="appraisal.scheme",
        model=Scheme,
        name="考核办法",
        columns=("code", "name", "organisation", "created_at"),
        search=("name",),
        sort=("-id",),
        sections=(Section("办法", ("code", "name")),),
        create=_create_scheme,
        writes=("add",),
        actions=(
            RecordAction(
                "open", "开启考核月", _open_period,
                fields=(Field("month", "月份", "date", required=True, help="当月任一天"),
                        Field("units", "参评单位", "organisations", required=True)),
            ),
        ),
        empty="还没有考核办法。",
    )
)  # fmt: skip
VERSIONS = register(
    Register(
        code="appraisal.version",
        model=SchemeVersion,
        name="办法版本",
        columns=("scheme", "number", "effective_from", "state", "base", "minimum_cases"),
        filters=("scheme", "state"),
        sort=("-id",),
        related=("scheme",),
        sections=(Section("版本", ("scheme", "number", "effective_from", "state", "base", "minimum_cases", "digest")),),
        panels=(_rules,),
        writes=(),
        empty="还没有发布过版本。",
    )
)
PERIODS = register(
    Register(
        code="appraisal.period",
        model=Period,
        name="考核月",
        columns=("scheme", "month", "scheme_version", "state"),
        filters=("scheme", "state"),
        sort=("-month", "-id"),
        related=("scheme", "scheme_version", "scheme_version__scheme"),
        sections=(Section("考核月", ("scheme", "month", "scheme_version", "state")),),
        panels=(_standings, _editions),
        writes=(),
        frozen=lambda period: period.state == PeriodState.FROZEN,
        actions=(
            RecordAction(
                "deduct", "扣分", _deduct,
                fields=(Field("unit", "被扣单位", "organisation", required=True), Field("rule", "条款代码", required=True),
                        Field("subject", "对象编号", required=True, help="如工单编号"),
                        Field("evidence", "事实与证据", "long_text", required=True),
                        Field("happened_on", "发生日期", "date", required=True)),
            ),
            RecordAction("freeze", "冻结并发布通报", _freeze, confirm="冻结后本月不能再扣分，只受理复核。确定吗？",
                         available=lambda actor, period: period.state == PeriodState.OPEN, why="本月已冻结。"),
            RecordAction("correct", "发布更正通报", _correct, verb="freeze", on_frozen=True,
                         fields=(Field("reason", "更正原因", required=True),),
                         available=lambda actor, period: period.state == PeriodState.FROZEN, why="尚未发布通报。"),
        ),
        empty="还没有考核月。在考核办法中开启。",
    )
)  # fmt: skip
DEDUCTIONS = register(
    Register(
        code="appraisal.deduction",
        model=Deduction,
        name="扣分记录",
        columns=("period", "organisation", "rule", "kind", "points", "subject_id", "happened_on"),
        filters=("period", Filter("organisation", kind="organisation"), "kind"),
        search=("evidence", "subject_id"),
        sort=("-id",),
        related=("period__scheme", "organisation", "rule"),
        sections=(
            Section("扣分", ("period", "organisation", "rule", "kind", "points")),
            Section("事实", ("subject_kind", "subject_id", "evidence", "happened_on", Column("reverses", "冲回对象"))),
        ),
        writes=(),
        actions=(
            RecordAction("appeal", "申请复核", _appeal, fields=(Field("statement", "申请理由与材料", "long_text", required=True),),
                         available=lambda actor, deduction: deduction.kind != EntryKind.REVERSAL
                         and not hasattr(deduction, "reversal"), why="冲回记录和已冲回的扣分不能复核。"),
        ),
        empty="没有扣分。",
    )
)  # fmt: skip
APPEALS = register(
    Register(
        code="appraisal.appeal",
        model=Appeal,
        name="扣分复核",
        columns=(Column("case__number", "复核单"), "organisation", "deduction", "upheld", "decided_at", "created_at"),
        filters=("upheld", Filter("organisation", kind="organisation")),
        sort=("-id",),
        related=("case", "organisation", "deduction__organisation", "deduction__rule"),
        sections=(Section("复核", ("deduction", "statement", "upheld", "decided_at")),),
        writes=(),
        link=lambda appeal: reverse("case", args=[appeal.case_id]),
        empty="没有复核申请。",
    )
)
