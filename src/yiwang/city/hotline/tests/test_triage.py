"""分类建议、改判、训练与成批派单；研判的每一种认定。"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import RepeatFinding, Request, TriageDecision, TriageModel
from yiwang.city.hotline.services import handling, insight, triage
from yiwang.city.hotline.tests.world import World
from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.search.topics import HEAT_FORMULA

BODIES = {
    "城乡建设": "物业电梯停运业主反映第{n}栋小区楼道灯坏了路面井盖维修",
    "环境保护": "工地夜间施工噪音扬尘第{n}次扰民渣土车污染空气",
}


def lines(count: int = 120) -> tuple[list[str], list[str]]:
    pairs = [(body.format(n=n), label) for n in range(count) for label, body in BODIES.items()]
    return [body for body, _ in pairs], [label for _, label in pairs]


def groups(count: int = 120) -> list[int]:
    return [n // 2 for n in range(count * 2)]


@pytest.fixture(scope="module")
def first(district: World, django_db_blocker: Any) -> TriageModel:
    """One training for the tests that need a model: it is what costs."""
    with django_db_blocker.unblock():
        return triage.train(district["manager"], *lines(100), groups(100))


def test_训练启用换版旧记录留旧版(world: World, first: TriageModel) -> None:
    request = world.request(title="工地夜间施工", content="工地夜间施工噪音扬尘扰民渣土车")
    logged = request.triage_decisions.get()
    assert logged.model == first and logged.person is None and len(logged.choices) >= 2
    assert request.category == logged.proposed
    texts, labels = lines(101)
    second = triage.train(world["manager"], texts, labels, groups(101))
    assert list(TriageModel.objects.filter(active=True)) == [second] != [first]
    logged.refresh_from_db()
    assert logged.model == first
    assert triage.train(world["manager"], *lines(100), groups(100)) == first, "同样的数据是同一版"
    assert list(TriageModel.objects.filter(active=True)) == [first]


def test_弃权列出选择分类留空由人决定并留痕(world: World, first: TriageModel) -> None:
    request = world.request(title="咨询", content="请问周末上班吗")
    logged = request.triage_decisions.get()
    assert (logged.model, logged.proposed, request.category) == (first, "", "") and len(logged.choices) == 2
    with pytest.raises(Invalid, match="不是现行事项词典"):
        triage.decide_category(world["dispatcher"], request.pk, "天文")
    with pytest.raises(Refused):
        triage.decide_category(world["operator"], request.pk, "城乡建设")
    decided = triage.decide_category(world["dispatcher"], request.pk, "城乡建设")
    assert decided.person_id == world["dispatcher"].person_id and decided.model == logged.model
    assert decided.proposed == logged.proposed and TriageDecision.objects.filter(request=request).count() == 2
    triage.assign_matter(world["dispatcher"], request.pk, "CJ0203")
    triage.decide_category(world["dispatcher"], request.pk, "环境保护")
    request.refresh_from_db()
    assert request.category == "环境保护" and request.matter_code == "", "分类变了，事项要重选"


@pytest.mark.parametrize(
    ("texts", "labels", "word"),
    [(["a"] * 10, ["x"] * 10, "训练数据不足"), (["a"] * 300, ["x"] * 300, "1 类"), (["a"] * 300, ["x"] * 295 + ["y"] * 5, "“y”不足"),
     (["a"] * 3, ["x"], "不一致")],
)  # fmt: skip
def test_数据不足不训练(world: World, texts: list[str], labels: list[str], word: str) -> None:
    before = set(TriageModel.objects.values_list("number", "active"))
    with pytest.raises(Invalid, match=word):
        triage.train(world["manager"], texts, labels)
    assert set(TriageModel.objects.values_list("number", "active")) == before


def test_只有热线负责人能训练(world: World) -> None:
    for name in ("operator", "dispatcher", "caller", "housing.head"):
        with pytest.raises(Refused):
            triage.train(world[name], *lines())


def test_成批派单各件各算_未定事项的说明原因(world: World) -> None:
    ready, unsure, local = world.request(), world.request(), world.request(title="望江街道某小区电梯停运")
    triage.assign_matter(world["dispatcher"], ready.pk, "CJ0203")
    triage.assign_matter(world["dispatcher"], local.pk, "CJ0101")
    chosen = [ready.pk, unsure.pk, local.pk]
    result = handling.dispatch_by_matter(world["dispatcher"], chosen, key="k")
    assert {unit for _, unit in result.done} == {"住建局", "望江街道"}
    assert [(request.pk, "还没有定事项" in why) for request, why in result.refused] == [(unsure.pk, True)]
    ready.case.refresh_from_db()
    assert ready.case.data["co_handlers"] == [world.unit("URBAN")]
    seq = ready.case.seq
    again = handling.dispatch_by_matter(world["dispatcher"], chosen, key="k")
    ready.case.refresh_from_db()
    assert ready.case.seq == seq and len(again.done) == 2, "重复提交只派一次"
    with pytest.raises(Invalid, match="不在您的数据范围"):
        handling.dispatch_by_matter(world["dispatcher"], [ready.pk, 999_999])


def test_同一标识登记两次只有一件(world: World) -> None:
    assert world.request(key="k").pk == world.request(key="k").pk
    assert Request.objects.count() == 1


def test_办结后分类和事项冻结(world: World) -> None:
    request = world.done()
    for change in (lambda: triage.assign_matter(world["dispatcher"], request.pk, "CJ0203"),
                   lambda: triage.decide_category(world["dispatcher"], request.pk, "城乡建设")):  # fmt: skip
        with pytest.raises(Refused, match="办结"):
            change()


def test_疑似重复由人认定_改判冲突(world: World) -> None:
    text = "望江街道锦绣家园旁华丰工地凌晨一点还在打桩施工，噪音很大，整个小区都睡不着，请查处"
    first = world.request(title="工地夜间施工噪音", content=text)
    second = world.request(title="工地夜间施工噪音", content=text + "。上次反映后没有解决")
    everything = Request.objects.all()
    assert insight.find_repeats(world["dispatcher"], everything) == 1
    assert insight.find_repeats(world["dispatcher"], everything) == 0
    found = RepeatFinding.objects.get()
    assert (found.request, found.earlier, found.same_person) == (second, first, True) and found.evidence["passages"]
    with pytest.raises(Refused):
        insight.judge_repeat(world["operator"], found.pk, confirmed=True)
    insight.judge_repeat(world["dispatcher"], found.pk, confirmed=True)
    insight.judge_repeat(world["manager"], found.pk, confirmed=True)
    with pytest.raises(Conflict, match="认定"):
        insight.judge_repeat(world["manager"], found.pk, confirmed=False)
    assert list(queries.hard_cases(world["manager"])) == [second]


def test_群体诉求计人不计件(world: World) -> None:
    made = [world.request(phone=phone) for phone in ("13812345678", "13812345678", "13912345678")]
    with pytest.raises(Invalid, match="两名以上"):
        insight.group_event(world["dispatcher"], [made[0].pk, made[1].pk], "路灯")
    event = insight.group_event(world["dispatcher"], [each.pk for each in made], "解放路路灯不亮")
    counted = queries.events(world["dispatcher"]).get(pk=event.pk)
    assert (counted.people, counted.number) == (2, 3)
    with pytest.raises(Conflict, match="已归入"):
        insight.group_event(world["dispatcher"], [each.pk for each in made], "解放路路灯不亮")


def test_热点写下公式_地点计数(world: World) -> None:
    for number in range(4):
        world.request(title="望江街道路灯不亮", content="解放路路灯三天不亮，夜间行走危险", phone=f"1381234567{number}")
    today = timezone.localdate()
    run = insight.compute_topics(world["manager"], today, today)
    assert run.formula == HEAT_FORMULA and run.request_count == 4
    start, stop = insight.window(today, today)
    assert queries.by_district(world["manager"], start, stop) == [("望江街道", 4)]


def test_超期未结列入疑难(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=60)
    request = world.dispatch(world.request(received_at=long_ago), at=long_ago)
    assert [(each.pk, each.overdue) for each in queries.hard_cases(world["manager"])] == [(request.pk, True)]
