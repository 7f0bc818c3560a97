"""研判读什么：诉求由来源按操作人的范围给出，已去掉诉求人；本领域只存证据和认定。"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from django.db.models import Count

from yiwang.city.insight.models import RepeatFinding, Topic, TopicRun
from yiwang.city.insight.terms import Judgement
from yiwang.kernel.access.actors import Actor, Refused

SHOWN, BATCH = 50, 200


@dataclass(frozen=True)
class Message:
    """One request as its source lets the actor read it: `text` holds no number and, of a report or a confidential
    request, nothing of the reporter. `person` tells within one answer who spoke twice; it is no mark of anybody and
    stands for another in the next answer."""

    id: int
    number: str
    title: str
    text: str
    person: int
    received_at: datetime
    likes: int
    url: str


@dataclass(frozen=True)
class Trouble:
    """A request that was hard to settle, and why. `repeats` is filled in here."""

    id: int
    number: str
    title: str
    organisation: str
    url: str
    reworked: int
    returned: int
    overdue: bool
    repeats: int = 0


@dataclass(frozen=True)
class Group:
    """Requests of several people about one thing: one event, so many people, so many work orders."""

    title: str
    people: int
    number: int
    url: str


@dataclass(frozen=True)
class Place:
    """Requests whose text names a place; `url` lists them. `tile`: column and row on the schematic map, if it has one."""

    name: str
    number: int
    url: str
    tile: tuple[int, int] | None = None


class Source(Protocol):
    """What the keeper of requests does for 研判, under its own rules of who may know what. Every verb refuses an actor
    who may not tell reporters apart; rows beyond the actor's scope are left out."""

    def received(self, actor: Actor, since: datetime, until: datetime) -> list[Message]:
        """Received in [since, until), in the order of receipt."""

    def known(self, actor: Actor, ids: Collection[int]) -> dict[int, Message]:
        """Those of these requests that the actor may read."""

    def hard(self, actor: Actor, most: int) -> list[Trouble]:
        """Reworked, returned, confirmed as repeats or overdue; hardest first."""

    def groups(self, actor: Actor, most: int) -> list[Group]:
        """Events, of most people first."""

    def places(self, actor: Actor, since: date, until: date) -> list[Place]:
        """Counts by place of a period of days, most first; tiles without any request last, with 0."""

    def place_names(self) -> tuple[str, ...]:
        """Divisions that a text may name."""

    def confirm_repeat(self, actor: Actor, request_id: int) -> None:
        """Note on the request that a person found it to repeat an earlier one."""

    def group(self, actor: Actor, ids: list[int], title: str, summary: str) -> None:
        """Make one event of these requests."""


_sources: list[Source] = []


def register_source(found: Source) -> None:
    if _sources and _sources[0] is not found:
        raise ValueError("the source of requests is declared twice")
    _sources[:] = [found]


def source() -> Source:
    return _sources[0]


@dataclass(frozen=True)
class Pair:
    """A suspected repeat with both requests as the actor may read them."""

    finding: RepeatFinding
    request: Message
    earlier: Message


def _batches(actor: Actor) -> Iterator[Pair]:
    """Pending findings, likeliest first, of which the actor may read both requests."""
    pending = RepeatFinding.objects.filter(judgement=Judgement.PENDING).order_by("-similarity", "pk")
    start = 0
    while found := list(pending[start : start + BATCH]):
        start += BATCH
        known = source().known(actor, {pk for each in found for pk in (each.request_id, each.earlier_id)})
        for each in found:
            if each.request_id in known and each.earlier_id in known:
                yield Pair(each, known[each.request_id], known[each.earlier_id])


def pending_repeats(actor: Actor, most: int = SHOWN) -> list[Pair]:
    actor.require("insight.repeat", "judge")
    return [pair for _, pair in zip(range(most), _batches(actor), strict=False)]


def pair(actor: Actor, finding: RepeatFinding) -> Pair:
    """The finding with its requests; refused like an absent one when either is out of the actor's scope."""
    known = source().known(actor, {finding.request_id, finding.earlier_id})
    if len(known) < 2:
        raise Refused("没有找到这条疑似重复，或诉求不在您的数据范围内。请刷新后重试。", code="absent")
    return Pair(finding, known[finding.request_id], known[finding.earlier_id])


def hard_cases(actor: Actor, most: int = SHOWN) -> list[Trouble]:
    """疑难诉求：重办、退单、认定重复或办理超期未结者，连同认定重复的次数。"""
    actor.require("insight.repeat", "judge")
    found = source().hard(actor, most)
    confirmed = RepeatFinding.objects.filter(
        request_id__in=[each.id for each in found], judgement=Judgement.CONFIRMED
    ).order_by()
    repeats = dict(confirmed.values_list("request_id").annotate(number=Count("pk")))
    return [Trouble(**{**vars(each), "repeats": repeats.get(each.id, 0)}) for each in found]


def groups(actor: Actor, most: int = SHOWN) -> list[Group]:
    actor.require("insight.repeat", "judge")
    return source().groups(actor, most)


def places(actor: Actor, since: date, until: date) -> list[Place]:
    actor.require("insight.repeat", "judge")
    return source().places(actor, since, until)


@dataclass(frozen=True)
class HotTopic:
    topic: Topic
    requests: list[Message]


@dataclass(frozen=True)
class Topics:
    """A run and its topics, hottest first, each with those of its requests that the actor may read."""

    run: TopicRun
    topics: list[HotTopic]


def latest_topics(actor: Actor, most: int = 30) -> Topics | None:
    actor.require("insight.topic", "run")
    run = TopicRun.objects.first()
    if run is None:
        return None
    topics = list(run.topics.prefetch_related("members")[:most])
    known = source().known(actor, {member.request_id for topic in topics for member in topic.members.all()})
    shown = []
    for topic in topics:
        requests = [known[member.request_id] for member in topic.members.all() if member.request_id in known]
        shown.append(HotTopic(topic, sorted(requests, key=lambda each: (each.received_at, each.id))))
    return Topics(run, shown)
