"""治理的数字：每一个都出自检查记录。"""

from typing import Any

from django.db.models import Q

from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

DONE = Q(state="done")
RUN: dict[str, Any] = {
    "version": 1, "resource": "governance.run", "time_field": "finished_at",
    "dimensions": {
        "organisation": Dimension("提供单位", "organisation_id", "organisation__name"),
        "resource": Dimension("信息资源", "rule_set__resource", "rule_set__resource_name"),
    },
}  # fmt: skip
FINDING: dict[str, Any] = {
    "version": 1, "resource": "governance.finding", "time_field": "created_at",
    "dimensions": {
        "organisation": Dimension("提供单位", "organisation_id", "organisation__name"), "dimension": Dimension("质量维度", "dimension"),
    },
}  # fmt: skip
CASE: dict[str, Any] = {
    "version": 1,
    "dimensions": {"organisation": Dimension("提供单位", "organisation_id", "organisation__name")},
}

MEASURES = (
    Measure("governance.checked", "检查条数", "期内完成的检查所检查的行数之和", unit="条", kind="sum", field="rows", numerator=DONE, **RUN),
    Measure("governance.cleaned", "清洗条数", "期内完成的检查中，至少一格按登记的修复改写过的行数之和", unit="条", kind="sum", field="repaired_rows",
            numerator=DONE, **RUN),
    Measure("governance.valid", "有效条数", "期内完成的检查中，没有违反任何拦截规则的行数之和", unit="条", kind="sum", field="valid", numerator=DONE,
            better="high", **RUN),
    Measure("governance.held", "拦截条数", "期内完成的检查中，违反拦截规则而不入库的行数之和；有效率＝有效条数÷检查条数", unit="条", kind="sum", field="bad",
            numerator=DONE, better="low", **RUN),
    Measure("governance.valid_share", "有效率", "期内完成的检查的有效条数合计／同一批检查的检查条数合计；按条数合计，不是各次检查的平均", unit="%",
            kind="share", field="valid", over="rows", numerator=DONE, better="high", **RUN),
    Measure("governance.repaired", "修复格数", "期内完成的检查按登记的修复改写的单元格数之和", unit="格", kind="sum", field="repaired", numerator=DONE, **RUN),
    Measure("governance.clean_runs", "一次合格率", "没有拦截任何一行的检查次数／期内完成的检查次数", unit="%", kind="rate", numerator=DONE & Q(bad=0),
            denominator=DONE, better="high", **RUN),
    Measure("governance.runs", "检查次数", "期内完成的检查次数", unit="次", numerator=DONE, **RUN),
    Measure("governance.rule_pass", "规则通过率", "判为通过的规则结论数／期内规则结论数", unit="%", kind="rate", numerator=Q(passed=True), denominator=Q(),
            better="high", **FINDING),
    Measure("governance.objections", "数据异议件数", "期内提出的数据异议件数", unit="件", resource="governance.objection", time_field="raised_on", **CASE),
    Measure("governance.corrected", "异议更正率", "确有错误并已更正的异议／期内提出且已办结的异议；撤回的不计", unit="%", kind="rate",
            resource="governance.objection", time_field="raised_on", numerator=Q(mark="corrected"),
            denominator=Q(mark__in=("corrected", "unfounded")), **CASE),
    Measure("governance.issues", "整改单数", "期内发出的质量整改单数", unit="件", resource="governance.issue", time_field="created_at", **CASE),
    Measure("governance.score", "质量分", "期内各资源月度质量分的平均（每资源每月权重相同）", unit="分", kind="mean", field="score",
            resource="governance.score", time_field="month", better="high", **CASE),
)  # fmt: skip
register_measures(MEASURES)
