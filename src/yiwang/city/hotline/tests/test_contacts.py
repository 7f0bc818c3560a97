"""查看联系方式：有用途、有权限、限次、留痕；举报与保密件谁在承办单位都看不到。"""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from yiwang.city.hotline.models import ContactView, Request
from yiwang.city.hotline.services import contacts
from yiwang.city.hotline.tests.world import Kind, World
from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.ledger.models import Entry

WHY = {"purpose": "visit", "explanation": "约定周三上门查看路灯"}


def handled(world: World, **given: object) -> Request:
    request = world.dispatch(world.request(**given))
    return world.act("housing.handler", request, "sign")


def test_承办员说明用途后看到一次并留痕(world: World) -> None:
    request, browser = handled(world), world.client("housing.handler")
    page = browser.get(f"/cases/{request.case_id}/").content.decode()
    address = f"/hotline/requests/{request.pk}/contact/"
    assert "13812345678" not in page and "138****5678" in page and address in page
    asked = browser.get(address)
    assert "13812345678" not in asked.content.decode() and ContactView.objects.count() == 0
    assert browser.post(address, {"purpose": "visit", "explanation": ""}).status_code == 422
    shown = browser.post(address, WHY)
    assert "13812345678" in shown.content.decode() and "no-store" in shown["Cache-Control"]
    view = ContactView.objects.get()
    assert (view.purpose, view.organisation_id) == ("visit", world.unit("HOUSING"))
    entry = Entry.objects.get(action="hotline.view_contact")
    assert entry.reason == WHY["explanation"] and "13812345678" not in f"{entry.content}{entry.reason}"
    assert "13812345678" not in browser.get(f"/cases/{request.case_id}/").content.decode()
    listed = world.client("manager").get("/r/hotline.contact/").content.decode()
    assert request.number in listed and "约定周三上门查看路灯" in listed
    assert world.client("housing.handler").get("/r/hotline.contact/").status_code == 403


@pytest.mark.parametrize("given", [{"kind": Kind.REPORT}, {"confidential": True}])
def test_保密的诉求人一律不给看(world: World, given: dict[str, object]) -> None:
    request, browser = handled(world, **given), world.client("housing.handler")
    assert "/contact/" not in browser.get(f"/cases/{request.case_id}/").content.decode()
    answer = browser.post(f"/hotline/requests/{request.pk}/contact/", WHY)
    assert answer.status_code == 403 and "13812345678" not in answer.content.decode()
    with pytest.raises(Refused, match="保密"):
        contacts.view_contact(world["housing.handler"], request.pk, **WHY)
    assert not ContactView.objects.exists()


def test_别的单位协办单位和无权限的都看不到(world: World) -> None:
    request = world.dispatch(world.request(), co=("URBAN",))
    for name in ("urban.handler", "sub1.handler", "manager", "dispatcher", "ecology.head"):
        with pytest.raises(Refused):
            contacts.view_contact(world[name], request.pk, **WHY)
    request = world.close(world.handle(handled(world)))
    with pytest.raises(Refused, match="已办结"):
        contacts.view_contact(world["housing.handler"], request.pk, **WHY)
    assert not ContactView.objects.exists()


def test_没留电话和用途不对(world: World) -> None:
    request, silent = handled(world), handled(world, phone="")
    with pytest.raises(Refused, match="没有留下电话"):
        contacts.view_contact(world["housing.handler"], silent.pk, **WHY)
    for wrong in ({"purpose": "好奇"}, {"explanation": "看"}, {"explanation": "长" * 201}):
        with pytest.raises(Invalid):
            contacts.view_contact(world["housing.handler"], request.pk, **{**WHY, **wrong})


def test_一日限次_记录不可改(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    request = handled(world)
    monkeypatch.setattr(contacts, "MOST_VIEWS", 2)
    for _ in range(2):
        contacts.view_contact(world["housing.handler"], request.pk, **WHY)
    with pytest.raises(Refused, match="已达 2 次"):
        contacts.view_contact(world["housing.handler"], request.pk, **WHY)
    assert contacts.view_contact(world["housing.head"], request.pk, **WHY).phone == "13812345678", "各人各计"
    with pytest.raises(DatabaseError), transaction.atomic():
        ContactView.objects.update(viewed_at=timezone.now() - timedelta(days=2))
    assert ContactView.objects.count() == 3


def test_挂起期间仍可联系(world: World) -> None:
    request = handled(world)
    flow.suspend(world["housing.handler"], request.case_id, cause="等待鉴定", basis="司法鉴定程序通则")
    assert contacts.view_contact(world["housing.handler"], request.pk, **WHY).name == "钱多多"
