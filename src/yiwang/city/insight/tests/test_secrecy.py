"""举报人是谁：研判的每一扇门都说不出来，也没有门可问；承办单位就是得了研判的授权也进不来。"""

import ast
import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from yiwang.city.hotline import contract
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.tests.world import Kind, World
from yiwang.city.insight import queries, services
from yiwang.city.insight.contract import Group, Message, Place, Trouble
from yiwang.city.insight.models import RepeatFinding
from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.access.models import Grant, Role
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.ledger.models import Entry

NAME, PHONE, NUMBER = "钱多多", "13812345678", "450205199001011234"
SECRETS = (NAME, PHONE, NUMBER, "138-1234-5678", "钱女士")
SAID = f"我是{NAME}（钱女士），电话{PHONE}（138-1234-5678），身份证{NUMBER}，举报解放路九号楼顶违法搭建阳光房，影响采光和安全"
DOORS = ("", "?tab=topics", "?tab=repeats", "?tab=events", "?tab=hard", "?tab=places")
ROOM = Path(queries.__file__).parent


@pytest.fixture(params=["report", "confidential"])
def told(request: pytest.FixtureRequest, world: World) -> list[Request]:
    """The same thing told three times, twice by one person, all secret."""
    kind = {"kind": Kind.REPORT} if request.param == "report" else {"kind": Kind.COMPLAINT, "confidential": True}
    phones = (PHONE, PHONE, "13987654321")
    return [
        world.request(title=f"{NAME}举报违建，{PHONE}", content=SAID, name=NAME, phone=each, **kind) for each in phones
    ]


def worked(world: World, told: list[Request]) -> None:
    """Everything 研判 does, once."""
    today = timezone.localdate()
    services.find_repeats(world["dispatcher"], today - timedelta(days=1), today)
    services.compute_topics(world["manager"], today - timedelta(days=1), today)
    finding = RepeatFinding.objects.order_by("pk").first()
    assert finding is not None
    services.judge_repeat(world["manager"], finding.pk, confirmed=True)
    services.group(world["dispatcher"], [each.pk for each in told], f"{PHONE}九号楼违建", f"{PHONE}等多人")


def leaks(text: str) -> list[str]:
    return [each for each in SECRETS if each in text]


def test_研判自己的门一扇也说不出是谁(world: World, told: list[Request]) -> None:
    worked(world, told)
    marks = {each.identity for each in told}
    for who in ("dispatcher", "manager"):
        for door in DOORS:
            answer = world.client(who).get(f"/insight/{door}")
            text = answer.content.decode()
            assert answer.status_code == 200 and not leaks(text), (who, door)
            assert not any(mark in text for mark in marks), (who, door)


def test_库里的证据和台账里没有身份也没有标识(world: World, told: list[Request]) -> None:
    worked(world, told)
    tables = [model._meta.db_table for model in apps.get_app_config("insight").get_models()]
    with connection.cursor() as cursor:
        kept = []
        for table in tables:
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t")  # noqa: S608 - our own tables
            kept += [row for (row,) in cursor.fetchall()]
    assert len(kept) >= 4
    kept += [json.dumps([each.before, each.after, each.reason], ensure_ascii=False) for each in Entry.objects.all()]
    for row in kept:
        assert not leaks(row)
        assert not any(each.identity in row for each in told)


def test_承办单位得了研判授权也一扇门都进不来(world: World, told: list[Request]) -> None:
    """Who may not know the reporter may not learn either which requests are of one person."""
    worked(world, told)
    for each in told:
        world.dispatch(each)
    role = Role.objects.get(code="hotline.handler")
    for resource, verb in (
        ("insight.repeat", "judge"),
        ("insight.repeat", "find"),
        ("insight.topic", "run"),
        ("hotline.event", "view"),
        ("hotline.event", "add"),
    ):
        Grant.objects.create(role=role, resource=resource, verb=verb, scope=Scope.ALL)
    handler, browser = world["housing.handler"], world.client("housing.handler")
    assert handler.can("insight.repeat", "judge")
    assert {browser.get(f"/insight/{door}").status_code for door in DOORS} == {403}
    finding = RepeatFinding.objects.filter(judgement="pending").first()
    assert finding is not None
    posts = {"topics/": {}, "repeats/": {}, "judge/": {"finding": finding.pk, "confirmed": "1"},
             "group/": {"request": [each.pk for each in told], "title": "违建"}}  # fmt: skip
    before = (RepeatFinding.objects.count(), Entry.objects.count())
    for door, said in posts.items():
        answer = browser.post(f"/insight/{door}", said)
        assert answer.status_code == 403 and not leaks(answer.content.decode()), door
    assert (RepeatFinding.objects.count(), Entry.objects.count()) == before
    finding.refresh_from_db()
    assert finding.judgement == "pending"
    today, now = timezone.localdate(), timezone.now()
    for ask in (
        lambda: contract.received(handler, now - timedelta(days=1), now), lambda: contract.known(handler, [told[0].pk]),
        lambda: contract.hard(handler, 5), lambda: contract.groups(handler, 5), lambda: contract.places(handler, today, today),
        lambda: contract.confirm_repeat(handler, told[0].pk), lambda: contract.group(handler, [each.pk for each in told], "违建", ""),
    ):  # fmt: skip
        with pytest.raises(Refused):
            ask()


def test_同一人的序号只在一次回答里有意义(world: World, told: list[Request]) -> None:
    now = timezone.now()
    whole = contract.received(world["manager"], now - timedelta(days=1), now)
    assert [each.person for each in whole] == [0, 0, 1]
    assert contract.known(world["manager"], [told[2].pk])[told[2].pk].person == 0
    assert not leaks(repr(whole)) and not any(each.identity in repr(whole) for each in told)


def test_契约的形状装不下诉求人_研判没有别的门可问() -> None:
    """Neither name, number nor mark has a field to travel in, no model of 研判 points at the hotline's, and no module of it
    imports any other domain."""
    fields = {field.name for shape in (Message, Trouble, Group, Place) for field in dataclasses.fields(shape)}
    assert not fields & {"phone", "identity", "reporter", "external_user", "statement"}
    person = next(field for field in dataclasses.fields(Message) if field.name == "person")
    assert person.type in (int, "int")
    for model in apps.get_app_config("insight").get_models():
        for field in model._meta.get_fields():
            related = getattr(field, "related_model", None)
            assert related is None or related._meta.app_label in ("insight", "people"), field
    for module in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign = [
                name
                for name in names
                if name.startswith("yiwang.") and not name.startswith(("yiwang.kernel.", "yiwang.city.insight"))
            ]
            assert not foreign, (module.name, foreign)


def test_系统账号也只拿到序号(world: World, told: list[Request]) -> None:
    now = timezone.now()
    assert not leaks(repr(contract.received(SYSTEM, now - timedelta(days=1), now)))
