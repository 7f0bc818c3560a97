"""Appointments: who serves on which post from when to when."""

from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.doors import row, rows
from yiwang.kernel.access.models import in_force
from yiwang.kernel.access.terms import ADMINISTRATORS
from yiwang.kernel.ledger.services import record
from yiwang.kernel.orgs.models import Post
from yiwang.kernel.people.models import Appointment, Person

SEPARATION = "三员分立（GB/T 22239-2019 第三级）"


def _require_may_staff(actor: Actor, post: Post, person_id: int, verb: str) -> None:
    """Business posts are staffed by the system administrator, administrators' posts by the security administrator."""
    resource = "access.administrator" if post.duty in ADMINISTRATORS else "people.appointment"
    actor.require(resource, verb)
    if not actor.system and person_id == actor.person_id:
        raise Refused("不能办理本人的任免，操作未执行。请由另一名管理员办理。", rule=SEPARATION)


def _facts(appointment: Appointment) -> dict[str, object]:
    return {
        "person": appointment.person_id, "post": appointment.post_id, "primary": appointment.primary,
        "valid_from": appointment.valid_from, "valid_until": appointment.valid_until,
    }  # fmt: skip


def _clash(person: Person, post: Post, error: IntegrityError) -> Refused:
    if "people_appointment_one_duty" in str(error):
        return Refused(
            f"“{person}”同期任职与“{post}”职责类别不同：管理员不得兼任业务或其他管理员岗位。", rule=SEPARATION
        )
    if "people_appointment_one_primary" in str(error):
        return Conflict(f"“{person}”在该期间已有主岗，请取消“主岗”或先调任。", rule="同期只有一个主岗")
    if "people_appointment_once" in str(error):
        return Conflict(f"“{person}”在该期间已任“{post}”，任职期间不能重叠。", rule="同岗任职不重叠")
    raise error


def appoint(
    actor: Actor,
    person_id: int,
    post_id: int,
    *,
    valid_from: date | None = None,
    valid_until: date | None = None,
    primary: bool | None = None,
    reason: str = "",
) -> Appointment:
    """Let a person serve on a post. `primary=None` makes it the primary post when there is no other then."""
    post: Post = row(actor, "orgs.post", post_id)
    _require_may_staff(actor, post, person_id, "add")
    person = Person.objects.filter(pk=person_id).first()
    if person is None or not person.active:
        raise Invalid("没有找到该在职人员，请先登记人员。", errors={"person": ["不是在职人员。"]})
    if not post.active:
        raise Invalid(f"岗位“{post}”已停用，不能任职。", errors={"post": ["已停用。"]})
    start = valid_from or timezone.localdate()
    if valid_until and valid_until < start:
        raise Invalid("免职日期不能早于任职日期。", errors={"valid_until": ["早于任职日期。"]})
    try:
        with transaction.atomic():
            Person.objects.select_for_update().get(pk=person_id)
            made = Appointment(person=person, post=post, duty=post.duty, valid_from=start, valid_until=valid_until)
            made.primary = _no_primary(made) if primary is None else primary
            made.save()
            _follow_posts(person_id)
            record(
                actor, "people.appointed", ("people.person", person_id), after=_facts(made), reason=reason,
                organisation_id=post.organisation_id,
            )  # fmt: skip
    except IntegrityError as error:
        raise _clash(person, post, error) from error
    return made


def _follow_posts(person_id: int | None = None) -> int:
    """Let people belong to the organisation of the primary post they hold today."""
    today = timezone.localdate()
    elsewhere = Q(person__organisation=None) | ~Q(person__organisation=F("post__organisation"))
    held = Appointment.objects.filter(in_force(today), elsewhere, primary=True)
    if person_id is not None:
        held = held.filter(person=person_id)
    moved = [
        Person(pk=item.person_id, organisation_id=item.post.organisation_id) for item in held.select_related("post")
    ]
    return Person.objects.bulk_update(moved, ["organisation"])


def _no_primary(made: Appointment) -> bool:
    others = Appointment.objects.filter(person=made.person_id, primary=True).exclude(valid_until__lt=made.valid_from)
    if made.valid_until:
        others = others.filter(valid_from__lte=made.valid_until)
    return not others.exists()


def dismiss(actor: Actor, appointment_id: int, *, on: date | None = None, reason: str) -> Appointment:
    """End an appointment: `on` is its last day, by default yesterday, so that it stops at once."""
    if not reason.strip():
        raise Invalid("免职须写明事由。", errors={"reason": ["此项必填。"]})
    with transaction.atomic():
        kept = (
            Appointment.objects.select_for_update(of=("self",)).select_related("post").filter(pk=appointment_id).first()
        )
        if kept is None or not rows(actor, "orgs.post").filter(pk=kept.post_id).exists():
            raise Refused("没有找到该任职，或它不在您的数据范围内。", rule="数据范围", code="absent")
        _require_may_staff(actor, kept.post, kept.person_id, "change")
        last = on or timezone.localdate() - timedelta(days=1)
        if kept.valid_until and kept.valid_until <= last:
            raise Conflict("该任职已经结束，无需再免职。")
        before, target = _facts(kept), ("people.person", kept.person_id)
        after: dict[str, object] = {**before, "valid_until": last}
        if last < kept.valid_from:
            after = {"cancelled": True}
            kept.delete()
        else:
            kept.valid_until = last
            kept.save(update_fields=["valid_until"])
        record(
            actor, "people.dismissed", target, before=before, after=after, reason=reason.strip(),
            organisation_id=kept.post.organisation_id,
        )  # fmt: skip
    return kept


def transfer(actor: Actor, appointment_id: int, post_id: int, *, on: date | None = None, reason: str) -> Appointment:
    """Dismiss from one post and appoint to another the next day, both or neither; `on` is the first day there."""
    first = on or timezone.localdate()
    with transaction.atomic():
        old = dismiss(actor, appointment_id, on=first - timedelta(days=1), reason=reason)
        return appoint(actor, old.person_id, post_id, valid_from=first, primary=old.primary, reason=reason)


def hand_over(
    actor: Actor, from_person_id: int, to_person_id: int, *, on: date | None = None, reason: str
) -> list[Appointment]:
    """One person takes over all posts of another from the day `on`; work stays with the posts, so it moves along."""
    first = on or timezone.localdate()
    with transaction.atomic():
        given = Appointment.objects.filter(in_force(first), person=from_person_id)
        held = set(Appointment.objects.filter(in_force(first), person=to_person_id).values_list("post_id", flat=True))
        taken = []
        for old in given:
            dismiss(actor, old.pk, on=first - timedelta(days=1), reason=reason)
            if old.post_id not in held:
                taken.append(appoint(actor, to_person_id, old.post_id, valid_from=first, reason=reason))
        if not given:
            raise Invalid("移交人在该日没有任职，无可移交。", errors={"person": ["没有任职。"]})
    return taken
