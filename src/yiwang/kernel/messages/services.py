"""Notify, send, mark as read. Everything promised is a row of the caller's transaction; sending comes after."""

import logging
import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.crypto import encrypt, mac
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.messages.adapters import Outgoing, Undeliverable, adapter
from yiwang.kernel.messages.models import ADDRESS, Delivery, Message, Preference
from yiwang.kernel.people.limits import Limit
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.services.throttle import reserve

logger = logging.getLogger(__name__)
BATCH, LEASE = 50, timedelta(minutes=2)
ATTEMPTS, BACKOFF, BACKOFF_LIMIT = 8, timedelta(seconds=10), timedelta(minutes=30)
FIELDS = {"sms": "phone", "mail": "email"}
OUTSIDE = Limit("messages", 30, 60)
MANY = ("还有多条同类消息", "一小时内同类消息较多，不再逐条发送。请登录平台，在“消息”和“待办”中查看。")


def notify(
    person_ids: Iterable[int],
    title: str,
    body: str,
    *,
    url: str = "",
    kind: str = "",
    dedup: str = "",
    thread: str = "",
) -> None:
    """A message in the platform for each person, and one in the outbox for each channel the person takes.

    With a `dedup` id a repeated call adds nothing. Messages of one `thread` (say "case:17") reach a person in order.
    """
    dedup = dedup or uuid.uuid4().hex
    people = list(Person.objects.filter(pk__in=set(person_ids)).order_by("pk"))
    wanted = _channels(people, kind)
    messages = [
        Message(person=person, title=_one_line(title), body=body, url=url, kind=kind, dedup=dedup) for person in people
    ]
    with transaction.atomic():
        Message.objects.bulk_create(messages, ignore_conflicts=True)
        deliveries = [
            _outside(person, channel, address, kind, _delivery(channel, address, title, body, f"{dedup}:{channel}:{person.pk}", thread))
            for person in people
            for channel in wanted[person.pk]
            if (address := getattr(person, FIELDS.get(channel, ""), ""))
        ]  # fmt: skip
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)


def _outside(person: Person, channel: str, address: str, kind: str, said: Delivery) -> Delivery:
    """The message itself, or past the limit one word for all that follow: what was imported by the thousand must not
    ring a telephone by the thousand. Inside the platform every message is there."""
    until = reserve(OUTSIDE, f"{channel}:{person.pk}:{kind}")
    if until is None:
        return said
    return _delivery(channel, address, MANY[0], MANY[1], f"many:{channel}:{person.pk}:{kind}:{until.isoformat()}", "")


def send(channel: str, address: str, title: str, body: str, *, dedup: str = "", thread: str = "") -> None:
    """A message to somebody without an account, for example a caller."""
    if channel not in settings.MESSAGE_CHANNELS:
        raise Invalid(f"渠道“{channel}”未配置，消息未登记。", rule="消息渠道")
    made = _delivery(channel, address, title, body, dedup or uuid.uuid4().hex, thread)
    Delivery.objects.bulk_create([made], ignore_conflicts=True)


def _one_line(title: str) -> str:
    """A line break in a mail's subject would be a header of the sender's choosing."""
    return " ".join(title.split())[:200]


def _delivery(channel: str, address: str, title: str, body: str, dedup: str, thread: str) -> Delivery:
    lane = f"{thread}|{channel}|{mac(address.encode(), 'message-lane')[:16]}" if thread else ""
    return Delivery(
        dedup=dedup,
        channel=channel,
        address=encrypt(address, ADDRESS),
        lane=lane,
        title=_one_line(title),
        body=body,
        next_at=timezone.now(),
    )


def _channels(people: list[Person], kind: str) -> dict[int, list[str]]:
    """Per person: the site's default, overruled by the person's choice for all kinds, then for this kind."""
    choices = {
        (found.person_id, found.channel, found.kind): found.enabled
        for found in Preference.objects.filter(person__in=people, kind__in=["", kind])
    }

    def takes(person: Person, channel: str) -> bool:
        usual = choices.get((person.pk, channel, ""), channel in settings.MESSAGE_DEFAULT_CHANNELS)
        return choices.get((person.pk, channel, kind), usual)

    return {person.pk: [name for name in settings.MESSAGE_CHANNELS if takes(person, name)] for person in people}


