"""The five scopes at the one read door."""

import pytest

from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Refused
from yiwang.kernel.access.doors import row, rows
from yiwang.kernel.access.models import Grant
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.testing import Town

pytestmark = pytest.mark.django_db
VIEW = "people.person"


@pytest.fixture
def town():
    """市局 over 分局 over 科室, and an 他局 beside."""
    town = Town()
    town.organisation("市局")
    for name, parent in (("分局", "市局"), ("科室", "分局"), ("他局", "")):
        town.organisation(name, parent)
    for organisation in ("市局", "分局", "科室", "他局"):
        town.person(f"{organisation}人", town.post(organisation, "岗"))
    return town


def names(actor):
    return {person.name for person in rows(actor, VIEW)}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope.ALL, {"市局人", "分局人", "科室人", "他局人", "我"}), (Scope.TREE, {"分局人", "科室人", "我"}),
        (Scope.ORGANISATION, {"分局人", "我"}), (Scope.OWN, {"我"}),
    ],
)  # fmt: skip
def test_四种范围各见其行(town, scope, expected):
    role = town.role("viewer", (VIEW, "view", scope))
    assert names(town.actor("我", town.post("分局", "查看岗", role))) == expected


def test_自定义范围见所选机构及其下级(town):
    role = town.role("viewer", (VIEW, "view", Scope.CUSTOM))
    account = town.account("我", town.post("市局", "查看岗", role))
    assert names(actor_of(account)) == set()
    Grant.objects.get(role__code=role).organisations.set([town.organisation("分局"), town.organisation("他局")])
    assert names(actor_of(account)) == {"分局人", "科室人", "他局人"}


def test_几个岗位的范围合并(town):
    own, tree = town.role("own", (VIEW, "view", Scope.ORGANISATION)), town.role("tree", (VIEW, "view", Scope.TREE))
    actor = town.actor("我", town.post("他局", "一岗", own), town.post("分局", "二岗", tree))
    assert names(actor) == {"他局人", "分局人", "科室人", "我"}
    assert len(actor.post_ids) == 2


def test_无授权或公众一行不见_系统全见(town):
    assert names(town.actor("我", town.post("市局", "闲岗"))) == set()
    assert names(ANONYMOUS) == set()
    assert len(names(SYSTEM)) == 5


def test_范围外的行与不存在的行答复相同(town):
    role = town.role("viewer", (VIEW, "view", Scope.ORGANISATION))
    actor = town.actor("我", town.post("分局", "查看岗", role))
    foreign = next(person.pk for person in rows(SYSTEM, VIEW) if person.name == "他局人")
    answers = []
    for pk in (foreign, 10**9):
        with pytest.raises(Refused) as refused:
            row(actor, VIEW, pk)
        answers.append((refused.value.message, refused.value.code))
    assert answers[0] == answers[1]


def test_机构本身按路径限定(town):
    role = town.role("viewer", ("orgs.organisation", "view", Scope.TREE))
    actor = town.actor("我", town.post("分局", "查看岗", role))
    assert {item.name for item in rows(actor, "orgs.organisation")} == {"分局", "科室"}
    own = town.role("own", ("orgs.organisation", "view", Scope.ORGANISATION))
    single = town.actor("他", town.post("他局", "查看岗", own))
    assert {item.name for item in rows(single, "orgs.organisation")} == {"他局"}


def test_不按机构限定的资源_只有全部范围可见(town):
    security = town.administrators()
    assert rows(SYSTEM, "access.role").count() >= 3
    for account in security.values():
        actor = actor_of(account)
        assert rows(actor, "access.role").exists() == actor.can("access.role", "view")


def test_路径前缀不误伤相似编号(town):
    """/1/ must not reach /11/."""
    role = town.role("viewer", ("orgs.organisation", "view", Scope.TREE))
    actor = town.actor("我", town.post("市局", "查看岗", role))
    root = town.organisation("市局")
    for number in range(12):
        town.organisation(f"旁局{number}")
    assert {item.pk for item in rows(actor, "orgs.organisation")} == {
        root.pk, town.organisation("分局").pk, town.organisation("科室").pk
    }  # fmt: skip
