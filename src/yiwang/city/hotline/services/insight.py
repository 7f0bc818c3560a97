"""研判：疑似重复、群体诉求、热点。机器出证据，人作认定。"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Event, RepeatFinding, Request, Topic, TopicRun
from yiwang.city.hotline.terms import Judgement
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto.masks import mask_text
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.search import repeats, topics

SHANGHAI = ZoneInfo("Asia/Shanghai")
REPEAT_WINDOW = timedelta(days=180)
# Below these the evidence is not worth an officer's minute; the finding itself is never a verdict.
LEAST_SIMILAR, LEAST_CONTAINED = 0.5, 0.6


def window(since: date, until: date) -> tuple[datetime, datetime]:
    start = datetime.combine(since, time.min, SHANGHAI)
    return start, datetime.combine(until, time.min, SHANGHAI) + timedelta(days=1)


def _kept(evidence: repeats.Evidence) -> dict[str, object]:
    """What the officer is shown: shared passages and places, what is new, how far apart in time."""
    return {
        "passages": list(evidence.passages[:5]),
        "places": list(evidence.places),
        "news": list(evidence.news[:10]),
        "contained": round(evidence.contained, 3),
        "days": evidence.gap.days,
    }


@transaction.atomic
def find_repeats(actor: Actor, found: Iterable[Request]) -> int:
    """Write evidence pairs for these requests against earlier ones; returns how many are new."""
    actor.require("hotline.repeat", "find")
    wanted = sorted(found, key=lambda each: (each.received_at, each.pk))
    if not wanted:
        return 0
    oldest = wanted[0].received_at - REPEAT_WINDOW
    pool = list(queries.requests(actor).filter(received_at__gte=oldest).order_by("received_at", "pk"))
    by_id, known, asked = {each.pk: each for each in pool}, queries.known_places(), {each.pk for each in wanted}
    index = repeats.Index()
    findings: list[RepeatFinding] = []
    for request in pool:
        message = repeats.Message(
            request.pk, f"{request.title} {request.content}", request.identity, request.received_at
        )
        if request.pk not in asked:
            index.add(message)
            continue
        findings += [
            RepeatFinding(
                request=request,
                earlier=by_id[evidence.key],
                same_person=evidence.same_person,
                similarity=evidence.similarity,
                evidence=_kept(evidence),
            )
            for evidence in index.ask(message, known_places=known)
            if evidence.similarity >= LEAST_SIMILAR or evidence.contained >= LEAST_CONTAINED
        ]
        index.add(message)
    before = RepeatFinding.objects.count()
    RepeatFinding.objects.bulk_create(findings, ignore_conflicts=True)
    return RepeatFinding.objects.count() - before


@transaction.atomic
def judge_repeat(actor: Actor, finding_id: int, *, confirmed: bool) -> RepeatFinding:
    """A person decides; a second, different judgement is refused, not overwritten."""
    actor.require("hotline.repeat", "judge")
    finding = (
        RepeatFinding.objects.select_for_update(of=("self",))
        .select_related("request", "earlier")
        .filter(pk=finding_id)
        .first()
    )
    if finding is None:
        raise Refused("没有找到这条疑似重复。请刷新后重试。", code="absent")
    queries.request(actor, finding.request_id)
    judgement = Judgement.CONFIRMED if confirmed else Judgement.REJECTED
    if finding.judgement == judgement:
        return finding
    if finding.judgement != Judgement.PENDING:
        raise Conflict(f"该疑似重复已由{finding.judged_by}{finding.get_judgement_display()}，未作更改。")
    finding.judgement, finding.judged_by_id, finding.judged_at = judgement, actor.person_id, timezone.now()
    finding.save(update_fields=["judgement", "judged_by", "judged_at"])
    ledger.record(
        actor, "hotline.judge_repeat", ("hotline.request", finding.request_id),
        after={"earlier": finding.earlier.number, "judgement": judgement, "similarity": finding.similarity},
    )  # fmt: skip
    return finding


@transaction.atomic
def group_event(actor: Actor, request_ids: list[int], title: str, summary: str = "") -> Event:
    """Requests of many people about one thing become one event; each keeps its number and its own clock."""
    actor.require("hotline.event", "add")
    found = list(queries.requests(actor).filter(pk__in=request_ids).select_for_update(of=("self",)))
    if len(found) != len(set(request_ids)):
        raise Invalid("有诉求不存在或不在您的数据范围内，未建立群体诉求。")
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


@transaction.atomic
def compute_topics(actor: Actor, since: date, until: date) -> TopicRun:
    """Hot topics of a period. The formula is stored with the result; likes are shown apart, never in the heat."""
    actor.require("hotline.topic", "run")
    start, stop = window(since, until)
    found = list(queries.requests(actor).filter(received_at__gte=start, received_at__lt=stop).order_by("pk"))
    result = topics.clusters(
        queries.texts(found), [each.received_at for each in found], [each.identity for each in found], now=stop
    )
    run = TopicRun.objects.create(
        period_from=since,
        period_until=until,
        formula=topics.HEAT_FORMULA,
        parameters={"half_life_days": topics.HALF_LIFE_DAYS, "cohesion": topics.COHESION},
        request_count=len(found),
    )
    for each in result:
        members = [found[position] for position in each.members]
        topic = Topic.objects.create(
            run=run,
            label=found[each.typical].title,
            terms="、".join(each.terms)[:200],
            heat=each.heat,
            people=each.people,
            likes=sum(member.likes for member in members),
            first_at=each.first,
            last_at=each.last,
        )
        topic.requests.set(members)
    ledger.record(
        actor, "hotline.compute_topics", ("hotline.topic_run", run.pk),
        after={"from": since.isoformat(), "until": until.isoformat(), "requests": len(found), "topics": len(result)},
    )  # fmt: skip
    return run
