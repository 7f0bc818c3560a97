"""考核的台账。"""

from typing import Any

from django.urls import reverse

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, Filter, RecordAction, Register, Section
from yiwang.kernel.registers.registry import name_of_kind, register
from yiwang.office.appraisal import queries
from yiwang.office.appraisal.models import Appeal, AppraisalLimit, Bulletin, Deduction, Period, Scheme, SchemeVersion
from yiwang.office.appraisal.services import appeals, deductions, periods, schemes
from yiwang.office.appraisal.terms import EntryKind, PeriodState, VersionState


def _create_scheme(actor: Actor, data: dict[str, Any]) -> Scheme:
    return schemes.create_scheme(actor, code=data["code"], name=data["name"])


def _draft_version(actor: Actor, data: dict[str, Any]) -> SchemeVersion:
    return schemes.draft_version(actor, **data)


def _publish(actor: Actor, version: SchemeVersion, data: dict[str, Any]) -> SchemeVersion:
    return schemes.publish_version(actor, version)


def _copy(actor: Actor, version: SchemeVersion, data: dict[str, Any]) -> SchemeVersion:
    return schemes.copy_version(actor, version, number=data["number"], effective_from=data["effective_from"])


def _month(period: Period) -> str:
    return f"{period.month.year}年{period.month.month}月"


def _subject(deduction: Deduction) -> str:
    return "人工登记" if deduction.subject_kind == "manual" else name_of_kind(deduction.subject_kind)


def _units(data: dict[str, Any]) -> list[int]:
    return [int(unit) for unit in data.get("units") or []]


def _open_period(actor: Actor, scheme: Scheme, data: dict[str, Any]) -> Period:
    return periods.open_period(actor, scheme, data["month"], _units(data))


def _change_units(actor: Actor, period: Period, data: dict[str, Any]) -> Period:
    return periods.change_units(actor, period, _units(data))


def _collect(actor: Actor, period: Period, data: dict[str, Any]) -> dict[str, periods.Collected]:
    return periods.collect(actor, period)


def _deduct(actor: Actor, period: Period, data: dict[str, Any]) -> Deduction:
    return deductions.deduct(
        actor, period, organisation_id=int(data["unit"]), rule_code=data["rule"], subject=("manual", data["subject"]),
        evidence=data["evidence"], happened_on=data["happened_on"],
    )  # fmt: skip


def _freeze(actor: Actor, period: Period, data: dict[str, Any]) -> Bulletin:
    return periods.freeze_period(actor, period)


def _correct(actor: Actor, period: Period, data: dict[str, Any]) -> Bulletin:
    return periods.correct_bulletin(actor, period, data["reason"])


def _appeal(actor: Actor, deduction: Deduction, data: dict[str, Any]) -> Appeal:
    return appeals.appeal(actor, deduction.pk, statement=data["statement"])


def _standings(actor: Actor, period: Period) -> tuple[str, str, dict[str, Any]]:
    versions = queries.other_versions(period)
    context = {"rows": queries.shown_rows(actor, period), "frozen": period.state == PeriodState.FROZEN, "period": period,
               "versions": list(versions) if actor.can("appraisal.period", "deduct") else []}  # fmt: skip
    return "即时排名", "appraisal/standings.html", context


def _editions(actor: Actor, period: Period) -> tuple[str, str, dict[str, Any]]:
    return "通报", "appraisal/editions.html", {"bulletins": list(period.bulletins.select_related("issued_by"))}


def _collection(actor: Actor, period: Period) -> tuple[str, str, dict[str, Any]]:
    seen = actor.can("appraisal.period", "deduct")
    context = {"found": period.collection if seen else {}, "sources": periods.sources() if seen else [], "seen": seen}
    return "系统取数", "appraisal/collection.html", context


