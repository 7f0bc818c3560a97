"""业务对象、信息系统、承载关系。"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.data.masters.models import BusinessObject, Carrier, System
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.ledger.services import record


def carry(actor: Actor, data: dict[str, Any], *, is_demo: bool = False) -> Carrier:
    """Say which system carries an object; the first makes the object mapped, a new primary takes the old one's place."""
    subject, system = data["subject"], data["system"]
    with transaction.atomic():
        if not actor.system:
            doors.row(actor, "masters.object", subject.pk, "map")
        held = BusinessObject.objects.select_for_update().get(pk=subject.pk)
        place = {name: str(data.get(name) or "").strip() for name in ("resource_code", "table", "fields")}
        if not place["resource_code"] and not place["table"]:
            sentence = "请写明由哪项资源（资源代码）或哪张湖表承载，只写系统不能追溯到数据。"
            raise Invalid(sentence, errors={"resource_code": [sentence]}, rule="业务对象须落到资源")
        known = Carrier.objects.filter(
            subject=held, system=system, resource_code=place["resource_code"], table=place["table"]
        )
        if found := known.first():
            return found
        primary = bool(data.get("primary")) or not held.carriers.exists()
        if primary:
            held.carriers.filter(primary=True).update(primary=False)
        made = Carrier.objects.create(
            subject=held, system=system, primary=primary, organisation=held.organisation, created_by_id=actor.person_id,
            is_demo=is_demo, **place,
        )  # fmt: skip
        if held.mapped_at is None:
            held.mapped_at = timezone.now()
            held.save(update_fields=["mapped_at", "updated_at"])
        record(actor, "masters.carry", ("masters.object", held.pk), after={"system": system.code, **place})
    return made


def drop(actor: Actor, carrier_id: int, *, reason: str) -> None:
    """The system no longer carries the object."""
    with transaction.atomic():
        held: Carrier = doors.row(actor, "masters.carrier", carrier_id, "drop")
        subject = BusinessObject.objects.select_for_update().get(pk=held.subject_id)
        record(
            actor,
            "masters.drop_carrier",
            ("masters.object", subject.pk),
            before={"system": held.system.code},
            reason=reason,
        )
        held.delete()
        if not subject.carriers.exists():
            subject.mapped_at = None
            subject.save(update_fields=["mapped_at", "updated_at"])


def add_system(actor: Actor, *, code: str, name: str, organisation_id: int, is_demo: bool = False) -> System:
    """One system by code; the demonstration's way in."""
    made, fresh = System.objects.get_or_create(
        code=code,
        defaults={
            "name": name,
            "organisation_id": organisation_id,
            "created_by_id": actor.person_id,
            "is_demo": is_demo,
        },
    )
    if fresh:
        record(actor, "masters.add_system", ("masters.system", made.pk), after={"code": code, "name": name})
    return made


def add_object(
    actor: Actor, *, code: str, name: str, category: str, organisation_id: int, is_demo: bool = False
) -> BusinessObject:
    """One business object by code; the demonstration's way in."""
    made, fresh = BusinessObject.objects.get_or_create(
        code=code, defaults={"name": name, "category": category, "organisation_id": organisation_id,
                             "created_by_id": actor.person_id, "is_demo": is_demo},
    )  # fmt: skip
    if fresh:
        record(actor, "masters.add_object", ("masters.object", made.pk), after={"code": code, "name": name})
    return made
