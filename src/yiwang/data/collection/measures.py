"""归集的数字。存量行、归集行、调用次数是三本账：前两本在这里，调用在共享。"""

from typing import Any

from django.db.models import Q

from yiwang.data.collection.terms import State
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

ORGANISATION = Dimension("提供单位", "organisation_id", "organisation__name")
RESOURCE = Dimension("信息资源", "resource_id", "resource_name")
PACKAGES: dict[str, Any] = {
    "version": 1, "resource": "collection.package", "time_field": "ended_at",
    "dimensions": {"organisation": ORGANISATION, "resource": RESOURCE, "way": Dimension("归集方式", "way")},
}  # fmt: skip
STOCK: dict[str, Any] = {
    "version": 1, "resource": "collection.stock", "time_field": "at", "recorded_field": "created_at",
    "dimensions": {"organisation": ORGANISATION, "resource": RESOURCE},
}  # fmt: skip
DUES: dict[str, Any] = {
    "version": 1, "resource": "collection.due", "time_field": "due_at",
    "dimensions": {"organisation": ORGANISATION, "resource": RESOURCE},
}  # fmt: skip
IN = Q(state=State.PUBLISHED)

MEASURES = (
    Measure("collection.packages", "入库批次", "入库时间在期内的数据包数", unit="批", numerator=IN, **PACKAGES),
    Measure("collection.organisations", "归集部门数", "期内有数据包入库的不同提供单位数", unit="个", kind="distinct",
            field="organisation_id", numerator=IN, **PACKAGES),
    Measure("collection.resources", "归集资源数", "期内有数据包入库的不同信息资源数", unit="项", kind="distinct",
            field="resource_id", numerator=IN, **PACKAGES),
    Measure("collection.rows", "归集行数", "期内入库的数据包读取行数合计，同一行每报一次计一次；不是存量，也不是交换量", unit="行", kind="sum",
            field="rows", numerator=IN, **PACKAGES),
    Measure("collection.valid_rows", "有效行数", "期内入库的数据包通过检查的行数合计", unit="行", kind="sum", field="valid",
            numerator=IN, **PACKAGES),
    Measure("collection.bad_rows", "问题行数", "期内入库的数据包未通过检查、隔离的行数合计；归集行数＝有效行数＋问题行数", unit="行",
            kind="sum", field="bad", numerator=IN, **PACKAGES),
    Measure("collection.valid_share", "归集有效率", "期内入库的数据包的有效行数合计／同一批数据包的归集行数合计；按行数合计，不是各包的平均",
            unit="%", kind="share", field="valid", over="rows", numerator=IN, better="high", **PACKAGES),
    Measure("collection.auto", "一次入库率", "期内入库、表头与质量均无须人工的包数／期内入库的包数", unit="%", kind="rate",
            numerator=Q(message="达到自动入库门槛"), denominator=IN, better="high", **PACKAGES),
    Measure("collection.refused", "未入库批次", "办结时间在期内，未通过或未能读取的数据包数", unit="批",
            numerator=Q(state__in=(State.REFUSED, State.FAILED)), better="low", **PACKAGES),
    Measure("collection.stock_change", "存量净增", "期内各次入库、回退使存量增减的行数合计；自平台启用以来的合计即现有存量", unit="行", kind="sum",
            field="change", **STOCK),
    Measure("collection.on_time", "更新及时率", "应更新时间在期内、到期前已更新的次数／应更新时间在期内且已有结果（按时、逾期）的次数", unit="%",
            kind="rate", numerator=Q(on_time=True), denominator=Q(on_time__isnull=False), better="high",
            basis="政务数据共享条例（国令第809号）", **DUES),
    Measure("collection.late", "逾期未更新次数", "应更新时间在期内、到期时尚未更新的次数，后来补报的也计", unit="次",
            numerator=Q(on_time=False), better="low", **DUES),
    Measure("collection.statements", "返还对账次数", "期内形成的返还对账单数", unit="份", version=1, resource="collection.statement",
            time_field="created_at", dimensions={"organisation": ORGANISATION, "resource": RESOURCE}),
    Measure("collection.statements_same", "返还一致率", "期内一致的对账单数／期内对账单数", unit="%", kind="rate", version=1,
            resource="collection.statement", time_field="created_at", numerator=Q(state="same"), denominator=Q(), better="high",
            dimensions={"organisation": ORGANISATION, "resource": RESOURCE}),
)  # fmt: skip

register_measures(MEASURES)