def _rules(actor: Actor, version: SchemeVersion) -> tuple[str, str, dict[str, Any]]:
    draft = version.state == VersionState.DRAFT
    context = {"indicators": list(version.indicators.all()), "rules": list(version.rules.all()),
               "countable": schemes.countable() if draft else [], "sources": periods.sources() if draft else []}  # fmt: skip
    return "计分指标与扣分条款", "appraisal/rules.html", context


def _is_open(actor: Actor, period: Period) -> bool:
    return period.state == PeriodState.OPEN


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
        sections=(
            Section("版本", ("scheme", "number", "effective_from", "base", "minimum_cases")),
            Section("办法内容", ("indicator_lines", "rule_lines")),
            Section("发布", ("state", "digest"), form=False),
        ),
        panels=(_rules,),
        create=_draft_version,
        change=lambda actor, version, changes: schemes.change_version(actor, version, changes),
        frozen=lambda version: version.state == VersionState.PUBLISHED,
        actions=(
            RecordAction("publish", "发布", _publish, confirm="发布后本版本不能再改，已开启的月份不受影响。确定发布吗？",
                         available=lambda actor, version: version.state == VersionState.DRAFT, why="本版本已发布。"),
            RecordAction("copy", "复制为新版本", _copy, verb="add", on_frozen=True,
                         fields=(Field("number", "新版本号", required=True),
                                 Field("effective_from", "施行月份", "date", required=True, help="当月 1 日"))),
        ),
        empty="还没有版本。新增版本，填写指标和条款后发布。",
    )
)  # fmt: skip
PERIODS = register(
    Register(
        code="appraisal.period",
        model=Period,
        name="考核月",
        columns=("scheme", Column(_month, "月份"), "scheme_version", "state"),
        filters=("scheme", "state"),
        sort=("-month", "-id"),
        related=("scheme", "scheme_version", "scheme_version__scheme"),
        sections=(Section("考核月", ("scheme", Column(_month, "月份"), "scheme_version", "state")),),
        panels=(_standings, _editions, _collection),
        writes=(),
        frozen=lambda period: period.state == PeriodState.FROZEN,
        actions=(
            RecordAction("units", "调整参评单位", _change_units, verb="open",
                         fields=(Field("units", "参评单位", "organisations", required=True, help="填写全部参评单位"),),
                         available=_is_open, why="本月已冻结。"),
            RecordAction("collect", "系统取数扣分", _collect, verb="deduct", available=_is_open, why="本月已冻结。",
                         confirm="按业务系统记录的事实扣分，已扣过的不重复扣；此前系统扣分所据的事实已不存在的自动冲回。确定取数吗？"),
            RecordAction(
                "deduct", "扣分", _deduct,
                fields=(Field("unit", "被扣单位", "organisation", required=True), Field("rule", "条款代码", required=True),
                        Field("subject", "对象编号", required=True, help="如工单编号"),
                        Field("evidence", "事实与证据", "long_text", required=True),
                        Field("happened_on", "发生日期", "date", required=True)),
                available=_is_open, why="本月已冻结。",
            ),
            RecordAction("freeze", "冻结并发布通报", _freeze, confirm="冻结后本月不能再扣分，只受理复核。确定吗？",
                         available=_is_open, why="本月已冻结。"),
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
            Section("事实", (Column(_subject, "对象类别"), "subject_id", "evidence", "happened_on", Column("reverses", "冲回对象"))),
        ),
        writes=(),
        append_only=True,
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
        columns=(Column("case__number", "复核单"), "organisation", "deduction", "result", "decided_at", "created_at"),
        filters=("result", Filter("organisation", kind="organisation")),
        sort=("-id",),
        related=("case", "organisation", "deduction__organisation", "deduction__rule"),
        sections=(Section("复核", ("deduction", "statement", "result", "decided_at")),),
        writes=(),
        link=lambda appeal: reverse("case", args=[appeal.case_id]),
        empty="没有复核申请。",
    )
)
LIMITS = limit_register("appraisal", "复核时限", AppraisalLimit)
