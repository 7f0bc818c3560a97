"""归为群体诉求、认定重复：研判得出的结论落到诉求上。"""

from collections.abc import Sequence

from django.db import transaction

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Event, Request
from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.crypto.masks import mask_text
from yiwang.kernel.ledger import services as ledger


@transaction.atomic
def confirm_repeat(actor: Actor, request_id: int) -> None:
    """A person found the request to repeat an earlier one; it counts in the repeat rate from now on."""
    found = queries.request(actor, request_id)
    if Request.objects.filter(pk=found.pk, repeated=False).update(repeated=True):
        ledger.record(actor, "hotline.judge_repeat", ("hotline.request", found.pk), after={"repeated": True})


@transaction.atomic
def group_event(actor: Actor, request_ids: Sequence[int], title: str, summary: str = "") -> Event:
    """Requests of many people about one thing become one event; each keeps its number and its own clock."""
    actor.require("hotline.event", "add")
    found = list(queries.requests(actor).filter(pk__in=request_ids).select_for_update(of=("self",)))
    if not found or len(found) != len(set(request_ids)):
        raise Invalid("没有勾选诉求，或有诉求不存在、不在您的数据范围内，未建立群体诉求。")
    grouped = sorted(each.number for each in found if each.event_id is not None)
    if grouped:
        raise Conflict(f"{'、'.join(grouped[:5])} 已归入群体诉求，未重复建立。请去掉后重试。")
    people = {each.identity for each in found}
    if len(people) < 2:
        raise Invalid("群体诉求须有两名以上诉求人；同一人的多件诉求请按重复诉求研判。")
    if not title.strip():
        raise Invalid("请填写事件名称。", errors={"title": ["必填"]})
    event = Event.objects.create(
        title=mask_text(title.strip()),
        summary=mask_text(summary),
        organisation_id=found[0].organisation_id,
        created_by_id=actor.person_id,
    )
    Request.objects.filter(pk__in=[each.pk for each in found]).update(event=event)
    ledger.record(
        actor, "hotline.group_event", ("hotline.event", event.pk),
        after={"title": event.title, "requests": [each.number for each in found], "people": len(people)},
    )  # fmt: skip
    return event
