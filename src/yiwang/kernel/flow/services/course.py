"""The course of a case: send back, withdraw, cancel, jump, suspend, correct, terminate, reopen, late entry."""

from typing import Literal

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.flow import checks
from yiwang.kernel.flow.models import Entry
from yiwang.kernel.flow.seating import again
from yiwang.kernel.flow.services.cases import DECIDING
from yiwang.kernel.flow.stages import enter, leave
from yiwang.kernel.flow.work import Work, run

Redo = Literal["", "again", "direct"]


def reason(opinion: str, what: str) -> None:
    if not opinion.strip():
        raise Invalid(f"{what}须写明理由。", errors={"opinion": ["请填写理由"]})


def send_back(
    actor: Actor, case_id: int, *, to: str = "", redo: Redo = "", seat_id: int | None = None, opinion: str = "",
    key: str = "",
) -> Entry:  # fmt: skip
    """退回 to a stage already handled (default: the one before). again: every stage once more; direct: the redone
    stage comes straight back to the same posts."""

    def step(work: Work) -> None:
        checks.need_open(work)
        operation = checks.allowed(work, "send_back")
        reason(opinion, "退回")
        seat = checks.own_seat(work, seat_id, DECIDING, counts=True)
        path: list[str] = work.case.memory["path"]
        target = to or (path[-2] if len(path) > 1 else "")
        if target not in path[:-1]:
            raise Invalid("只能退回到已办理过的环节。请重新选择。", errors={"to": ["不是已办环节"]})
        way = str(operation.settings.get("redo", "again"))
        if way == "choose":
            way = redo or "again"
        elif redo and redo != way:
            raise Refused("该流程不允许选择退回后的办理方式。", rule="流程定义")
        checks.take(work, seat)
        mine = [[seat.organisation_id, seat.post_id, "", seat.weight]]
        work.remember("returner", {"stage": work.case.stage, "seats": mine, "direct": way == "direct"})
        handlers = again(work.case.memory.get("handlers", {}).get(target, []), work.now)
        leave(work)
        enter(work, target, seats=handlers or None, back=True)

    return run(actor, case_id, "send_back", step, key=key, opinion=opinion, action=to)
