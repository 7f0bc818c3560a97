"""The verbs of cases: actor first, one transaction, idempotent by `key`, re-checked under the case's lock."""

from collections.abc import Callable
from typing import Any

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.flow.models import Entry
from yiwang.kernel.flow.services.cases import Opening, act, open_case
from yiwang.kernel.flow.services.course import (
    cancel,
    correct,
    jump,
    late_entry,
    reopen,
    resume,
    send_back,
    suspend,
    terminate,
    withdraw,
)
from yiwang.kernel.flow.services.disputes import (
    arbitrate,
    decline,
    extend,
    rule_extension,
    strike_off,
    supervise,
    urge,
)
from yiwang.kernel.flow.services.family import Result, batch, handover, merge, release_child, split
from yiwang.kernel.flow.services.migrating import Plan, migrate, migrate_back
from yiwang.kernel.flow.services.opening import open_cases
from yiwang.kernel.flow.services.seats import (
    add_seat,
    answer,
    assign,
    claim,
    co_handle,
    copy,
    delegate,
    read,
    recall,
    release,
    remove_seat,
    transfer,
)
from yiwang.kernel.flow.services.upkeep import redeliver

__all__ = [
    "BY_CODE", "Opening", "Plan", "Result", "act", "add_seat", "answer", "arbitrate", "assign", "batch", "cancel", "claim",
    "co_handle", "copy", "correct", "decline", "delegate", "extend", "handover", "jump", "late_entry", "merge",
    "migrate", "migrate_back", "open_case", "open_cases", "operate", "read", "recall", "redeliver", "release", "release_child", "remove_seat",
    "reopen", "resume", "rule_extension", "send_back", "split", "strike_off", "supervise", "suspend", "terminate",
    "transfer", "urge", "withdraw",
]  # fmt: skip

# Operations on one case, as a page calls them: by code, with the fields of `choices.FIELDS`.
BY_CODE: dict[str, Callable[..., Entry]] = {
    function.__name__: function
    for function in (
        add_seat, answer, arbitrate, assign, cancel, claim, co_handle, copy, correct, decline, delegate, extend, jump,
        late_entry, merge, read, recall, release, release_child, remove_seat, reopen, resume, rule_extension,
        send_back, strike_off, supervise, suspend, terminate, transfer, urge, withdraw,
    )
}  # fmt: skip


def operate(
    actor: Actor, case_id: int, code: str, *, seat_id: int | None = None, opinion: str = "",
    data: dict[str, Any] | None = None, key: str = "",
) -> Entry:  # fmt: skip
    """Run an operation by its code; what it doesn't take is left out, what it lacks is asked for."""
    function = BY_CODE.get(code)
    if function is None:
        raise Invalid(f"没有“{code}”这项操作。")
    taken = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
    given = {"seat_id": seat_id, "opinion": opinion, **(data or {}), "key": key}
    needed = set(taken) - set(function.__kwdefaults__ or {}) - {"actor", "case_id"} - given.keys()
    if needed:
        raise Invalid("请填写必填项。", errors={name: ["请填写"] for name in sorted(needed)})
    return function(actor, case_id, **{name: value for name, value in given.items() if name in taken})
