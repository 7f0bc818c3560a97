"""State as a fold of entries: every fact an act changes is in its payload, so zero plus entries is the state."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from yiwang.kernel.crypto import keys
from yiwang.kernel.crypto.digests import mac, mac_matches
from yiwang.kernel.flow.models import Case, Entry, Seat

CASE_FIELDS = (
    "version_id", "title", "status", "stage", "round", "seats_made", "outcome", "organisation_id", "operator_id",
    "secrecy", "data", "memory", "opened_at", "closed_at",
)  # fmt: skip
SEAT_FIELDS = (
    "ref", "stage", "round", "kind", "state", "verdict", "post_id", "pool", "organisation_id", "person_id",
    "on_behalf_of_id", "weight", "counts", "mandatory", "lead", "after", "origin", "task", "fault",
    "opened_seq", "closed_seq", "opened_at", "closed_at", "read_at",
)  # fmt: skip
MOMENTS = frozenset({"opened_at", "closed_at", "read_at"})
MAPS = frozenset({"data", "memory"})

Facts = dict[str, Any]


@dataclass
class State:
    """What a case is at one moment; seats by number, clock commands in order."""

    case: Facts = field(default_factory=lambda: {name: {} for name in sorted(MAPS)})
    seats: dict[int, Facts] = field(default_factory=dict)
    clocks: list[Facts] = field(default_factory=list)
    seq: int = 0


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def case_facts(case: Case) -> Facts:
    facts = {name: plain(getattr(case, name)) for name in CASE_FIELDS}
    for name in MAPS:
        facts[name] = json.loads(json.dumps(facts[name], ensure_ascii=False))
    return facts


def seat_facts(seat: Seat) -> Facts:
    return {name: plain(getattr(seat, name)) for name in SEAT_FIELDS}


def restore(name: str, value: Any) -> Any:
    """A stored fact as the model field holds it."""
    return datetime.fromisoformat(value) if name in MOMENTS and isinstance(value, str) else value


def difference(old: Facts, new: Facts) -> Facts:
    """Changed facts only; in data and memory the changed keys, a removed key as {"-": [...]}."""
    changed: Facts = {}
    for name, value in new.items():
        if name in MAPS:
            before = old.get(name, {})
            parts = {key: part for key, part in value.items() if key not in before or before[key] != part}
            gone = sorted(before.keys() - value.keys())
            if parts or gone:
                changed[name] = {"+": parts, "-": gone}
        elif name not in old or old[name] != value:
            changed[name] = value
    return changed


def apply(state: State, payload: Facts, seq: int) -> State:
    """Fold one entry into the state."""
    for name, value in payload.get("case", {}).items():
        if name in MAPS:
            kept = {key: part for key, part in state.case.get(name, {}).items() if key not in value["-"]}
            state.case[name] = {**kept, **value["+"]}
        else:
            state.case[name] = value
    for ref, changed in payload.get("seats", {}).items():
        state.seats.setdefault(int(ref), {}).update(changed)
    state.clocks.extend(payload.get("clocks", ()))
    state.seq = seq
    return state


def fold(entries: Iterable[tuple[int, Facts]]) -> State:
    state = State()
    for seq, payload in entries:
        apply(state, payload, seq)
    return state


def replay(case_id: int, until: int | None = None) -> State:
    """The state of a case rebuilt from its entries alone, optionally as it was after entry `until`."""
    rows = Entry.objects.filter(case_id=case_id).order_by("seq")
    if until is not None:
        rows = rows.filter(seq__lte=until)
    return fold(rows.values_list("seq", "payload"))


def stored(case_id: int) -> State:
    """The state as the tables hold it, in the same form as `replay`, clocks apart (they are commands)."""
    case = Case.objects.get(pk=case_id)
    seats = {seat.ref: seat_facts(seat) for seat in Seat.objects.filter(case_id=case_id)}
    return State(case_facts(case), seats, [], case.seq)


ENTRY = keys.lasting("flow-entry")
SIGNED = ("case_id", "seq", "kind", "action", "stage", "person_id", "post_id", "organisation_id", "acting_for_id",
          "actor_name", "recorded_at", "happened_at", "opinion", "payload", "prev_hash")  # fmt: skip


def _signed_bytes(entry: Entry) -> bytes:
    facts = [plain(getattr(entry, name)) for name in SIGNED]
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def seal(entry: Entry) -> None:
    entry.hash = mac(_signed_bytes(entry), ENTRY)


def broken(case_id: int) -> list[str]:
    """Which entries were changed, removed or inserted behind the platform's back."""
    found, previous, expected = [], "", 1
    for entry in Entry.objects.filter(case_id=case_id).order_by("seq"):
        if entry.seq != expected:
            found.append(f"第 {expected} 条至第 {entry.seq - 1} 条缺失")
        elif entry.prev_hash != previous:
            found.append(f"第 {entry.seq} 条与前一条不相接")
        if not mac_matches(_signed_bytes(entry), entry.hash, ENTRY):
            found.append(f"第 {entry.seq} 条内容与摘要不符")
        previous, expected = entry.hash, entry.seq + 1
    head, seq = Case.objects.values_list("head", "seq").get(pk=case_id)
    if (head, seq) != (previous, expected - 1):
        found.append(f"案件记录止于第 {seq} 条，实有 {expected - 1} 条")
    return found
