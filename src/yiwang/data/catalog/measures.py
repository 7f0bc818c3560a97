"""目录的每一个数字：口径、分子、分母。"""

from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from yiwang.data.catalog.terms import CYCLE_DAYS, SERVING, STRUCTURED, DemandState, ShareType
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

PUBLISHED, PROMISED = Q(number__gt=0), Q(number__gt=0, cycle__in=list(CYCLE_DAYS))
UNIT = Dimension("提供方", "organisation_id", "organisation__name")
STOCK = "；存量取起点早于首次发布的期间，如自 2000-01-01 起"
RESOURCES: dict[str, Any] = {
    "version": 1, "resource": "catalog.resource", "time_field": "published_at",
    "dimensions": {
        "organisation": UNIT, "share_type": Dimension("共享类型", "share_type"), "open_type": Dimension("开放类型", "open_type"),
        "cycle": Dimension("更新周期", "cycle"), "format": Dimension("格式", "format"),
        "theme": Dimension("主题", "theme__code", "theme__name"),
    },
}  # fmt: skip
ITEMS: dict[str, Any] = {
    "version": 1, "resource": "catalog.item", "time_field": "resource__published_at", "recorded_field": "resource__created_at",
    "dimensions": {
        "organisation": Dimension("提供方", "resource__organisation_id", "resource__organisation__name"),
        "share_type": Dimension("共享类型", "share_type"), "open_type": Dimension("开放类型", "open_type"),
        "level": Dimension("分级", "level"),
    },
}  # fmt: skip
DEMANDS: dict[str, Any] = {
    "version": 1, "resource": "catalog.demand", "time_field": "asked_at",
    "dimensions": {"organisation": Dimension("需求单位", "organisation_id", "organisation__name"),
                   "provider": Dimension("提供方", "provider_id", "provider__name")},
}  # fmt: skip

MEASURES = (
    Measure("catalog.resources", "信息资源目录数", f"首次发布在期内的信息资源数{STOCK}", unit="条", numerator=PUBLISHED, **RESOURCES),
    Measure("catalog.units", "编目单位数", f"首次发布在期内的信息资源的不同提供方个数{STOCK}", unit="个", kind="distinct",
            field="organisation_id", numerator=PUBLISHED, **RESOURCES),
    Measure("catalog.items", "数据项数", f"首次发布在期内的信息资源的现行信息项数{STOCK}", unit="项", numerator=Q(retired=False), **ITEMS),
    Measure("catalog.online", "上线目录数", f"首次发布在期内、现已上线的信息资源数{STOCK}", unit="条",
            numerator=PUBLISHED & Q(online_state__in=SERVING), **RESOURCES),
    Measure("catalog.synced", "同步上级目录数", "登记同步上级平台的时间在期内的信息资源数", unit="条",
            numerator=Q(synced_at__isnull=False), **{**RESOURCES, "time_field": "synced_at"}),
    Measure("catalog.structured_shared", "结构化目录共享占比",
            f"首次发布在期内、格式为数据库或电子表格且无条件或有条件共享的信息资源数／首次发布在期内的信息资源数{STOCK}", unit="%", kind="rate",
            numerator=Q(format__in=STRUCTURED) & ~Q(share_type=ShareType.WITHHELD), denominator=PUBLISHED, better="high", **RESOURCES),
    Measure("catalog.attached", "挂接率", f"首次发布在期内、已有数据的信息资源数／首次发布在期内的信息资源数{STOCK}", unit="%", kind="rate",
            numerator=Q(loaded_at__isnull=False), denominator=PUBLISHED, better="high", **RESOURCES),
    Measure("catalog.up_to_date", "更新及时率",
            f"首次发布在期内、承诺了更新周期且此刻未过更新期限的信息资源数／首次发布在期内、承诺了更新周期的信息资源数；从未更新的计为不及时{STOCK}",
            unit="%", kind="rate", numerator=Q(due_at__gte=Now()), denominator=PROMISED, better="high", **RESOURCES),
    Measure("catalog.rows", "数据存量", f"首次发布在期内的信息资源现行数据的行数之和{STOCK}；是存量，不是归集量或共享量", unit="行", kind="sum",
            field="rows", numerator=PUBLISHED, **RESOURCES),
    Measure("catalog.loads_in_time", "按期更新率", "期内、有更新期限的更新中未过期限的次数／期内有更新期限的更新次数；没有来的更新不在其中，见更新及时率",
            version=1, unit="%", resource="catalog.load", time_field="loaded_at", recorded_field="recorded_at", kind="rate",
            numerator=Q(loaded_at__lte=F("due_at")), denominator=Q(due_at__isnull=False), better="high",
            dimensions={"organisation": Dimension("提供方", "resource__organisation_id", "resource__organisation__name")}),
    Measure("catalog.withheld_items", "负面清单数据项数", f"现行信息项中不予共享的个数，按资源首次发布时间{STOCK}", unit="项",
            numerator=Q(retired=False, share_type=ShareType.WITHHELD), **ITEMS),
    Measure("catalog.graded_items", "信息项定级率", f"已定级的现行信息项数／现行信息项数，按资源首次发布时间{STOCK}", unit="%", kind="rate",
            numerator=Q(level__isnull=False), denominator=Q(retired=False), better="high", **ITEMS),
    Measure("catalog.demands", "需求清单数", "期内提出的数据需求数", unit="项", **DEMANDS),
    Measure("catalog.demands_met", "需求满足率", "期内提出、已满足的需求数／期内提出、已满足或不予提供的需求数", unit="%", kind="rate",
            numerator=Q(state=DemandState.MET), denominator=Q(state__in=(DemandState.MET, DemandState.REFUSED)), better="high", **DEMANDS),
)  # fmt: skip

register_measures(MEASURES)