def deliver(limit: int = BATCH) -> int:
    """Send what is due. Killed between sending and noting it, a message goes again under the same id."""
    batch = _claim(limit)
    for delivery in batch:
        try:
            outgoing = Outgoing(delivery.dedup, delivery.channel, delivery.clear_address, delivery.title, delivery.body)
            adapter(delivery.channel).send(outgoing)
        except Undeliverable as error:
            _note_failure(delivery, str(error), last=True)
        except Exception as error:
            logger.exception("delivery %d by %s failed", delivery.pk, delivery.channel)
            _note_failure(delivery, f"{type(error).__name__}：{error}", last=delivery.attempts >= ATTEMPTS)
        else:
            _mine(delivery).update(state=Delivery.State.SENT, sent_at=timezone.now(), error="")
    return len(batch)


def _claim(limit: int) -> list[Delivery]:
    """Lease due deliveries, only the first of each lane, each to one worker."""
    now = timezone.now()
    earlier = Delivery.objects.filter(lane=OuterRef("lane"), pk__lt=OuterRef("pk"), state=Delivery.State.WAITING)
    with transaction.atomic():
        batch = list(
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=Delivery.State.WAITING, next_at__lte=now)
            .filter(Q(lane="") | ~Exists(earlier))
            .order_by("id")[:limit]
        )
        for delivery in batch:
            delivery.attempts += 1
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in batch]).update(
            attempts=F("attempts") + 1, next_at=now + LEASE
        )
    return batch


def _mine(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, state=Delivery.State.WAITING)


def _note_failure(delivery: Delivery, error: str, *, last: bool) -> None:
    if last:
        logger.error("delivery %d parked after %d attempts", delivery.pk, delivery.attempts)
        _mine(delivery).update(state=Delivery.State.PARKED, error=error[:300])
        return
    pause = min(BACKOFF * 2 ** (delivery.attempts - 1), BACKOFF_LIMIT)
    _mine(delivery).update(next_at=timezone.now() + pause, error=error[:300])


def send_again(actor: Actor, delivery_ids: Iterable[int]) -> int:
    """Parked deliveries go out again, after the cause was removed."""
    if not (actor.system or Duty.SYSTEM in actor.duties):
        raise Refused("重发搁置消息只限系统管理员，未执行。", rule="三员分立")
    with transaction.atomic():
        parked = Delivery.objects.select_for_update().filter(pk__in=list(delivery_ids), state=Delivery.State.PARKED)
        found = sorted(parked.values_list("pk", flat=True))
        Delivery.objects.filter(pk__in=found).update(state=Delivery.State.WAITING, attempts=0, next_at=timezone.now())
        for pk in found:
            ledger.record(actor, "messages.delivery.retry", ("messages.delivery", pk))
    return len(found)


def mark_read(actor: Actor, message_ids: Iterable[int] | None = None) -> int:
    """The actor's own messages, all unread ones when no ids are given."""
    if actor.person_id is None:
        return 0
    unread = Message.objects.filter(person_id=actor.person_id, read_at=None)
    if message_ids is not None:
        unread = unread.filter(pk__in=list(message_ids))
    return unread.update(read_at=timezone.now())


def prefer(actor: Actor, channel: str, enabled: bool, *, kind: str = "") -> None:
    """The actor takes messages of a kind (or of every kind) by a channel, or not."""
    if channel not in settings.MESSAGE_CHANNELS:
        raise Invalid(f"没有“{channel}”这个消息渠道，偏好未保存。", errors={"channel": ["渠道不存在"]})
    if actor.person_id is None:
        raise Refused("请先登录再设置消息偏好。", rule="消息偏好属于个人")
    Preference.objects.update_or_create(
        person_id=actor.person_id, kind=kind, channel=channel, defaults={"enabled": enabled}
    )
