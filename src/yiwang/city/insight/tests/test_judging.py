"""研判的每一种认定：重复、群体、热点、疑难、地点。"""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from yiwang.city.hotline.models import Event, Request
from yiwang.city.hotline.tests.world import World
from yiwang.city.insight import queries, services
from yiwang.city.insight.models import Member, RepeatFinding, Topic
from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.measures import queries as measures
from yiwang.kernel.measures.periods import year_of
from yiwang.kernel.search.topics import HEAT_FORMULA

TEXT = "望江街道锦绣家园旁华丰工地凌晨一点还在打桩施工，噪音很大，整个小区都睡不着，请查处"


def period() -> tuple[date, date]:
    today = timezone.localdate()
    return today - timedelta(days=1), today


def repeated(world: World) -> tuple[Request, Request, RepeatFinding]:
    first = world.request(title="工地夜间施工噪音", content=TEXT)
    second = world.request(title="工地夜间施工噪音", content=TEXT + "。上次反映后没有解决")
    assert services.find_repeats(world["dispatcher"], *period()) == 1
    return first, second, RepeatFinding.objects.get()


def test_疑似重复由人认定_改判冲突(world: World) -> None:
    first, second, found = repeated(world)
    assert services.find_repeats(world["dispatcher"], *period()) == 0, "再找一次不重复写"
    assert (found.request_id, found.earlier_id, found.same_person) == (second.pk, first.pk, True)
    assert found.evidence["passages"]
    [pair] = queries.pending_repeats(world["dispatcher"])
    assert (pair.request.number, pair.earlier.number) == (second.number, first.number)
    with pytest.raises(Refused):
        services.judge_repeat(world["operator"], found.pk, confirmed=True)
    services.judge_repeat(world["dispatcher"], found.pk, confirmed=True)
    services.judge_repeat(world["manager"], found.pk, confirmed=True)
    with pytest.raises(Conflict, match="认定"):
        services.judge_repeat(world["manager"], found.pk, confirmed=False)
    assert not queries.pending_repeats(world["dispatcher"])
    [hard] = queries.hard_cases(world["manager"])
    assert (hard.id, hard.repeats, hard.overdue) == (second.pk, 1, False)


def test_认定落到诉求和重复诉求率_排除的不落(world: World) -> None:
    _, second, found = repeated(world)
    world.request(title="工地夜间施工噪音", content=TEXT + "。还是老样子", phone="13900001111")
    services.find_repeats(world["dispatcher"], *period())
    others = RepeatFinding.objects.exclude(pk=found.pk)
    assert others and not any(each.same_person for each in others)
    for each in others:
        services.judge_repeat(world["manager"], each.pk, confirmed=False)
    assert not Request.objects.filter(repeated=True).exists()
    services.judge_repeat(world["manager"], found.pk, confirmed=True)
    assert list(Request.objects.filter(repeated=True)) == [second]
    figure = measures.value(world["manager"], "hotline.repeated", year_of(timezone.localdate().year))
    assert (figure.numerator, figure.denominator) == (1, 3)
    told = Entry.objects.filter(action__in=("insight.judge_repeat", "hotline.judge_repeat"))
    assert told.filter(target_kind="hotline.request", target_id=str(second.pk)).count() == 1
    assert told.filter(target_kind="insight.repeat").count() == 1 + len(others)


def test_半年以前的不比_更早的补录仍比到后来的(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    world.request(title="工地夜间施工噪音", content=TEXT, received_at=long_ago)
    world.request(title="工地夜间施工噪音", content=TEXT)
    assert services.find_repeats(world["dispatcher"], *period()) == 0
    world.request(title="工地夜间施工噪音", content=TEXT, received_at=timezone.now() - timedelta(days=90))
    assert services.find_repeats(world["dispatcher"], *period()) == 1


def test_群体诉求计人不计件(world: World) -> None:
    made = [world.request(phone=phone) for phone in ("13812345678", "13812345678", "13912345678")]
    with pytest.raises(Invalid, match="两名以上"):
        services.group(world["dispatcher"], [made[0].pk, made[1].pk], "路灯")
    with pytest.raises(Invalid, match="没有勾选"):
        services.group(world["dispatcher"], [], "路灯")
    services.group(world["dispatcher"], [each.pk for each in made], "解放路路灯不亮，联系13812345678")
    [counted] = queries.groups(world["dispatcher"])
    assert (counted.people, counted.number) == (2, 3) and "13812345678" not in counted.title
    with pytest.raises(Conflict, match="已归入"):
        services.group(world["dispatcher"], [each.pk for each in made], "解放路路灯不亮")
    assert Event.objects.count() == 1


def test_热点写下公式和人数_地点计数(world: World) -> None:
    for number in range(4):
        world.request(
            title="望江街道路灯不亮", content="解放路路灯三天不亮，夜间行走危险", phone=f"138123456{number % 2}8"
        )
    today = timezone.localdate()
    assert queries.latest_topics(world["manager"]) is None
    run = services.compute_topics(world["manager"], today, today)
    assert run.formula == HEAT_FORMULA and run.request_count == 4
    topic = Topic.objects.get()
    assert topic.people == 2 and Member.objects.filter(topic=topic).count() == 4
    latest = queries.latest_topics(world["manager"])
    assert latest and [len(each.requests) for each in latest.topics] == [4]
    counted = [each for each in queries.places(world["manager"], today, today) if each.number]
    assert [(each.name, each.number) for each in counted] == [("望江街道", 4)]


def test_超期未结列入疑难(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=60)
    request = world.dispatch(world.request(received_at=long_ago), at=long_ago)
    assert [(each.id, each.overdue, each.repeats) for each in queries.hard_cases(world["manager"])] == [
        (request.pk, True, 0)
    ]
