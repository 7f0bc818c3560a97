"""拆单、定事项：逐件的文字、事项、单位；受理只计一件，派件按拆出各件计。"""

from decimal import Decimal

import pytest
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Reporter, Request
from yiwang.city.hotline.services.parts import Part, split_request
from yiwang.city.hotline.services.triage import assign_matter
from yiwang.city.hotline.tests.world import Kind, World
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.measures.periods import month_of
from yiwang.kernel.measures.queries import value

LAMP = Part("路灯不亮", "解放路路灯三天不亮", "CJ0203")
NOISE = Part("工地夜间噪音", "解放路旁工地夜里两点施工", "HB0102")


def figure(code: str) -> Decimal | None:
    return value(SYSTEM, code, month_of(timezone.localdate())).value


def test_拆单各按事项派出_受理一件派件两件(world: World) -> None:
    source = world.request(title="路灯和噪音", content="路灯不亮，另有工地噪音")
    whole = world.close(world.handle(world.dispatch(world.request(phone="13912345678"))))
    made = split_request(world["dispatcher"], source.pk, [LAMP, NOISE], opinion="两件事", key="k")
    assert [part.organisation_id for part in made] == [world.unit("HOUSING"), world.unit("URBAN")]
    assert [part.case.stage for part in made] == ["sign", "sign"]
    assert [part.content for part in made] == [LAMP.content, NOISE.content]
    assert {part.received_at for part in made} == {source.received_at}
    world.act("urban.handler", made[1], "sign")
    assert (figure("hotline.received"), figure("hotline.people")) == (2, 2)
    assert (figure("hotline.dispatched"), figure("hotline.closed"), figure("hotline.open")) == (3, 1, 2)
    assert whole.dispatched_at and figure("hotline.answered_at_desk") == 0
    again = split_request(world["dispatcher"], source.pk, [LAMP, NOISE], opinion="两件事", key="k")
    assert [part.pk for part in again] == [part.pk for part in made] and Request.objects.count() == 4


def test_指定单位压过词典且协办不含主办_不定事项的留在派单台(world: World) -> None:
    source = world.request()
    to_urban = Part(LAMP.title, LAMP.content, LAMP.matter_code, world.unit("URBAN"))
    first, second = split_request(
        world["dispatcher"], source.pk, [to_urban, Part("噪音", "夜间噪音")], opinion="两件事"
    )
    assert first.organisation_id == world.unit("URBAN") and not first.case.data.get("co_handlers")
    assert second.case.stage == "dispatch" and second.matter_code == ""
    with pytest.raises(Conflict):
        split_request(world["dispatcher"], source.pk, [LAMP, NOISE], opinion="再拆")


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([LAMP], "2 至 6 件"),
        ([LAMP] * 7, "2 至 6 件"),
        ([LAMP, Part("", "内容")], "标题"),
        ([LAMP, Part("长" * 201, "内容")], "标题"),
        ([LAMP, Part("标题", " ")], "内容"),
        ([LAMP, Part("标题", "内容", "XX9999")], "没有编码"),
        ([LAMP, Part("标题", "内容", "", 1)], "同时定事项"),
    ],
)
def test_拆单填错全不拆(world: World, parts: list[Part], sentence: str) -> None:
    source = world.request()
    with pytest.raises(Invalid, match=sentence):
        split_request(world["dispatcher"], source.pk, parts, opinion="两件事")
    assert Request.objects.count() == 1 and source.case.status == "open"


def test_拆举报件各件仍保密(world: World) -> None:
    source = world.request(kind=Kind.REPORT)
    parts = [Part("钱多多举报违建", "我是钱多多，电话13812345678，九号楼违建"), Part("举报噪音", "钱女士说夜里施工")]
    for part in split_request(world["dispatcher"], source.pk, parts, opinion="两件事"):
        assert not any(word in f"{part.title}{part.content}" for word in ("钱多多", "钱女士", "13812345678"))
    first = source.parts.order_by("pk")[0]
    assert "13812345678" in queries.statement(world["operator"], first)
    assert "138****5678" in queries.statement(world["dispatcher"], first)
    assert "13812345678" not in Reporter.objects.get(request=first).statement


