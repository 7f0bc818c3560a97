"""共享的数字。交换行（库表、文件）、接口返回行与调用次数各有台账，与存量行分开。"""

from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from yiwang.data.sharing.terms import GrantKind, RequestState
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

LAW = "《政务数据共享条例》（国令第 809 号）"
PARTIES = {
    "provider": Dimension("提供部门", "provider_id", "provider__name"),
    "organisation": Dimension("使用部门", "organisation_id", "organisation__name"),
}
ASKED: dict[str, Any] = {
    "version": 1, "resource": "sharing.request", "time_field": "created_at",
    "dimensions": {**PARTIES, "share_type": Dimension("共享类型", "share_type"), "way": Dimension("提供方式", "way")},
}  # fmt: skip
CALLED: dict[str, Any] = {
    "version": 1, "resource": "sharing.usage", "time_field": "day", "kind": "sum", "numerator": Q(grant__kind=GrantKind.FORMAL),
    "dimensions": {**PARTIES, "resource": Dimension("资源", "grant__resource_id", "grant__resource_name")},
}  # fmt: skip
SENT: dict[str, Any] = {
    "version": 1, "resource": "sharing.delivery", "time_field": "created_at", "kind": "sum",
    "dimensions": {**PARTIES, "way": Dimension("方式", "way"), "resource": Dimension("资源", "grant__resource_id", "grant__resource_name")},
}  # fmt: skip

MEASURES = (
    Measure("sharing.requests", "共享申请数", "期内提交的共享申请", unit="件", **ASKED),
    Measure(
        "sharing.answered_in_time", "按时答复率",
        "在法定（地方更严的从其规定）工作日内答复的申请／期内提交、已答复或答复已到期的申请；撤回的不计",
        unit="%", kind="rate", numerator=Q(answered_at__lte=F("answer_due")),
        denominator=(Q(answered_at__isnull=False) | Q(answer_due__lt=Now())) & ~Q(state=RequestState.WITHDRAWN),
        better="high", basis=f"{LAW}：无条件 1 个、有条件 10 个工作日", **ASKED,
    ),
    Measure(
        "sharing.delivered_in_time", "按时交付率", "在 20 个工作日内交付的申请／期内提交、同意共享且已交付或交付已到期的申请",
        unit="%", kind="rate", numerator=Q(delivered_at__lte=F("deliver_due")),
        denominator=Q(delivered_at__isnull=False) | Q(state=RequestState.AGREED, deliver_due__lt=Now()), better="high",
        basis=f"{LAW}：20 个工作日", **ASKED,
    ),
    Measure("sharing.refused_requests", "不予共享数", "期内提交、答复不予共享的申请，每件有书面理由和依据", unit="件",
            numerator=Q(state=RequestState.REFUSED), **ASKED),
    Measure("sharing.calls", "接口调用次数", "期内应答的接口调用，不含沙箱与被拒绝的", unit="次", field="answered", **CALLED),
    Measure("sharing.call_rows", "接口共享数据量", "期内接口应答返回的行数，同一行返回几次计几次；不是存量", unit="条", field="rows",
            **CALLED),
    Measure("sharing.refused_calls", "被拒绝的调用", "期内有授权可归属而被拒绝的调用，不含沙箱", unit="次", field="refused",
            better="low", **CALLED),
    Measure("sharing.delivered_rows", "库表与文件交换数据量", "期内推送与文件交付的行数，增量只计变动行；不是存量", unit="条",
            field="rows", **SENT),
)  # fmt: skip

register_measures(MEASURES)
