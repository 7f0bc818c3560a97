"""三员分立：refused by the services in words, and by the database if somebody goes past them."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.models import Grant, Role, RoleHolding
from yiwang.kernel.access.roles import KERNEL_ROLES, RoleSpec
from yiwang.kernel.access.services import (
    declare,
    define_role,
    grant,
    hold_role,
    set_grants,
    withdraw_grant,
    withdraw_role,
)
from yiwang.kernel.access.terms import GRANTABLE, Duty, Scope, grantable
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.orgs.models import Post
from yiwang.kernel.orgs.services import create_organisation
from yiwang.kernel.people.models import Account, Appointment
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import appoint, create_account, create_person
from yiwang.kernel.people.testing import LONG_AGO, PASSWORD, Town

pytestmark = pytest.mark.django_db
BUSINESS = ("flow.case", "view")


@pytest.fixture
def town():
    return Town()


@pytest.fixture
def three(town) -> dict[Duty, Actor]:
    return {duty: actor_of(account) for duty, account in town.administrators().items()}


def test_三员各有本职权限且没有业务权限(three):
    rooms = {Duty.SYSTEM: {"orgs", "people", "jobs", "calendar"}, Duty.SECURITY: {"access"}, Duty.AUDIT: {"ledger"}}
    for duty, actor in three.items():
        written = {resource.split(".")[0] for resource, verb in actor.permissions if verb not in ("view", "export")}
        assert written <= rooms[duty]
        assert actor.duties == {duty}
    assert three[Duty.SYSTEM].can("people.account", "add")
    assert not three[Duty.SYSTEM].can("access.holding", "add")
    assert not three[Duty.SECURITY].can("people.account", "add")
    assert three[Duty.AUDIT].can("ledger.entry", "view")
    assert not any(actor.can("ledger.entry", "view") for duty, actor in three.items() if duty != Duty.AUDIT)


def test_系统管理员不能授权_安全和审计管理员不能建账号(town, three):
    post = town.post("民政局", "科员")
    role = Role.objects.get(code="system_administrator")
    person = town.person("王五")
    for duty in (Duty.SYSTEM, Duty.AUDIT):
        with pytest.raises(Refused):
            hold_role(three[duty], role.pk, post.pk, reason="试")
        with pytest.raises(Refused):
            define_role(three[duty], code="x", name="试")
        with pytest.raises(Refused):
            grant(three[duty], role.pk, "orgs.post", "view", Scope.ALL)
    for duty in (Duty.SECURITY, Duty.AUDIT):
        with pytest.raises(Refused):
            create_account(three[duty], person.pk, username="wangwu9", password=PASSWORD)
        with pytest.raises(Refused):
            create_person(three[duty], name="赵六", staff_number="Z6")
        with pytest.raises(Refused):
            create_organisation(three[duty], code="N", name="新局")
    assert not Account.objects.filter(person=person).exists()


def test_管理员类角色不能得到业务权限_业务角色不能得到管理权限(town, three):
    security = three[Duty.SECURITY]
    business = define_role(security, code="clerk", name="办事员")
    audit = Role.objects.get(code="audit_administrator")
    with pytest.raises(Refused, match="业务类"):
        grant(security, business.pk, "people.account", "add", Scope.ALL)
    with pytest.raises(Refused, match="审计管理类"):
        grant(security, audit.pk, "people.account", "add", Scope.ALL)
    assert grant(security, business.pk, "people.person", "view", Scope.TREE).scope == Scope.TREE


@pytest.mark.parametrize(
    ("duty", "resource", "verb"),
    [
        (Duty.BUSINESS, "ledger.entry", "view"), (Duty.BUSINESS, "people.account", "change"),
        (Duty.BUSINESS, "access.role", "view"), (Duty.SYSTEM, "access.holding", "add"),
        (Duty.SYSTEM, "hotline.request", "view"), (Duty.SECURITY, "people.account", "add"),
        (Duty.SECURITY, "hotline.request", "view"), (Duty.AUDIT, "ledgers.entry", "view"),
        (Duty.AUDIT, "orgs.post", "change"), (Duty.BUSINESS, "*", "view"), (Duty.BUSINESS, "hotline.request", "*"),
    ],
)  # fmt: skip
def test_数据库拒绝越界授权(duty, resource, verb):
    role = Role.objects.create(code="r", name="角色", duty=duty)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(role=role, duty=duty, resource=resource, verb=verb, scope=Scope.ALL)


def test_数据库拒绝授权冒充别的职责(town):
    role = Role.objects.create(code="r", name="角色", duty=Duty.BUSINESS)
    post = town.post("民政局", "科员")
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(role=role, duty=Duty.AUDIT, resource="ledger.entry", verb="view", scope=Scope.ALL)
        transaction.get_connection().check_constraints()
    audit = Role.objects.create(code="a", name="审计", duty=Duty.AUDIT)
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleHolding.objects.create(role=audit, post=post, duty=Duty.AUDIT, valid_from=LONG_AGO)
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleHolding.objects.create(role=audit, post=post, duty=Duty.BUSINESS, valid_from=LONG_AGO)


def test_岗位职责一经使用不能改(town, three):
    post = Post.objects.get(name="审计管理员")
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.filter(pk=post.pk).update(duty=Duty.BUSINESS)


def test_一人不得同期兼任管理员与其他岗位(town, three):
    business = town.post("民政局", "科员")
    security_post = Post.objects.get(name="安全管理员")
    clerk = town.person("李四", business)
    for person_id, post in ((three[Duty.AUDIT].person_id, business), (clerk.pk, security_post)):
        with pytest.raises(Refused, match="不得兼任"):
            appoint(SYSTEM, person_id, post.pk)
        with pytest.raises(IntegrityError), transaction.atomic():
            Appointment.objects.create(person_id=person_id, post=post, duty=post.duty, valid_from=timezone.localdate())
    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.create(person=clerk, post=security_post, valid_from=timezone.localdate())


def test_管理员岗位由安全管理员任免_业务岗位由系统管理员任免_都不能任免自己(town, three):
    business, security_post = town.post("民政局", "科员"), Post.objects.get(name="安全管理员")
    newcomer, second = town.person("孙七"), town.person("周八")
    with pytest.raises(Refused):
        appoint(three[Duty.SYSTEM], newcomer.pk, security_post.pk)
    with pytest.raises(Refused):
        appoint(three[Duty.SECURITY], second.pk, business.pk)
    assert appoint(three[Duty.SECURITY], newcomer.pk, security_post.pk).duty == Duty.SECURITY
    assert appoint(three[Duty.SYSTEM], second.pk, business.pk).duty == Duty.BUSINESS
    with pytest.raises(Refused, match="本人"):
        appoint(three[Duty.SYSTEM], three[Duty.SYSTEM].person_id, business.pk)


def test_安全管理员不能给自己授权(town, three):
    security = three[Duty.SECURITY]
    own_role = Role.objects.get(code="security_administrator")
    wider = define_role(security, code="security_2", name="安全二", duty=Duty.SECURITY)
    with pytest.raises(Refused, match="本人"):
        hold_role(security, wider.pk, security.primary_post_id, reason="给自己")
    with pytest.raises(Refused, match="本人"):
        grant(security, own_role.pk, "access.role", "view", Scope.ALL)
    with pytest.raises(Refused, match="本人"):
        withdraw_grant(security, Grant.objects.filter(role=own_role).first().pk, reason="x")
    assert not RoleHolding.objects.filter(role=wider).exists()


def test_授予收回都有日期理由并入审计(town, three):
    security, post = three[Duty.SECURITY], town.post("民政局", "科员")
    role = define_role(security, code="clerk", name="办事员")
    given = grant(security, role.pk, "people.person", "view", Scope.ALL, reason="通讯录")
    holding = hold_role(security, role.pk, post.pk, valid_from=LONG_AGO, reason="三定方案")
    officer = town.account("陈九", post)
    assert actor_of(officer).can("people.person", "view")
    with pytest.raises(Invalid):
        withdraw_role(security, holding.pk, reason=" ")
    withdraw_role(security, holding.pk, reason="调岗")
    assert not actor_of(officer).can("people.person", "view")
    with pytest.raises(Conflict):
        withdraw_role(security, holding.pk, reason="再收回")
    withdraw_grant(security, given.pk, reason="不再需要")
    actions = list(Entry.objects.filter(person_id=security.person_id).order_by("id").values_list("action", "reason"))
    assert actions == [
        ("access.role.defined", ""), ("access.grant.given", "通讯录"), ("access.role.held", "三定方案"),
        ("access.role.withdrawn", "调岗"), ("access.grant.withdrawn", "不再需要"),
    ]  # fmt: skip
    entry = Entry.objects.get(action="access.role.withdrawn")
    assert entry.before["valid_until"] is None
    assert entry.after["valid_until"] == str(timezone.localdate() - timedelta(days=1))


def test_未生效的授予收回后不留(town, three):
    security, post = three[Duty.SECURITY], town.post("民政局", "科员")
    role = define_role(security, code="clerk", name="办事员")
    future = timezone.localdate() + timedelta(days=30)
    holding = hold_role(security, role.pk, post.pk, valid_from=future, reason="预授")
    withdraw_role(security, holding.pk, reason="取消")
    assert not RoleHolding.objects.filter(role=role).exists()


def test_同岗同角色期间不重叠(town, three):
    security, post = three[Duty.SECURITY], town.post("民政局", "科员")
    role = define_role(security, code="clerk", name="办事员")
    hold_role(security, role.pk, post.pk, valid_from=date(2026, 1, 1), valid_until=date(2026, 6, 30), reason="一")
    with pytest.raises(Conflict, match="无需重复"):
        hold_role(security, role.pk, post.pk, valid_from=date(2026, 6, 30), reason="二")
    assert hold_role(security, role.pk, post.pk, valid_from=date(2026, 7, 1), reason="二").pk
    with pytest.raises(Invalid):
        hold_role(security, role.pk, post.pk, valid_from=date(2027, 7, 1), valid_until=date(2027, 6, 1), reason="三")
    with pytest.raises(Invalid):
        hold_role(security, role.pk, post.pk, valid_from=date(2027, 7, 1), reason="")


def test_业务岗位不能持有管理员角色(town, three):
    role = Role.objects.get(code="system_administrator")
    with pytest.raises(Refused, match="不能持有"):
        hold_role(three[Duty.SECURITY], role.pk, town.post("民政局", "科员").pk, reason="试")


@pytest.mark.parametrize(
    ("resource", "verb", "scope", "organisations"),
    [
        ("nothing.here", "view", Scope.ALL, ()), ("orgs.post", "fly", Scope.ALL, ()), ("*", "view", Scope.ALL, ()),
        ("orgs.post", "view", Scope.CUSTOM, ()), ("orgs.post", "view", Scope.ALL, (1,)),
    ],
)  # fmt: skip
def test_授权的坏输入有说明(three, resource, verb, scope, organisations):
    role = define_role(three[Duty.SECURITY], code="clerk", name="办事员")
    with pytest.raises(Invalid):
        grant(three[Duty.SECURITY], role.pk, resource, verb, scope, organisation_ids=organisations)


@pytest.mark.parametrize(("code", "name"), [("", "名"), ("x", " "), ("system_administrator", "重名")])
def test_角色的坏输入有说明(three, code, name):
    with pytest.raises(Invalid):
        define_role(three[Duty.SECURITY], code=code, name=name)


def test_声明可重复_人工收回的授权不复原_新增的会补上():
    spec = RoleSpec("clerk", "办事员", (("people.person", "view", Scope.ALL), ("orgs.post", "view", Scope.TREE)))
    role = declare(SYSTEM, spec, "hotline")
    Grant.objects.get(role=role, resource="people.person").delete()
    Grant.objects.filter(role=role, resource="orgs.post").update(scope=Scope.OWN)
    entries = Entry.objects.count()
    declare(SYSTEM, spec, "hotline")
    assert Entry.objects.count() == entries
    more = RoleSpec("clerk", "经办", (*spec.grants, ("orgs.organisation", "view", Scope.ALL)))
    declare(SYSTEM, more, "hotline")
    found = dict(Grant.objects.filter(role=role).values_list("resource", "scope"))
    assert found == {"orgs.post": Scope.OWN, "orgs.organisation": Scope.ALL}
    with pytest.raises(Conflict):
        declare(SYSTEM, spec, "another")


def test_只有安装升级可以声明角色(three):
    with pytest.raises(Refused):
        declare(three[Duty.SECURITY], KERNEL_ROLES[0], "kernel")


def test_授权规则在代码与数据库中一致():
    rooms = ("orgs", "people", "access", "ledger", "ledgers", "jobs", "calendar", "messages", "hotline", "flow")
    for duty in Duty:
        for room in rooms:
            for verb in ("view", "add", "export"):
                facts = {"duty": duty.value, "resource": f"{room}.thing", "verb": verb}
                assert GRANTABLE.check(facts) == grantable(**facts), facts


def test_整表调整权限_全做或全不做(three):
    security = three[Duty.SECURITY]
    role = define_role(security, code="clerk", name="办事员")
    wanted = {("people.person", "view"): "tree", ("orgs.post", "view"): "all", ("orgs.organisation", "view"): ""}
    assert set_grants(security, role.pk, wanted, reason="首次") == 2
    assert set_grants(security, role.pk, wanted, reason="再来") == 0
    with pytest.raises(Refused):
        set_grants(security, role.pk, {("people.person", "view"): "", ("people.account", "add"): "all"}, reason="越界")
    assert {(each.resource, each.scope) for each in role.grants.all()} == {
        ("people.person", "tree"),
        ("orgs.post", "all"),
    }
    assert (
        set_grants(security, role.pk, {("people.person", "view"): "", ("orgs.post", "view"): "own"}, reason="收") == 2
    )
    assert [(each.resource, each.scope) for each in role.grants.all()] == [("orgs.post", "own")]
    with pytest.raises(Refused):
        set_grants(three[Duty.SYSTEM], role.pk, wanted, reason="无权")
