"""What an actor may do with a case now: every button with its fields, and why not when it is disabled."""

from dataclasses import dataclass

from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.clocks.terms import ClockStatus
from yiwang.kernel.flow import checks
from yiwang.kernel.flow.definitions import Field, Operation
from yiwang.kernel.flow.kinds import wording_of
from yiwang.kernel.flow.models import Case, Seat
from yiwang.kernel.flow.services.cases import DECIDING
from yiwang.kernel.flow.services.seats import ADVISORY, MOVABLE
from yiwang.kernel.flow.stages import refuse_double
from yiwang.kernel.flow.terms import OPERATIONS, SeatKind, SeatState, Status
from yiwang.kernel.flow.work import Work, peek

POSTS = Field("to", "岗位", "posts", required=True)
FIELDS: dict[str, tuple[Field, ...]] = {
    "send_back": (
        Field("to", "退回环节", "choice"),
        Field("redo", "退回后", "choice", choices=(("again", "逐级重走"), ("direct", "直送退回人"))),
    ),
    "transfer": (Field("to", "转给岗位", "post", required=True),),
    "delegate": (Field("to", "委派给岗位", "post", required=True),),
    "assign": (Field("to", "改派给岗位", "post", required=True),),
    "add_seat": (
        POSTS,
        Field("mode", "方式", "choice", required=True,
              choices=(("before", "前加签"), ("after", "后加签"), ("alongside", "并行加签"))),
    ),
    "remove_seat": (Field("seat_id", "减去的席位", "choice", required=True),),
    "copy": (POSTS,),
    "co_handle": (Field("organisations", "协办单位", "organisations"), Field("posts", "协办岗位", "posts")),
    "supervise": (Field("requirement", "督办要求", "long_text", required=True), Field("due", "反馈期限", "datetime")),
    "suspend": (
        Field("cause", "事由", required=True),
        Field("basis", "法律依据", required=True),
        Field("cascade", "含全部子案件", "boolean"),
    ),
    "correct": (Field("items", "需补正的材料", "long_text", required=True), Field("basis", "法律依据", required=True)),
    "extend": (Field("amount", "延长", "integer", required=True), Field("clock", "时限", "choice")),
    "rule_extension": (Field("grant", "同意延期", "boolean", required=True),),
    "arbitrate": (Field("organisation", "指定承办单位", "organisation", required=True),),
    "merge": (Field("into", "并入案件", "case", required=True),),
    "terminate": (Field("cascade", "含全部子案件", "boolean"),),
    "reopen": (Field("stage", "重启到环节", "choice"),),
    "jump": (Field("stage", "跳转到环节", "choice", required=True),),
    "late_entry": (Field("happened_at", "发生时间", "datetime", required=True),),
    "release_child": (Field("child", "子案件", "case", required=True),),
}  # fmt: skip
REASONED = frozenset({"send_back", "cancel", "suspend", "decline", "arbitrate", "terminate", "reopen", "jump",
                      "late_entry", "extend", "merge", "answer", "release_child"})  # fmt: skip
# Not buttons of a case page: they belong to lists or to the platform.
ELSEWHERE = frozenset({"handover", "batch", "split", "open_child", "read", "answer", "claim", "release"})


@dataclass(frozen=True)
class Choice:
    """A button. `why_not` is empty when it may be pressed."""

    kind: str
    code: str
    name: str
    fields: tuple[Field, ...] = ()
    needs_opinion: bool = False
    seat_id: int | None = None
    why_not: str = ""
    verdict: str = ""
    confirm: str = ""
    basis: str = ""

    @property
    def enabled(self) -> bool:
        return not self.why_not


def available(actor: Actor, case: Case) -> list[Choice]:
    """Actions of the actor's seat first, then what the seat allows, then the operations of the flow."""
    work = peek(actor, case, timezone.now())
    held = [seat for seat in work.live() if seat.state == SeatState.OPEN and work.holds(seat)]
    found = [choice for seat in held for choice in _of_seat(work, seat)]
    codes = {choice.code for choice in found}
    found += [_operation(work, item) for item in work.flow.operations if item.code not in ELSEWHERE | codes]
    found += _strike_off(work)
    return [choice for choice in found if choice.enabled or choice.kind == "action"]


