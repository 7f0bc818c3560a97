"""考核的数字：扣分。"""

from typing import Any

from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

COMMON: dict[str, Any] = {
    "version": 1, "resource": "appraisal.deduction", "time_field": "period__month",
    "dimensions": {
        "organisation": Dimension("被扣单位", "organisation_id", "organisation__name"),
        "rule": Dimension("扣分条款", "rule__code", "rule__name"),
        "kind": Dimension("类别", "kind"),
    },
}  # fmt: skip

MEASURES = (
    Measure("appraisal.deducted", "考核扣分", "考核月在期内的扣分之和；复核成立的冲回为负，一并计入", unit="分", kind="sum",
            field="points", better="low", **COMMON),
    Measure("appraisal.deductions", "扣分记录数", "考核月在期内的扣分和冲回记录数", unit="笔", better="low", **COMMON),
)  # fmt: skip

register_measures(MEASURES)
