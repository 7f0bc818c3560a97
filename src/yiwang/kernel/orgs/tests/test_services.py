"""The tree keeps its paths, whoever moves what."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import SYSTEM, Invalid, Refused
from yiwang.kernel.access.terms import Duty, Scope
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.orgs.models import Organisation, Post, Region
from yiwang.kernel.orgs.queries import ancestors, subtree
from yiwang.kernel.orgs.services import (
    change_organisation,
    change_post,
    create_organisation,
    create_post,
    load_regions,
    move_organisation,
    rename_organisation,
    retire_organisation,
    retire_post,
)
from yiwang.kernel.orgs.terms import significant
from yiwang.kernel.people.testing import Town

pytestmark = pytest.mark.django_db


def assert_paths_true():
    for each in Organisation.objects.select_related("parent"):
        above = each.parent.path if each.parent else "/"
        assert each.path == f"{above}{each.pk}/"


def tree():
    """甲(乙(丙(丁)))、戊."""
    made, parent = {}, None
    for name in "甲乙丙丁":
        made[name] = parent = create_organisation(SYSTEM, code=name, name=name, parent_id=parent.pk if parent else None)
    made["戊"] = create_organisation(SYSTEM, code="戊", name="戊")
    return made


def test_移动带走整个子树():
    made = tree()
    move_organisation(SYSTEM, made["乙"].pk, made["戊"].pk, reason="机构改革")
    assert_paths_true()
    assert {item.name for item in subtree(Organisation.objects.get(name="戊"))} == set("乙丙丁戊")
    assert [item.name for item in ancestors(Organisation.objects.get(name="丁"))] == ["戊", "乙", "丙", "丁"]
    entry = Entry.objects.get(action="orgs.organisation.moved")
    assert entry.reason == "机构改革"
    assert entry.before["parent"] == made["甲"].pk
    assert entry.after["parent"] == made["戊"].pk


@pytest.mark.parametrize("target", ["乙", "丙", "丁"])
def test_不能移到自己或下级之下(target):
    made = tree()
    with pytest.raises(Refused, match="循环"):
        move_organisation(SYSTEM, made["乙"].pk, made[target].pk, reason="x")
    assert_paths_true()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 6)), max_size=12))
def test_任意移动之后路径仍与上级一致(db, moves):
    with transaction.atomic():
        made = [create_organisation(SYSTEM, code=f"c{n}", name=f"机构{n}") for n in range(7)]
        for child, parent in moves:
            target = None if parent < 0 else made[parent].pk
            try:
                move_organisation(SYSTEM, made[child].pk, target, reason="试")
            except Refused as problem:
                assert "循环" in problem.message
        assert_paths_true()
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_同时互移不成环():
    one, two = (create_organisation(SYSTEM, code=name, name=name) for name in "甲乙")

    def move(pair):
        try:
            move_organisation(SYSTEM, pair[0], pair[1], reason="抢")
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(move, [(one.pk, two.pk), (two.pk, one.pk)])) == [False, True]
    assert_paths_true()


@pytest.mark.django_db(transaction=True)
def test_移动与新建下级同时发生_路径不丢():
    top, other = (create_organisation(SYSTEM, code=name, name=name) for name in "甲乙")

    def work(number):
        try:
            if number == 0:
                move_organisation(SYSTEM, top.pk, other.pk, reason="移")
            else:
                create_organisation(SYSTEM, code=f"n{number}", name=f"新{number}", parent_id=top.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(6)))
    assert_paths_true()
    assert subtree(Organisation.objects.get(pk=other.pk)).count() == 7


def test_层级有限():
    parent = None
    for number in range(15):
        parent = create_organisation(SYSTEM, code=f"d{number}", name="层", parent_id=parent.pk if parent else None)
    with pytest.raises(Invalid, match="层级"):
        create_organisation(SYSTEM, code="deep", name="过深", parent_id=parent.pk)
    outside = create_organisation(SYSTEM, code="out", name="外")
    create_organisation(SYSTEM, code="under", name="下", parent_id=outside.pk)
    above = Organisation.objects.get(code="d13")
    with pytest.raises(Invalid, match="层级"):
        move_organisation(SYSTEM, outside.pk, above.pk, reason="x")
    assert_paths_true()


@pytest.mark.parametrize(
    "given_fields",
    [{"code": " "}, {"name": ""}, {"kind": "军队"}, {"code": "甲"}],
    ids=["无代码", "无名称", "坏类别", "重代码"],
)
def test_机构的坏输入有说明(given_fields):
    create_organisation(SYSTEM, code="甲", name="甲")
    with pytest.raises(Invalid) as refused:
        create_organisation(SYSTEM, **{"code": "乙", "name": "乙", **given_fields})
    assert list(refused.value.errors) == list(given_fields)
    assert Organisation.objects.count() == 1


def test_改名留痕_不改路径():
    made = tree()
    rename_organisation(SYSTEM, made["乙"].pk, "乙局", short_name="乙", reason="更名批复")
    assert_paths_true()
    entry = Entry.objects.get(action="orgs.organisation.changed")
    assert (entry.before["name"], entry.after["name"]) == ("乙", "乙局")
    with pytest.raises(Invalid):
        rename_organisation(SYSTEM, made["乙"].pk, " ", reason="x")
    with pytest.raises(Invalid) as refused:
        rename_organisation(SYSTEM, made["乙"].pk, "局" * 300, reason="x")
    assert list(refused.value.errors) == ["name"]
    with pytest.raises(Invalid, match="不能这样修改"):
        change_organisation(SYSTEM, made["乙"].pk, path="/9/")


def test_停用须先清空():
    town = Town()
    town.organisation("局")
    town.organisation("处", "局")
    post = town.post("处", "科员")
    person = town.person("张三", post)
    today = timezone.localdate()
    with pytest.raises(Refused, match="1 个在用机构"):
        retire_organisation(SYSTEM, town.organisation("局").pk, on=today, reason="撤并")
    with pytest.raises(Refused, match="1 个岗位有人任职"):
        retire_organisation(SYSTEM, town.organisation("处").pk, on=today, reason="撤并")
    with pytest.raises(Refused, match="仍有人任职"):
        retire_post(SYSTEM, post.pk, reason="撤")
    person.appointments.all().delete()
    assert not retire_post(SYSTEM, post.pk, reason="撤").active
    assert retire_organisation(SYSTEM, town.organisation("处").pk, on=date(2026, 1, 1), reason="撤并").valid_until
    with pytest.raises(Invalid, match="已停用"):
        create_organisation(SYSTEM, code="x", name="x", parent_id=town.organisation("处").pk)


def test_岗位_代码不重_职责不改():
    made = tree()
    post = create_post(SYSTEM, made["甲"].pk, code="p", name="科长", is_head=True)
    with pytest.raises(Invalid, match="改正"):
        create_post(SYSTEM, made["甲"].pk, code="p", name="又一")
    with pytest.raises(Invalid):
        create_post(SYSTEM, made["甲"].pk, code="", name="")
    assert create_post(SYSTEM, made["乙"].pk, code="p", name="科长").pk
    with pytest.raises(Invalid, match="不能这样修改"):
        change_post(SYSTEM, post.pk, duty=Duty.AUDIT)
    assert change_post(SYSTEM, post.pk, name="处长").name == "处长"
    with pytest.raises(Refused):
        change_post(SYSTEM, 10**9, name="无")


def test_下级管理员只管本级以下():
    town = Town()
    town.organisation("市")
    town.organisation("区", "市")
    verbs = [("orgs.organisation", verb, Scope.TREE) for verb in ("view", "add", "change")]
    spec = town.organisation("区")
    post = create_post(SYSTEM, spec.pk, code="adm", name="区管理员", duty=Duty.SYSTEM)
    actor = town.actor_with("区管", post, Duty.SYSTEM, verbs)
    inside = create_organisation(actor, code="in", name="街道", parent_id=spec.pk)
    assert inside.path.startswith(spec.path)
    for parent_id in (town.organisation("市").pk, None):
        with pytest.raises(Refused):
            create_organisation(actor, code="out", name="外", parent_id=parent_id)
        with pytest.raises(Refused):
            move_organisation(actor, inside.pk, parent_id, reason="x")
    with pytest.raises(Refused):
        change_organisation(actor, town.organisation("市").pk, name="改")
    with pytest.raises(Refused):
        retire_organisation(actor, town.organisation("市").pk, on=timezone.localdate(), reason="x")


def test_没有权限一律拒绝且不留痕():
    town = Town()
    actor = town.actor("某人", town.post("局", "科员"))
    made = town.organisation("局")
    entries = Entry.objects.count()
    attempts = [
        lambda: create_organisation(actor, code="n", name="n"),
        lambda: change_organisation(actor, made.pk, name="n"),
        lambda: move_organisation(actor, made.pk, None, reason="x"),
        lambda: retire_organisation(actor, made.pk, on=timezone.localdate(), reason="x"),
        lambda: create_post(actor, made.pk, code="n", name="n"),
        lambda: change_post(actor, Post.objects.first().pk, name="n"),
        lambda: load_regions(actor, [("32", "江苏省")]),
    ]
    for attempt in attempts:
        with pytest.raises(Refused):
            attempt()
    assert Entry.objects.count() == entries


def test_区划按代码成树_可重复载入():
    rows = [
        ("320000", "江苏省"),
        ("320300", "徐州市"),
        ("320311", "泉山区"),
        ("320311001000", "王陵街道"),
        ("441900003000", "东城街道"),
        ("44", "广东省"),
    ]
    assert load_regions(SYSTEM, rows) == 6
    assert load_regions(SYSTEM, [("320311", "泉山区（更名）")]) == 1
    parents = dict(Region.objects.values_list("code", "parent__code"))
    assert parents == {"32": None, "3203": "32", "320311": "3203", "320311001": "320311", "44": None, "441900003": "44"}
    assert Region.objects.get(code="320311").name == "泉山区（更名）"


@pytest.mark.parametrize("code", ["", "3", "32031", "32A3", "3203110010000"])
def test_区划坏代码被拒(code):
    with pytest.raises(Invalid, match="区划代码"):
        significant(code)
