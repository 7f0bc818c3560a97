"""更新周期：承诺何时更新、实际何时到；到期未到的催报，到了自动办结。"""

from datetime import datetime

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection.models import Due, Package, Reminder
from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.flow.terms import Status

DUE, REMINDER = "collection.due", "collection.reminder"


def arrived(package: Package, facts: catalog.ResourceFacts, at: datetime) -> None:
    """In the transaction of the publication: the promise is kept, late or not; open reminders close themselves."""
    if facts.due_at is not None:
        due, _ = Due.objects.get_or_create(
            resource_id=facts.id, due_at=facts.due_at, defaults=_common(facts) | {"resource_name": facts.name}
        )
        if due.arrived_at is None:
            due.arrived_at, due.on_time = at, at <= facts.due_at
            due.save(update_fields=["arrived_at", "on_time", "updated_at"])
    waiting = Reminder.objects.select_for_update(of=("self",)).select_related("case")
    for reminder in waiting.filter(resource_id=facts.id, closed_at=None):
        reminder.package, reminder.closed_at = package, at
        reminder.save(update_fields=["package", "closed_at", "updated_at"])
        if reminder.case.status != Status.CLOSED:
            flow.act(SYSTEM, reminder.case_id, "arrived", data={"package": package.number})


def _common(facts: catalog.ResourceFacts) -> dict[str, object]:
    return {"organisation_id": facts.organisation_id, "is_demo": facts.is_demo}


def remind(now: datetime, most: int | None = None) -> int:
    """One work order for every promise that was not kept, the longest late first; again opens no second one."""
    opened = 0
    for facts in catalog.late(SYSTEM, now)[:most]:
        with transaction.atomic():
            opened += _remind(facts)
    return opened


def _remind(facts: catalog.ResourceFacts) -> int:
    if facts.due_at is None or Reminder.objects.filter(resource_id=facts.id, due_at=facts.due_at).exists():
        return 0
    due, _ = Due.objects.get_or_create(
        resource_id=facts.id, due_at=facts.due_at, defaults=_common(facts) | {"resource_name": facts.name}
    )
    if due.on_time is None:
        due.on_time = False
        due.save(update_fields=["on_time", "updated_at"])
    case = flow.open_case(
        SYSTEM, REMINDER, f"“{facts.name}”到期未更新", organisation_id=facts.organisation_id,
        data={"resource": facts.id}, key=f"{REMINDER}:{facts.id}:{facts.due_at.isoformat()}"[:100], is_demo=facts.is_demo,
    )  # fmt: skip
    Reminder.objects.create(
        case=case, resource_id=facts.id, resource_code=facts.code, resource_name=facts.name, due_at=facts.due_at,
        **_common(facts),
    )  # fmt: skip
    return 1


def on_reminder(event: Event) -> None:
    """Only the arrival of data closes as 已更新; 本期无更新 closes the reminder as said."""
    if event.name == "act:arrived" and not event.actor.system:
        raise Refused("数据入库后由系统自动办结，不需要手工点选。请到数据报送页上传数据。", rule="凭入库办结")
    if event.name == "close":
        reminder = (
            Reminder.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk, closed_at=None).first()
        )
        if reminder is not None:
            reminder.closed_at = event.entry.happened_at
            reminder.save(update_fields=["closed_at", "updated_at"])
