"""分类建议、改判、训练与成批派单。"""

from typing import Any

import pytest

from yiwang.city.hotline.models import Request, TriageDecision, TriageModel
from yiwang.city.hotline.services import handling, triage
from yiwang.city.hotline.tests.world import World
from yiwang.kernel.access.actors import Invalid, Refused

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
