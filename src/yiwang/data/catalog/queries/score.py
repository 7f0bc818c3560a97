"""评分：元数据、数据、时效三项分开，各有理由和办法，不合成一个数。"""

from dataclasses import dataclass
from datetime import datetime

from yiwang.data.catalog.models import Item, Resource
from yiwang.data.catalog.terms import CYCLE_DAYS, Cycle, Format, ShareMethod

ENOUGH_WORDS = 20


@dataclass(frozen=True)
class Score:
    """0..100, or None when there is nothing to judge; `lines` are (reason, what to do) of every point lost."""

    name: str
    value: int | None
    lines: tuple[tuple[str, str], ...]


def scores(resource: Resource, items: list[Item], at: datetime) -> tuple[Score, Score, Score]:
    return metadata(resource, items), data(resource), timeliness(resource, at)


def metadata(resource: Resource, items: list[Item]) -> Score:
    """How well the entry is described: the department's own doing, whatever the data are like."""
    total = len(items) or 1
    coded = sum(bool(item.standard or item.code_table) for item in items)
    graded = sum(item.level is not None for item in items)
    online = resource.share_method not in (ShareMethod.COPY, ShareMethod.DOWNLOAD)
    checks = (
        (20, len(resource.abstract) >= ENOUGH_WORDS, f"摘要不足 {ENOUGH_WORDS} 字", "在摘要中写清内容、来源和口径"),
        (15, any(item.is_key for item in items), "没有主键", "指明能区分每一行的信息项"),
        (10, any(item.is_timestamp for item in items), "没有时间戳", "指明记录更新时间的信息项，便于增量归集"),
        (10, resource.theme_id is not None, "没有归入主题", "选一个主题类分类"),
        (15, coded * 2 >= total, f"{total} 个信息项中 {coded} 个注明数据标准或码表，不到一半", "补注数据标准或码表"),
        (10, all(item.length for item in items if item.data_type == "text"), "有字符型信息项没有长度", "补填长度"),
        (10, graded == total, f"{total} 个信息项中 {graded} 个已定级", "请安全管理岗完成分级"),
        (5, resource.format in (Format.DATABASE, Format.SPREADSHEET), "不是结构化数据", "能结构化的改为库表或表格"),
        (5, online, "共享方式为下载或拷贝", "改为系统对接、联机查询等在线方式"),
    )  # fmt: skip
    lost = tuple((f"{reason}（扣 {points} 分）", remedy) for points, good, reason, remedy in checks if not good)
    return Score("元数据", sum(points for points, good, _, _ in checks if good), lost)


def data(resource: Resource) -> Score:
    """The latest data quality that governance recorded."""
    latest = resource.qualities.order_by("-month").first()
    if latest is None:
        return Score("数据", None, (("还没有数据质量评估", "归集数据后由数据治理按月评估"),))
    lost = tuple((f"{latest.month:%Y年%m月}{name} {value}", "查看数据治理中的问题数据并整改")
                 for name, value in latest.parts.items() if float(value) < 100)  # fmt: skip
    return Score("数据", int(latest.score), lost)


def timeliness(resource: Resource, at: datetime) -> Score:
    """Full points in time; late, points fall evenly to none at one whole cycle late."""
    days = CYCLE_DAYS.get(Cycle(resource.cycle))
    if days is None:
        return Score("时效", None, (("更新周期未作承诺，不评时效", "有固定周期的请改填周期"),))
    if resource.due_at is None:
        return Score("时效", 0, (("从未更新数据", "在数据归集中上传或对接数据"),))
    late = (at - resource.due_at).total_seconds() / 86400
    if late <= 0:
        return Score("时效", 100, ())
    value = max(0, round(100 * (1 - late / days)))
    return Score(
        "时效", value, ((f"已逾期 {int(late) + 1} 天（{resource.get_cycle_display()}更新）", "尽快归集，或申请变更更新周期"),),
    )  # fmt: skip
