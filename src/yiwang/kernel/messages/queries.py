"""Reading messages: everybody their own, and the outbox for who runs the platform."""

from django.conf import settings
from django.db.models import QuerySet

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.messages.models import Delivery, Message, Preference


def own(actor: Actor) -> QuerySet[Message]:
    return Message.objects.filter(person_id=actor.person_id) if actor.person_id else Message.objects.none()


def unread(actor: Actor) -> QuerySet[Message]:
    return unread_of(actor.person_id)


def unread_of(person_id: int | None) -> QuerySet[Message]:
    return Message.objects.filter(person_id=person_id, read_at=None) if person_id else Message.objects.none()


def preferences(actor: Actor) -> dict[tuple[str, str], bool]:
    """(kind, channel) → takes it, as far as the actor chose."""
    if actor.person_id is None:
        return {}
    return {
        (found.kind, found.channel): found.enabled for found in Preference.objects.filter(person_id=actor.person_id)
    }


def channels(actor: Actor) -> dict[str, bool]:
    """Channel of the site → whether the actor's messages of every kind go out by it."""
    chosen = preferences(actor)
    usual = settings.MESSAGE_DEFAULT_CHANNELS
    return {name: chosen.get(("", name), name in usual) for name in settings.MESSAGE_CHANNELS}


def outbox(actor: Actor) -> QuerySet[Delivery]:
    """Waiting, sent and parked deliveries; show addresses masked."""
    if not (actor.system or Duty.SYSTEM in actor.duties):
        raise Refused("查看发件箱只限系统管理员。", rule="三员分立")
    return Delivery.objects.all()


def parked() -> int:
    """Deliveries given up on, for the health page."""
    return Delivery.objects.filter(state=Delivery.State.PARKED).count()
