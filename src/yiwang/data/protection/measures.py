"""数据安全的数字。"""

from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from yiwang.data.protection.terms import LAW, Decision, ScanState
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

UNIT = {"organisation": Dimension("提供部门", "organisation_id", "organisation__name")}
FOUND: dict[str, Any] = {
    "version": 1, "resource": "protection.finding", "time_field": "scan__created_at", "recorded_field": "scan__created_at",
    "dimensions": {"organisation": Dimension("提供部门", "scan__organisation_id", "scan__organisation__name"), "kind": Dimension("敏感类别", "kind")},
    "basis": "GB/T 43697-2024",
}  # fmt: skip
DECIDED = ~Q(decision=Decision.PENDING)

MEASURES = (
    Measure("protection.graded", "识别定级率", "已由人确认分级的识别结果／期内识别出结果的信息项（同一信息项识别几次计几次）", unit="%", kind="rate",
            numerator=DECIDED, denominator=Q(), better="high", **FOUND),
    Measure("protection.sensitive", "敏感数据项数", "期内识别、由人确认为敏感的信息项，同一信息项只计一次", unit="项", kind="distinct",
            field="item_id", numerator=DECIDED & ~Q(decided_kind=""), **FOUND),
    Measure("protection.pending_scans", "待确认的识别", "期内发起、结果还没有全部确认的识别", unit="次", version=1, resource="protection.scan",
            time_field="created_at", numerator=Q(state=ScanState.PROPOSED), dimensions=UNIT, better="low"),
    Measure("protection.accesses", "敏感数据访问次数", "期内读取敏感或 3 级以上信息项的次数", unit="次", version=1, resource="protection.access",
            time_field="at", recorded_field="at", dimensions={"provider": Dimension("提供部门", "provider_id", "provider__name"),
                                                              "door": Dimension("途径", "door")}),
    Measure("protection.requests_in_time", "个人信息请求按时答复率", "在期限内答复的请求／期内提交、已答复或期限已到的请求", unit="%", kind="rate",
            version=1, resource="protection.request", time_field="created_at", numerator=Q(answered_at__lte=F("due_at")),
            denominator=Q(answered_at__isnull=False) | Q(due_at__lt=Now()), dimensions={"kind": Dimension("请求事项", "kind")},
            better="high", basis=LAW),
)  # fmt: skip

register_measures(MEASURES)
