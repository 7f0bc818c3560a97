"""The inbox page and acting on many seats at once."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.flow.definitions import Action, Flow
from yiwang.kernel.flow.models import IdempotencyKey
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.queries import inbox as fresh_box
from yiwang.kernel.pages.boxes import BOXES, Box, Filters, box_of, box_rows, counts, flows_in_force, page_of, reach_in
from yiwang.kernel.pages.cases import act
from yiwang.kernel.ui.render import actor_of, page

COLOURS = (("red", "已超期"), ("yellow", "24 小时内到期"), ("green", "正常"))
MOST = 100
TIME_LABELS = {"done": "办理时间", "started": "登记时间"}


def filters_of(request: HttpRequest) -> Filters:
    names = ("flow", "stage", "colour", "text", "after")
    return Filters(**{name: request.GET.get(name, "").strip()[:80] for name in names})


def batchable(flow: Flow, stage_code: str) -> list[Action]:
    """Actions of a stage that need nothing but an opinion, in flows that switch batches on."""
    operation = flow.operation("batch")
    if operation is None or (operation.stages and stage_code not in operation.stages):
        return []
    stage = next((stage for stage in flow.stages if stage.code == stage_code), None)
    actions = stage.actions if stage else ()
    return [action for action in actions if not any(field.required for field in action.fields)]


def inbox(request: HttpRequest, code: str, notice: str = "", tone: str = "ok") -> HttpResponse:
    box, filters = box_of(code), filters_of(request)
    versions = flows_in_force()
    version = next((each for each in versions if each.code == filters.flow), None)
    flow = flow_of(version.pk) if version else None
    rows, following = page_of(box_rows(request, box.code), box, filters, reach=reach_in(request))
    can_batch = box.code == "todo" and flow is not None and filters.stage and rows
    context = {
        "box": box, "boxes": BOXES, "filters": filters, "flows": versions, "stages": flow.stages if flow else (),
        "rows": rows, "following": following, "colours": COLOURS, "waiting": _waiting(request, box),
        "batch": batchable(flow, filters.stage) if can_batch and flow else [], "key": uuid4().hex,
        "narrowed": any((filters.flow, filters.stage, filters.colour, filters.text)), "notice": notice,
        "notice_tone": tone, "time_label": TIME_LABELS.get(box.code, "到达时间"),
        "empty": "没有符合筛选条件的事项。" if filters != Filters() else box.empty,
    }  # fmt: skip
    return page(request, "pages/inbox.html", context, title=box.name)


def _waiting(request: HttpRequest, box: Box) -> int | None:
    return counts(request)["todo"] if box.code == "todo" else None


def batch(request: HttpRequest, code: str) -> HttpResponse:
    """One action for many seats: each case on its own, so that one refusal does not hold up the others."""
    box, actor = box_of(code), actor_of(request)
    ids = [int(each) for each in request.POST.getlist("seat") if each.isascii() and each.isdigit() and len(each) < 19]
    # The number of the seat follows in the key of each act.
    action, key = request.POST.get("action", ""), request.POST.get("key", "")[: IdempotencyKey.LONGEST // 2]
    if request.method != "POST" or box.code != "todo" or not ids or not action or not key:
        raise Invalid("没有选中事项或动作，未执行。请勾选事项后再点按钮。")
    if len(ids) > MOST:
        raise Invalid(f"一次最多批量办理 {MOST} 件，本次选了 {len(ids)} 件，未执行。")
    done, problems = _each(actor, ids, action, request.POST.get("opinion", "").strip(), key)
    notice = f"已办理 {done} 件。" if done else "没有办理成功的事项。"
    if problems:
        notice += f"{len(problems)} 件未办理：" + "；".join(problems)
    return inbox(request, code, notice, "bad" if problems else "ok")


def _each(actor: Actor, ids: list[int], action: str, opinion: str, key: str) -> tuple[int, list[str]]:
    seats = fresh_box(actor, "todo").filter(pk__in=ids).select_related("case")
    done, problems = 0, []
    for seat in seats:
        try:
            act(actor, seat.case, action, opinion=opinion, data={}, files=[], seat_id=seat.pk, batch=True,
                key=f"{key}:{seat.pk}")  # fmt: skip
            done += 1
        except Refused as problem:
            problems.append(f"{seat.case.number} {problem.message}")
    missing = len(set(ids)) - len(seats)
    if missing:
        problems.append(f"{missing} 件已不在您的待办中")
    return done, problems
