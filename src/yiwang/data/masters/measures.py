"""库的数字。"""

from typing import Any

from django.db.models import Q

from yiwang.data.masters.terms import GUIDE, ConflictState, DecisionKind
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

OWNER = {"organisation": Dimension("单位", "organisation_id", "organisation__name")}
LIBRARY = {"library": Dimension("库", "library_id", "library__name")}
NOW: dict[str, Any] = {"version": 1, "time_field": "created_at"}

MEASURES = (
    Measure("masters.library_rows", "基础库与主题库数据量", "最近一次构建在期内的库的现有行数之和；是存量，不是交换量", unit="条", version=1,
            resource="masters.library", time_field="built_at", kind="sum", field="rows",
            dimensions={"kind": Dimension("类别", "kind"), "library": Dimension("库", "id", "name")}, basis=GUIDE),
    Measure("masters.libraries", "基础库与主题库数", "最近一次构建在期内的库数", unit="个", version=1, resource="masters.library",
            time_field="built_at", dimensions={"kind": Dimension("类别", "kind")}, basis=GUIDE),
    Measure("masters.golden_records", "主记录数", "期内归一产生、现未停用的主记录数", unit="条", resource="masters.golden",
            numerator=Q(retired_at__isnull=True), dimensions=LIBRARY, **NOW),
    Measure("masters.linked_rate", "归并率", "期内入库、与其他来源记录归并为同一主记录的来源记录／期内入库的全部来源记录", unit="%",
            kind="rate", resource="masters.member", numerator=Q(linked=True), denominator=Q(), better="high",
            dimensions={**LIBRARY, "source": Dimension("来源", "source_title")}, **NOW),
    Measure("masters.conflicts_open", "待核实字段冲突", "期内发现、仍未一致的字段冲突（含已提异议的）", unit="处",
            resource="masters.conflict", numerator=~Q(state=ConflictState.GONE), better="low",
            dimensions={**OWNER, "field": Dimension("字段", "title")}, **NOW),
    Measure("masters.decisions", "人工归一裁定数", "期内作出的判同、判异裁定；撤销另计不在内", unit="条", resource="masters.decision",
            numerator=~Q(kind=DecisionKind.UNDO), dimensions=LIBRARY, **NOW),
    Measure("masters.objects", "业务对象数", "期内登记的业务对象", unit="个", resource="masters.object",
            dimensions={**OWNER, "category": Dimension("类别", "category")}, **NOW),
    Measure("masters.objects_mapped", "业务对象落图率", "期内登记、已指明承载系统与资源的业务对象／期内登记的全部业务对象", unit="%",
            kind="rate", resource="masters.object", numerator=Q(mapped_at__isnull=False), denominator=Q(), better="high",
            dimensions=OWNER, **NOW),
    Measure("masters.looks", "明文查看次数", "期内登记用途后查看主记录明文的次数", unit="次", resource="masters.look", dimensions=OWNER, **NOW),
)  # fmt: skip

register_measures(MEASURES)
