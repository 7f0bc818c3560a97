"""Moving open cases to another version of their flow: an explicit map of stages, a dry run that is the real run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.flow.models import Case, Entry, FlowVersion
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.services.course import undo
from yiwang.kernel.flow.services.family import Result, each
from yiwang.kernel.flow.terms import Status
from yiwang.kernel.flow.work import Work, run


@dataclass
class Plan:
    """movable: case ids whose stage is mapped; listed: case id → why it stays untouched."""

    movable: list[int] = field(default_factory=list)
    listed: dict[int, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)


def migrate(
    actor: Actor, *, source: int, target: int, stages: Mapping[str, str], dry_run: bool = True, opinion: str = ""
) -> Plan:
    """Every open case of `source` on a mapped stage moves; nothing is inferred by name."""
    actor.require("flow.version", "migrate")
    old, new = FlowVersion.objects.get(pk=source), FlowVersion.objects.get(pk=target)
    if old.code != new.code or source == target:
        raise Invalid("只能在同一流程的不同版本之间换版。")
    known_old, known_new = ({stage.code for stage in flow_of(pk).stages} for pk in (source, target))
    wrong = [f"{one}→{other}" for one, other in stages.items() if one not in known_old or other not in known_new]
    if wrong:
        raise Invalid(f"环节对应关系有误：{'、'.join(wrong)}。请改正后重新提交。", errors={"stages": wrong})
    plan = Plan()
    rows = Case.objects.filter(version_id=source).exclude(status=Status.CLOSED).order_by("id")
    for case_id, stage, memory in rows.values_list("pk", "stage", "memory"):
        gone = [code for code in memory.get("path", []) if code not in stages]
        if gone:
            plan.listed[case_id] = f"环节“{gone[-1] if stage not in gone else stage}”没有对应环节，未换版"
        else:
            plan.movable.append(case_id)
    if not dry_run:
        for start in range(0, len(plan.movable), 500):
            plan.results += each(
                plan.movable[start : start + 500], lambda pk: _move(actor, pk, source, new, stages, opinion)
            )
    return plan


def _move(actor: Actor, case_id: int, source: int, new: FlowVersion, stages: Mapping[str, str], opinion: str) -> Entry:
    def step(work: Work) -> None:
        case, memory = work.case, work.case.memory
        if case.version_id != source or case.status == Status.CLOSED or set(memory.get("path", [])) - stages.keys():
            raise Conflict("案件已变化，未换版。请重新试算。")
        for seat in [*work.here(), *work.live()]:
            seat.stage = stages.get(seat.stage, seat.stage)
        case.version_id, case.stage = new.pk, stages[case.stage]
        for shelf in ("path", "seen"):
            work.remember(shelf, [stages.get(code, code) for code in memory.get(shelf, [])])
        held = {stages.get(code, code): seats for code, seats in memory.get("handlers", {}).items()}
        work.remember("handlers", held)
        if "returner" in memory:
            back = memory["returner"]
            work.remember("returner", {**back, "stage": stages.get(back["stage"], back["stage"])})
        work.facts["versions"] = [source, new.pk]

    return run(actor, case_id, "migrate", step, opinion=opinion)


def migrate_back(actor: Actor, case_id: int, *, opinion: str = "", key: str = "") -> Entry:
    """Undo a move, until the next act."""
    actor.require("flow.version", "migrate")

    def step(work: Work) -> None:
        entry = Entry.objects.filter(case_id=case_id).order_by("-seq")[0]
        if entry.kind != "migrate":
            raise Conflict("换版之后案件已有办理，不能撤销换版。")
        undo(work, entry)

    return run(actor, case_id, "migrate_back", step, key=key, opinion=opinion)
