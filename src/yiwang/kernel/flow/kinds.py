"""What a domain says about the cases of its flow; the engine and the pages read it, nothing is patched in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.models import Case, Entry


@dataclass(frozen=True)
class Event:
    """An engine event in the transaction of its entry.

    name: open, close, enter:<stage>, leave:<stage>, act:<action>, op:<operation>, rung:<clock>:<rung>.
    """

    name: str
    case: Case
    entry: Entry
    actor: Actor


def _nothing(actor: Actor, record: Any) -> list[Any]:
    return []


def _as_written(actor: Actor, record: Any) -> Callable[[str], str]:
    return str


def _unasked(actor: Actor, record: Any, action: str) -> Mapping[str, Any]:
    return {}


def _unheard(event: Event) -> None:
    return None


@dataclass(frozen=True)
class CaseKind:
    """Cases of one flow. `verbs` run an action through the domain's own service before the engine's.

    resource: code of the access resource whose scope opens the case to non-participants; hidden: data fields
    the actor may not see (e.g. the identity of a reporter). `wording` says how free text of the case (opinions, causes,
    notes) reads for an actor; `links` are the domain's own pages of a case, as (label, address);
    `suggested` values stand in the form of an action when it opens, to be kept or changed.
    """

    flow: str
    resource: str
    model: type[Model]
    verbs: Mapping[str, Callable[..., Entry]] = field(default_factory=dict)
    sections: Callable[[Actor, Any], list[Any]] = _nothing
    hidden: Callable[[Actor, Any], Any] = _nothing
    wording: Callable[[Actor, Any], Callable[[str], str]] = _as_written
    links: Callable[[Actor, Any], Sequence[tuple[str, str]]] = _nothing
    suggested: Callable[[Actor, Any, str], Mapping[str, Any]] = _unasked
    on_event: Callable[[Event], None] = _unheard


_kinds: dict[str, CaseKind] = {}


def register_kind(kind: CaseKind) -> CaseKind:
    known = _kinds.get(kind.flow)
    if known is not None and known is not kind and known.model is not kind.model:
        raise ValueError(f"case kind of flow {kind.flow} declared twice")
    _kinds[kind.flow] = kind
    return kind


def kind_of(flow: str) -> CaseKind | None:
    return _kinds.get(flow)


def all_kinds() -> list[CaseKind]:
    return list(_kinds.values())


def record_of(case: Case) -> Any:
    """The domain's own record of the case, None for a flow without one."""
    kind = kind_of(case.flow)
    return kind.model._default_manager.filter(case_id=case.pk).first() if kind else None


def wording_of(actor: Actor, case: Case) -> Callable[[str], str]:
    """How free text of the case reads for the actor."""
    kind, record = kind_of(case.flow), record_of(case)
    return kind.wording(actor, record) if kind is not None and record is not None else str


def emit(event: Event) -> None:
    kind = _kinds.get(event.case.flow)
    if kind is not None:
        kind.on_event(event)
