"""普查与三清单的数字。"""

from typing import Any

from django.db.models import Q

from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

TARGETS: dict[str, Any] = {
    "version": 1, "resource": "census.target", "time_field": "due_on",
    "dimensions": {"organisation": Dimension("单位", "organisation_id", "organisation__name")},
}  # fmt: skip
DUTIES: dict[str, Any] = {**TARGETS, "resource": "census.duty", "time_field": "created_at"}
MEASURES = (
    Measure("census.duties", "责任清单职能数", "期内登记、产生数据的部门职能数", unit="项", numerator=Q(yields_data=True), **DUTIES),
    Measure("census.compiled", "编目率", "期内登记、产生数据且已有发布资源的部门职能数／期内登记、产生数据的部门职能数", unit="%", kind="rate",
            numerator=Q(resources__number__gt=0), denominator=Q(yields_data=True), better="high", **DUTIES),
    Measure("census.surveyed", "普查覆盖率", "截止日期在期内的普查中已填报单位数／应填报单位数", unit="%", kind="rate",
            numerator=Q(reported_at__isnull=False), denominator=Q(), better="high", **TARGETS),
    Measure("census.holdings", "普查资源数", "截止日期在期内的普查中各单位填报的应编目资源数之和", unit="项", kind="sum", field="holdings", **TARGETS),
)  # fmt: skip

register_measures(MEASURES)
