"""People's decisions: append-only, in force until undone, applied at once and again at every rebuild."""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction

from yiwang.data.masters.models import Candidate, Decision, GoldenRecord, Library, Member
from yiwang.data.masters.services import grouping, libraries
from yiwang.data.masters.terms import CandidateState, DecisionKind
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.ledger.services import record

UID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RULE = "归一裁定须写明理由，可撤销"


def _reason(text: str) -> str:
    if len(text.strip()) < 2:
        raise Invalid(
            "没有写理由，裁定没有生效。请写明依据，例如核对了哪份材料。", errors={"reason": ["请写理由。"]}, rule=RULE
        )
    return text.strip()[:300]


def _decide(
    actor: Actor, library: Library, kind: str, left: Sequence[str], right: Sequence[str], reason: str,
    undoes: Decision | None = None, keeps: UUID | None = None,
) -> Decision:  # fmt: skip
    # Serialises with rebuilds and other decisions of the library.
    Library.objects.select_for_update().get(pk=library.pk)
    made = Decision.objects.create(
        library=library, kind=kind, left=list(left), right=list(right), undoes=undoes, keeps=keeps,
        reason=_reason(reason), organisation=library.organisation, created_by_id=actor.person_id, is_demo=library.is_demo,
    )  # fmt: skip
    record(
        actor,
        f"masters.{kind}",
        ("masters.decision", made.pk),
        after={"records": len(left) + len(right)} | ({"keeps": str(keeps)} if keeps else {}),
        reason=reason,
    )
    apply(library, [*left, *right])
    return made


def apply(library: Library, refs: Iterable[str]) -> list[GoldenRecord]:
    """Group anew everything that hangs together with these records, by matches, decisions or present membership."""
    wanted, frontier = set[str](), set(refs)
    while frontier:
        wanted |= frontier
        homes = Member.objects.filter(library=library, ref__in=frontier).exclude(golden=None).values("golden_id")
        near = set(Member.objects.filter(library=library, golden__in=homes).values_list("ref", flat=True))
        for links in Member.objects.filter(library=library, ref__in=frontier).values_list("links", flat=True):
            near |= {str(other) for other, *_ in links}
        for verdict in grouping.verdicts(library, frontier):
            near |= {*verdict.left, *verdict.right}
        frontier = near - wanted
    members = list(Member.objects.filter(library=library, ref__in=wanted).order_by("pk"))
    return grouping.regroup(grouping.shape_of(libraries.current_design(library)), members, full=False)


def settle(actor: Actor, candidate_id: int, *, same: bool, reason: str) -> Candidate:
    """The reviewer's word on a pair of the grey zone."""
    with transaction.atomic():
        held = (
            doors.rows(actor, "masters.candidate", "settle")
            .select_for_update(of=("self",))
            .filter(pk=candidate_id)
            .first()
        )
        if held is None:
            doors.row(actor, "masters.candidate", candidate_id, "settle")
            raise AssertionError("unreachable")
        if held.state != CandidateState.OPEN:
            raise Conflict("这一对已有裁定，没有重复办理。要更改请先撤销原裁定。", rule=RULE)
        kind = DecisionKind.MERGE if same else DecisionKind.SPLIT
        held.decision = _decide(actor, held.library, kind, [held.left], [held.right], reason)
        held.state = CandidateState.MERGED if same else CandidateState.APART
        held.save(update_fields=["decision", "state", "updated_at"])
    return held  # type: ignore[no-any-return]


def merge(actor: Actor, golden_id: int, other_uid: str, *, reason: str) -> Decision:
    """Two golden records are one entity: the first goes on, the other ends and leads to it until this is undone."""
    with transaction.atomic():
        one = doors.row(actor, "masters.golden", golden_id, "decide")
        same = doors.rows(actor, "masters.golden", "decide").filter(library=one.library, retired_at=None)
        other = same.filter(uid=other_uid).first() if UID.fullmatch(other_uid) else None
        if other is None or other.pk == one.pk:
            raise Invalid(
                "没有找到要合并的另一条主记录，没有合并。请核对主记录号。",
                errors={"other": ["没有这条主记录。"]},
                rule=RULE,
            )
        first = [each.members.order_by("pk").values_list("ref", flat=True)[0] for each in (one, other)]
        return _decide(actor, one.library, DecisionKind.MERGE, first[:1], first[1:], reason, keeps=one.uid)


def split(actor: Actor, golden_id: int, member_ids: Iterable[int], *, reason: str) -> Decision:
    """These member records are of another entity than the rest."""
    with transaction.atomic():
        golden = doors.row(actor, "masters.golden", golden_id, "decide")
        members = {member.pk: member.ref for member in golden.members.all()}
        out = {pk for pk in map(int, member_ids) if pk in members}
        if not out or len(out) == len(members):
            raise Invalid(
                "请选出属于另一个对象的记录：至少一条，且不能是全部。没有拆分。",
                errors={"members": ["请选择一部分。"]},
                rule=RULE,
            )
        left = [ref for pk, ref in members.items() if pk not in out]
        return _decide(actor, golden.library, DecisionKind.SPLIT, left, [members[pk] for pk in sorted(out)], reason)


def undo(actor: Actor, decision_id: int, *, reason: str) -> Decision:
    """A decision no longer counts; what it joined or held apart is as if it had never been made."""
    with transaction.atomic():
        held = doors.row(actor, "masters.decision", decision_id, "undo")
        if held.kind == DecisionKind.UNDO or Decision.objects.filter(undoes=held).exists():
            raise Conflict("这条裁定已撤销，或本身就是撤销，没有办理。需要时请重新裁定。", rule=RULE)
        made = _decide(actor, held.library, DecisionKind.UNDO, held.left, held.right, reason, held)
        Candidate.objects.filter(decision=held).update(state=CandidateState.OPEN, decision=None)
    return made
