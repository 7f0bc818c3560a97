"""从表格批量受理：未答复的进入派单，已答复的作为历史办结补录。"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from django.utils import timezone

from yiwang.city.command import contract as command
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.intake import Intake, check, register_many
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.declarations import Imported

SOURCE, BATCH = "批量导入", 500  # as many at once as go between two looks at the progress
COLUMNS = (
    Field("external_number", "外部编号", required=True, help="原平台的留言编号；已导入过的编号不重复登记"),
    Field("external_user", "外部用户", help="只用于计人数，不显示"),
    Field("title", "诉求标题", required=True),
    Field("received_at", "受理时间", "datetime", required=True),
    Field("content", "诉求内容", "long_text", required=True),
    Field("dislikes", "反对数", "integer"),
    Field("likes", "点赞数", "integer"),
    Field("category", "一级分类", help="现行事项词典的一级分类；填写的按人工确定，不再由模型建议"),
    Field("name", "称呼", help="加密保存，按规定脱敏显示"),
    Field("phone", "联系电话", help="加密保存，按规定脱敏显示；填写的可以回访"),
    Field("reply", "答复内容", "long_text", help="填写后作为历史办结补录"),
    Field("replied_at", "答复时间", "datetime", help="有答复内容的必填"),
)
SYNONYMS = {
    "external_number": ("留言编号", "工单编号"),
    "external_user": ("留言用户",),
    "title": ("留言主题", "主题"),
    "received_at": ("留言时间",),
    "content": ("留言详情", "内容"),
    "category": ("一级标签", "分类", "诉求分类"),
    "name": ("姓名", "联系人", "诉求人"),
    "phone": ("电话", "手机", "手机号", "手机号码", "联系方式"),
    "reply": ("答复意见",),
}
MASKS = {"name": "name", "phone": "phone"}


def _intake(row: dict[str, Any]) -> Intake:
    return Intake(
        channel=Channel.IMPORT, kind=Kind.COMPLAINT, title=row["title"], content=row["content"],
        received_at=row["received_at"], external_user=row.get("external_user", ""), source=SOURCE,
        name=row.get("name") or "", phone=row.get("phone") or "", wants_callback=bool(row.get("phone")),
        category=row.get("category") or "",
        external_number=row["external_number"], likes=int(row.get("likes") or 0), dislikes=int(row.get("dislikes") or 0),
    )  # fmt: skip


def _problems(row: dict[str, Any], categories: Callable[[datetime], frozenset[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    known = categories(row["received_at"]) if row.get("category") else frozenset()
    if row.get("category") and row["category"] not in known:
        found["category"] = f"不是现行事项词典的一级分类。可选：{'、'.join(sorted(known))}"
    reply, replied_at = row.get("reply"), row.get("replied_at")
    if reply and not replied_at:
        found["replied_at"] = "有答复内容的须填答复时间"
    elif replied_at and not reply:
        found["reply"] = "有答复时间的须填答复内容"
    elif replied_at and replied_at < row["received_at"]:
        found["replied_at"] = "答复时间不能早于受理时间"
    for name, limit in (("external_number", 60), ("external_user", 60), ("name", 40)):
        if len(row.get(name) or "") > limit:
            found[name] = f"不超过 {limit} 字"
    for name in ("likes", "dislikes"):
        if int(row.get(name) or 0) < 0:
            found[name] = "不能小于 0"
    try:
        check(_intake(row))
    except Invalid as problem:
        found |= {name: "；".join(said) for name, said in problem.errors.items()}
    return found


def import_requests(
    actor: Actor, rows: list[dict[str, Any]], report: Callable[[int, int], None] | None = None
) -> Imported:
    """Register what is not known yet, in the caller's transaction; with an error nothing is written."""
    actor.require("hotline.request", "import")
    numbers = [row["external_number"] for row in rows]
    there = Request.objects.filter(source=SOURCE, external_number__in=numbers)
    known = set(there.values_list("external_number", flat=True))
    fresh = {position: row for position, row in enumerate(rows) if row["external_number"] not in known}
    result = Imported(unchanged=len(rows) - len(fresh))
    on_day = cache(lambda day: frozenset(matter.category for matter in command.matters_in_force(day)))

    def categories(at: datetime) -> frozenset[str]:
        return on_day(timezone.localdate(at))

    result.errors = {position: found for position, row in fresh.items() if (found := _problems(row, categories))}
    if result.errors:
        return result
    waiting = [row for row in fresh.values() if not row.get("reply")]
    answered = [row for row in fresh.values() if row.get("reply")]
    for begun in range(0, len(waiting), BATCH):
        if report is not None:
            report(begun, len(fresh))
        register_many(actor, [_intake(row) for row in waiting[begun : begun + BATCH]])
    if answered:
        _history(actor, answered, report)
    result.created = len(fresh)
    return result


def _history(actor: Actor, rows: list[dict[str, Any]], report: Callable[[int, int], None] | None) -> None:
    """Old cases with their answers: closed at the instant they were answered, recorded now."""
    requests = register_many(actor, [_intake(row) for row in rows], submit=False)
    for done, (request, row) in enumerate(zip(requests, rows, strict=True)):
        replied_at: datetime = row["replied_at"]
        flow.act(actor, request.case_id, "record_history", data={"reply": row["reply"]}, happened_at=replied_at)
        if report is not None and done % 50 == 0:
            report(done, len(rows))