def _of_seat(work: Work, seat: Seat) -> list[Choice]:
    kind = SeatKind(seat.kind)
    if kind == SeatKind.COPY:
        return [Choice("operation", "read", "已阅", seat_id=seat.pk)]
    found = []
    if seat.post_id is None:
        found.append(Choice("operation", "claim", "认领", seat_id=seat.pk, why_not=_why(work)))
    elif seat.pool:
        found.append(Choice("operation", "release", "退回公共池", seat_id=seat.pk, why_not=_why(work)))
    if seat.fault and kind in MOVABLE:
        found.append(Choice("operation", "assign", "改派", FIELDS["assign"], seat_id=seat.pk, why_not=_why(work)))
    if kind in ADVISORY:
        found.append(Choice("operation", "answer", "反馈意见", (), True, seat.pk, _why(work)))
    if kind == SeatKind.APPROVE:
        code = "rule_extension" if seat.task == "extension" else "arbitrate"
        found.append(Choice("operation", code, OPERATIONS[code], FIELDS[code], code == "arbitrate", seat.pk))
    if kind in DECIDING and seat.counts:
        found += _actions(work, seat)
    return found


def _actions(work: Work, seat: Seat) -> list[Choice]:
    found = []
    for action in work.stage.actions:
        if not checks.holds_where(work.case.data, action.where):
            continue
        why = _why(work, seat if action.verdict != "note" else None)
        if not why and action.once and work.count("done", action.code):
            why = f"“{action.name}”只能使用一次。"
        if not why:
            why = next((gate.message or checks.GATES[gate.kind] for gate in action.gates
                        if gate.kind != "file" and not checks.passes(work, gate, [])), "")  # fmt: skip
        found.append(
            Choice("action", action.code, action.name, action.fields, action.needs_opinion, seat.pk, why,
                   action.verdict, action.confirm, action.basis)
        )  # fmt: skip
    return found


def _why(work: Work, signing: Seat | None = None) -> str:
    try:
        checks.need_open(work)
        if signing is not None:
            refuse_double(work, signing)
    except Refused as refusal:
        return refusal.message
    if "dispute" in work.case.memory:
        return "该案件正在退单裁定中。"
    return ""


def _operation(work: Work, operation: Operation) -> Choice:
    code = operation.code
    why = ""
    try:
        checks.allowed(work, code)
        fitting = {"reopen": Status.CLOSED, "resume": Status.SUSPENDED}.get(code, Status.OPEN)
        if code not in ("copy", "late_entry", "merge") and work.case.status != fitting:
            why = "案件当前状态不能执行该操作。"
        elif code == "extend" and not _extendable(work):
            why = "没有可以延期的时限，或延期次数已用完。"
    except Refused as refusal:
        why = refusal.message
    fields = tuple(_with_choices(work, item) for item in FIELDS.get(code, ()))
    return Choice("operation", code, OPERATIONS.get(code, code), fields, code in REASONED, None, why,
                  basis=operation.basis)  # fmt: skip


def _extendable(work: Work) -> list[Clock]:
    """Running limits that may still be extended; how often, the rule says under which each began."""
    used = work.case.memory.get("extended", {})
    running = clocks.open_clocks(work.case.pk).filter(status=ClockStatus.RUNNING, extensions__gt=0).order_by("id")
    return [clock for clock in running if used.get(clock.code, 0) < clock.extensions]


def _strike_off(work: Work) -> list[Choice]:
    """督办销号: for who may supervise, of what has been answered, after the close too; the requirement reads as the
    case's free text does."""
    answered = [watch for watch in work.case.memory.get("watches", []) if watch["state"] == "answered"]
    if not answered:
        return []
    try:
        checks.allowed(work, "supervise")
    except Refused:
        return []
    reads = wording_of(work.actor, work.case)
    options = tuple((str(watch["ref"]), reads(watch["requirement"])[:80]) for watch in answered)
    field = Field("watch", "督办事项", "choice", required=True, choices=options)
    return [Choice("operation", "strike_off", OPERATIONS["strike_off"], (field,))]


def _with_choices(work: Work, item: Field) -> Field:
    """Fields whose choices depend on the case."""
    named = {stage.code: stage.name for stage in work.flow.stages}
    path: list[str] = work.case.memory.get("path", [])
    options: dict[str, list[tuple[str, str]]] = {
        "退回环节": [(code, named[code]) for code in path[:-1]],
        "跳转到环节": list(named.items()),
        "重启到环节": list(named.items()),
        "减去的席位": [(str(seat.pk), str(seat.post or seat.organisation)) for seat in work.live() if seat.counts],
    }  # fmt: skip
    if item.label == "时限":
        options["时限"] = [(clock.code, clock.name) for clock in _extendable(work)]
    if item.label not in options:
        return item
    return Field(item.name, item.label, item.kind, item.required, tuple(options[item.label]), item.help)
