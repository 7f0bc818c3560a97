"""People as such; what they may do comes from the posts they serve on."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.access.doors import row
from yiwang.kernel.ledger.services import record
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.names import pinyin


def _problems(facts: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong with the given facts of a person, by field."""
    found = {field: ["此项必填。"] for field in ("name", "staff_number") if not str(facts.get(field, "·")).strip()}
    phone, email = str(facts.get("phone", "")), str(facts.get("email", ""))
    digits = phone.replace("-", "").replace(" ", "").removeprefix("+")
    if phone and not (digits.isdecimal() and 3 <= len(digits) <= 15):
        found["phone"] = [f"电话“{phone}”只能是数字和连字符。"]
    try:
        if email:
            validate_email(email)
    except ValidationError:
        found["email"] = [f"邮箱“{email}”格式不对。"]
    return found


def create_person(
    actor: Actor, *, name: str, staff_number: str, phone: str = "", email: str = "", organisation_id: int | None = None
) -> Person:
    actor.require("people.person", "add")
    name, staff_number = name.strip(), staff_number.strip()
    errors = _problems({"name": name, "staff_number": staff_number, "phone": phone, "email": email})
    if staff_number and Person.objects.filter(staff_number=staff_number).exists():
        errors["staff_number"] = [f"工号“{staff_number}”已存在。"]
    if errors:
        raise Invalid("人员未保存，请改正标出的项目。", errors=errors)
    with transaction.atomic():
        made = Person.objects.create(
            name=name,
            pinyin=pinyin(name),
            staff_number=staff_number,
            phone=phone.strip(),
            email=email.strip(),
            organisation_id=organisation_id or actor.organisation_id,
        )
        after = {"name": name, "staff_number": staff_number}
        row(actor, "people.person", made.pk, "add")
        record(
            actor,
            "people.person.created",
            ("people.person", made.pk),
            after=after,
            organisation_id=made.organisation_id,
        )
    return made


def change_person(actor: Actor, person_id: int, *, reason: str = "", **changes: Any) -> Person:
    if unknown := set(changes) - {"name", "phone", "email", "active", "organisation_id"}:
        raise Invalid(f"这些项目不能这样修改：{'、'.join(sorted(unknown))}。")
    actor.require("people.person", "change")
    if errors := _problems(changes):
        raise Invalid("人员未保存，请改正标出的项目。", errors=errors)
    with transaction.atomic():
        row(actor, "people.person", person_id, "change")
        kept = Person.objects.select_for_update().get(pk=person_id)
        before = {field: getattr(kept, field) for field in changes}
        for field, value in changes.items():
            setattr(kept, field, value)
        kept.pinyin = pinyin(kept.name)
        kept.save(update_fields=[*changes, "pinyin"])
        row(actor, "people.person", person_id, "change")
        record(
            actor, "people.person.changed", ("people.person", person_id), before=before, after=changes, reason=reason
        )
    return kept
