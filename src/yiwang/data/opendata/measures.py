"""开放的数字。"""

from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from yiwang.data.opendata.terms import BASIS, Door, State
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

UNIT = {"organisation": Dimension("提供部门", "organisation_id", "organisation__name")}
OPENED: dict[str, Any] = {
    "version": 1, "resource": "opendata.dataset", "time_field": "opened_at", "numerator": Q(state=State.OPEN),
    "dimensions": {**UNIT, "topic": Dimension("领域", "topic")}, "basis": BASIS, "better": "high",
}  # fmt: skip
USED: dict[str, Any] = {
    "version": 1, "resource": "opendata.use", "time_field": "day", "recorded_field": "day", "kind": "sum",
    "dimensions": {"dataset": Dimension("数据集", "dataset_id", "dataset__title"), "form": Dimension("格式或接口", "form")},
}  # fmt: skip
HEARD: dict[str, Any] = {
    "version": 1, "resource": "opendata.feedback", "time_field": "created_at",
    "dimensions": {**UNIT, "kind": Dimension("类别", "kind")},
}  # fmt: skip

MEASURES = (
    Measure("opendata.datasets", "开放目录数", "期内开放、至今仍开放的数据集（截至某日的总数取从头到该日）", unit="个", **OPENED),
    Measure("opendata.items", "开放数据项数", "期内开放、至今仍开放的数据集中可开放的信息项", unit="项", kind="sum", field="item_count", **OPENED),
    Measure("opendata.rows", "开放数据量", "期内开放、至今仍开放的数据集现行一期的行数；是存量，不是下载量", unit="条", kind="sum",
            field="rows", **OPENED),
    Measure("opendata.downloads", "下载次数", "期内文件下载的次数", unit="次", field="times", **{**USED, "numerator": Q(door=Door.DOWNLOAD)}),
    Measure("opendata.downloaded_rows", "下载数据量", "期内下载文件的行数，同一文件下载几次计几次；不是存量", unit="条", field="rows",
            **{**USED, "numerator": Q(door=Door.DOWNLOAD)}),
    Measure("opendata.api_calls", "开放接口调用次数", "期内应答的开放接口（CKAN 兼容）调用", unit="次", field="times",
            **{**USED, "numerator": Q(door=Door.API)}),
    Measure("opendata.feedbacks", "公众反馈数", "期内提交的意见、纠错与开放需求", unit="件", **HEARD),
    Measure(
        "opendata.answered_in_time", "反馈按时答复率", "在期限内答复的反馈／期内提交、已答复或期限已到的反馈", unit="%", kind="rate",
        numerator=Q(answered_at__lte=F("due_at")), denominator=Q(answered_at__isnull=False) | Q(due_at__lt=Now()),
        better="high", basis="开放时限表", **HEARD,
    ),
)  # fmt: skip

register_measures(MEASURES)
