"""无理由诉求认定：申请、结果。"""

from django.db import transaction
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Exclusion, Request
from yiwang.city.hotline.terms import ExclusionGround
from yiwang.kernel.access.actors import ANONYMOUS, Actor, Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.ledger import services as ledger


@transaction.atomic
def apply_exclusion(actor: Actor, request_id: int, *, ground: str, statement: str, key: str = "") -> Exclusion:
    """Ask for a 无理由诉求 finding; it is a case of its own with an appeal, and changes nothing until upheld."""
    actor.require("hotline.request", "exclude")
    request = queries.request(actor, request_id, "exclude")
    Request.objects.select_for_update().get(pk=request.pk)
    if not statement.strip():
        raise Invalid("请写明认定的事实与证据。", errors={"statement": ["必填"]})
    if ground not in ExclusionGround.values:
        raise Invalid("请从列表中选择认定理由。", errors={"ground": ["无此理由"]})
    if request.case.status != "closed":
        raise Refused("办结后才能申请无理由诉求认定。", rule="先办理、后认定", code="open")
    pending = request.exclusions.select_related("case").filter(upheld=None).first()
    taken = request.excluded or pending is not None
    if taken and not key:
        raise Refused("该诉求正在认定或已认定，不能重复申请。", code="duplicate")
    case = flow.open_case(
        actor, "hotline.exclusion", f"认定：{request.title}", organisation_id=request.organisation_id,
        data={"request": request.pk, "ground": ground}, key=key,
    )  # fmt: skip
    if key and (earlier := Exclusion.objects.filter(case=case).first()):
        return earlier
    if taken:
        raise Refused("该诉求正在认定或已认定，不能重复申请。", code="duplicate")
    exclusion = Exclusion.objects.create(
        case=case, request=request, ground=ground, statement=queries.reading(ANONYMOUS, request)(statement.strip()), organisation_id=request.organisation_id,
        created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(
        actor, "hotline.apply_exclusion", ("hotline.request", request.pk), after={"case": case.number, "ground": ground}
    )
    return exclusion


def on_exclusion(event: Event) -> None:
    """Only the final result touches the request; figures published before keep what they said."""
    if event.name not in ("close", "act:uphold", "act:dismiss"):
        return
    exclusion = Exclusion.objects.select_for_update().filter(case_id=event.case.pk).first()
    if exclusion is None:
        return
    if event.name != "close":
        if exclusion.created_by_id == event.entry.person_id:
            raise Refused("不能认定本人提出的申请。请由另一名热线负责人办理。", rule="申请与认定分离")
        return
    exclusion.upheld, exclusion.decided_at = event.case.outcome == "upheld", event.case.closed_at
    exclusion.save(update_fields=["upheld", "decided_at", "updated_at"])
    if exclusion.upheld:
        Request.objects.filter(pk=exclusion.request_id).update(excluded=True, excluded_at=timezone.now())