def test_只有派单员能拆且只在派单环节(world: World) -> None:
    source = world.request()
    for name in ("operator", "caller", "housing.handler", "manager"):
        with pytest.raises(Refused):
            split_request(world[name], source.pk, [LAMP, NOISE], opinion="两件事")
    world.dispatch(source)
    with pytest.raises(Refused):
        split_request(world["dispatcher"], source.pk, [LAMP, NOISE], opinion="两件事")
    assert not source.parts.exists()


def posted(parts: int = 2) -> dict[str, str]:
    form = {"key": "page", "opinion": "两件事"}
    for number in range(1, parts + 1):
        form |= {f"title_{number}": f"第{number}件", f"content_{number}": f"第{number}件的内容"}
    return form


def test_工单页有拆单和定事项_填完即成(world: World) -> None:
    source, browser = world.request(), world.client("dispatcher")
    page = browser.get(f"/cases/{source.case_id}/").content.decode()
    address = f"/hotline/requests/{source.pk}/"
    assert f"{address}split/" in page and f"{address}matter/" in page
    assert f"{address}split/" not in world.client("operator").get(f"/cases/{source.case_id}/").content.decode()
    assert "路灯三天不亮" in browser.get(f"{address}split/").content.decode()
    assert browser.post(f"{address}split/", {**posted(), "title_2": ""}).status_code == 422
    wrong = browser.post(f"{address}split/", {**posted(), "organ_1": str(world.unit("URBAN"))})
    assert wrong.status_code == 422 and "同时定事项" in wrong.content.decode()
    chosen = {**posted(3), "matter_1": "CJ0203", "organ_1": str(world.unit("URBAN"))}
    for _ in range(2):
        done = browser.post(f"{address}split/", chosen)
        assert done.status_code == 302 and done["Location"] == f"/cases/{source.case_id}/"
    assert [part.title for part in source.parts.order_by("pk")] == ["第1件", "第2件", "第3件"]
    assert source.parts.order_by("pk")[0].organisation_id == world.unit("URBAN")


def test_工单页定事项改事项须写理由并留痕(world: World) -> None:
    request, browser = world.request(), world.client("dispatcher")
    address = f"/hotline/requests/{request.pk}/matter/"
    assert browser.post(address, {"matter": "CJ0203"}).status_code == 302
    refused = browser.post(address, {"matter": "HB0102"})
    assert refused.status_code == 422
    assert browser.post(address, {"matter": "没有", "reason": "错"}).status_code == 422
    assert browser.post(address, {"matter": "HB0102", "reason": "实为噪音，问13812345678"}).status_code == 302
    request.refresh_from_db()
    assert (request.matter_code, request.category) == ("HB0102", "环境保护")
    last = Entry.objects.filter(action="hotline.assign_matter").latest("pk")
    assert last.reason == "实为噪音，问138****5678" and "CJ0203" in str(last.before) and "HB0102" in str(last.after)
    for name in ("operator", "housing.handler"):
        assert world.client(name).post(address, {"matter": "CJ0203", "reason": "试"}).status_code == 403


def test_派出后改事项不动单位_办结后不能改(world: World) -> None:
    request = world.dispatch(world.request())
    page = world.client("dispatcher").get(f"/hotline/requests/{request.pk}/matter/").content.decode()
    assert "不改已定的主办单位" in page
    assign_matter(world["dispatcher"], request.pk, "HB0102", reason="统计更正")
    request.refresh_from_db()
    assert request.organisation_id == world.unit("HOUSING")
    world.close(world.handle(request))
    with pytest.raises(Refused, match="办结"):
        assign_matter(world["dispatcher"], request.pk, "CJ0203", reason="再改")


def test_撤回的派单不计派件(world: World) -> None:
    request = world.dispatch(world.request())
    assert figure("hotline.dispatched") == 1
    flow.withdraw(world["dispatcher"], request.case_id)
    assert figure("hotline.dispatched") == 0
