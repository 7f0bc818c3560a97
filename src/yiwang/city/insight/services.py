"""研判：疑似重复、热点。机器出证据，人作认定。"""

from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from yiwang.city.insight import queries
from yiwang.city.insight.models import Member, RepeatFinding, Topic, TopicRun
from yiwang.city.insight.terms import Judgement
from yiwang.kernel.access.actors import Actor, Conflict, Refused
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.search import repeats, topics

REPEAT_WINDOW = timedelta(days=180)
# Below these the evidence is not worth an officer's minute; the finding itself is never a verdict.
LEAST_SIMILAR, LEAST_CONTAINED = 0.5, 0.6


def _window(since: date, until: date) -> tuple[datetime, datetime]:
    start = datetime.combine(since, time.min, CHINA)
    return start, datetime.combine(until, time.min, CHINA) + timedelta(days=1)


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
def find_repeats(actor: Actor, since: date, until: date) -> int:
    """Write evidence pairs for the requests received in a period of days against those of half a year before each;
    returns how many are new."""
    actor.require("insight.repeat", "find")
    start, stop = _window(since, until)
    source = queries.source()
    index, places = repeats.Index(), source.place_names()
    findings: list[RepeatFinding] = []
    for each in source.received(actor, start - REPEAT_WINDOW, stop):
        message = repeats.Message(each.id, f"{each.title} {each.text}", str(each.person), each.received_at)
        if each.received_at >= start:
            findings += [
                RepeatFinding(
                    request_id=each.id,
                    earlier_id=evidence.key,
                    same_person=evidence.same_person,
                    similarity=evidence.similarity,
                    evidence=_kept(evidence),
                )
                for evidence in index.ask(message, known_places=places)
                if evidence.similarity >= LEAST_SIMILAR or evidence.contained >= LEAST_CONTAINED
            ]
        index.add(message)
    before = RepeatFinding.objects.count()
    RepeatFinding.objects.bulk_create(findings, ignore_conflicts=True)
    return RepeatFinding.objects.count() - before


@transaction.atomic
def judge_repeat(actor: Actor, finding_id: int, *, confirmed: bool) -> RepeatFinding:
    """A person decides; a second, different judgement is refused, not overwritten."""
    actor.require("insight.repeat", "judge")
    finding = RepeatFinding.objects.select_for_update(of=("self",)).filter(pk=finding_id).first()
    if finding is None:
        raise Refused("没有找到这条疑似重复。请刷新后重试。", code="absent")
    pair = queries.pair(actor, finding)
    judgement = Judgement.CONFIRMED if confirmed else Judgement.REJECTED
    if finding.judgement == judgement:
        return finding
    if finding.judgement != Judgement.PENDING:
        raise Conflict(f"该疑似重复已由{finding.judged_by}{finding.get_judgement_display()}，未作更改。")
    finding.judgement, finding.judged_by_id, finding.judged_at = judgement, actor.person_id, timezone.now()
    finding.save(update_fields=["judgement", "judged_by", "judged_at"])
    ledger.record(
        actor, "insight.judge_repeat", ("insight.repeat", finding.pk),
        after={"request": pair.request.number, "earlier": pair.earlier.number, "judgement": judgement,
               "similarity": finding.similarity},
    )  # fmt: skip
    if confirmed:
        queries.source().confirm_repeat(actor, finding.request_id)
    return finding


@transaction.atomic
def compute_topics(actor: Actor, since: date, until: date) -> TopicRun:
    """Hot topics of a period. The formula is stored with the result; likes are shown apart, never in the heat."""
    actor.require("insight.topic", "run")
    start, stop = _window(since, until)
    found = queries.source().received(actor, start, stop)
    texts = [f"{each.title} {each.text}" for each in found]
    result = topics.clusters(
        texts, [each.received_at for each in found], [str(each.person) for each in found], now=stop
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
        Member.objects.bulk_create(Member(topic=topic, request_id=member.id) for member in members)
    ledger.record(
        actor, "insight.compute_topics", ("insight.topic", run.pk),
        after={"from": since.isoformat(), "until": until.isoformat(), "requests": len(found), "topics": len(result)},
    )  # fmt: skip
    return run


@transaction.atomic
def group(actor: Actor, ids: list[int], title: str, summary: str = "") -> None:
    """Requests of many people about one thing become one event, which their keeper makes and counts the people of."""
    actor.require("insight.topic", "run")
    queries.source().group(actor, ids, title, summary)
