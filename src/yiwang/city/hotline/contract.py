"""给研判的唯一入口。能不能知道诉求人，只在这里判断：研判看得出哪些诉求出自同一人，所以只向可查看诉求人的热线人员开放；
交出去的是已隐去号码和举报人的文字，同一人只用本次回答里的序号表示，称呼、电话、标识一概不出这扇门。"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services import grouping
from yiwang.city.hotline.terms import TILES
from yiwang.city.insight.contract import Group, Message, Place, Trouble
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.clocks.terms import ClockStatus

NOWHERE = "未注明"
REGISTER = "/r/hotline.request/"


def _requests(actor: Actor) -> QuerySet[Request]:
    """The requests in the actor's scope, for who may tell reporters apart; a handling unit never may."""
    actor.require("hotline.reporter", "view")
    return queries.requests(actor)


def _messages(found: Iterable[Request]) -> list[Message]:
    people: dict[str, int] = {}
    return [
        Message(
            each.pk, each.number, each.title, each.content, people.setdefault(each.identity, len(people)),
            each.received_at, each.likes, reverse("case", args=[each.case_id]),
        )
        for each in found
    ]  # fmt: skip


def received(actor: Actor, since: datetime, until: datetime) -> list[Message]:
    found = _requests(actor).filter(received_at__gte=since, received_at__lt=until)
    return _messages(found.order_by("received_at", "pk"))


def known(actor: Actor, ids: Collection[int]) -> dict[int, Message]:
    return {each.id: each for each in _messages(_requests(actor).filter(pk__in=ids))}


def hard(actor: Actor, most: int) -> list[Trouble]:
    late = Clock.objects.filter(
        case_id=OuterRef("case_id"), code="handle", status=ClockStatus.RUNNING, due_at__lt=timezone.now()
    )
    found = _requests(actor).annotate(overdue=Exists(late)).select_related("organisation")
    troubled = Q(rework_count__gte=1) | Q(decline_count__gte=1) | Q(repeated=True) | Q(overdue=True)
    return [
        Trouble(
            each.pk, each.number, each.title, str(each.organisation), reverse("case", args=[each.case_id]),
            each.rework_count, each.decline_count, each.overdue,
        )
        for each in found.filter(troubled).order_by("-rework_count", "-decline_count", "-received_at")[:most]
    ]  # fmt: skip


def groups(actor: Actor, most: int) -> list[Group]:
    actor.require("hotline.reporter", "view")
    found: QuerySet[Any] = queries.events(actor)[:most]
    return [Group(each.title, each.people, each.number, f"{REGISTER}?event={each.pk}") for each in found]


def places(actor: Actor, since: date, until: date) -> list[Place]:
    start, last = (datetime.combine(day, time.min, CHINA) for day in (since, until))
    found = _requests(actor).filter(received_at__gte=start, received_at__lt=last + timedelta(days=1))
    rows = found.values_list("district").annotate(number=Count("pk")).order_by("-number", "district")
    period = {"received_at.from": since.isoformat(), "received_at.to": until.isoformat()}
    counted = [
        Place(name, number, f"{REGISTER}?{urlencode({'district': name, **period})}", TILES.get(name))
        if name else Place(NOWHERE, number, "")
        for name, number in rows
    ]  # fmt: skip
    named = {each.name for each in counted}
    return [*counted, *(Place(name, 0, "", tile) for name, tile in TILES.items() if name not in named)]


def place_names() -> tuple[str, ...]:
    return queries.known_places()


def confirm_repeat(actor: Actor, request_id: int) -> None:
    actor.require("hotline.reporter", "view")
    grouping.confirm_repeat(actor, request_id)


def group(actor: Actor, ids: list[int], title: str, summary: str) -> None:
    actor.require("hotline.reporter", "view")
    grouping.group_event(actor, ids, title, summary)
