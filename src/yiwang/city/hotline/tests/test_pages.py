"""热线的页面：谁打得开，填错了怎么说，重复提交会怎样。"""

import re
from datetime import date, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Request, TriageModel
from yiwang.city.hotline.services.handling import responsible_of
from yiwang.city.hotline.services.triage import assign_matter
from yiwang.city.hotline.tests.world import World
from yiwang.kernel.access.models import Grant
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.jobs.testing import run_all

FORM = {"kind": "help", "title": "路灯不亮", "content": "解放路路灯不亮", "phone": "13812345678", "key": "k1"}
PAGES = {
    "/hotline/desk/": {"operator", "dispatcher", "manager", "director"},
    "/hotline/triage/": {"dispatcher", "manager", "director"},
    "/hotline/models/": {"dispatcher", "manager", "director"},
}
POSTS = ("desk/history/", "desk/matches/", "triage/category/", "triage/matter/", "triage/adopt/", "triage/dispatch/")


def test_每页只对有权的人开(world: World) -> None:
    for name in ("operator", "dispatcher", "caller", "manager", "housing.handler", "ecology.head"):
        browser = world.client(name)
        for address, allowed in PAGES.items():
            assert browser.get(address).status_code == (200 if name in allowed else 403), (name, address)
        if name in ("housing.handler", "ecology.head"):
            assert {browser.post(f"/hotline/{each}").status_code for each in POSTS} == {403}


def test_只收提交的地址拒绝打开_缺项说得清(world: World) -> None:
    browser = world.client("manager")
    for each in POSTS:
        if each != "desk/history/":
            assert browser.get(f"/hotline/{each}").status_code == 405, each
    for each in ("triage/category/", "triage/matter/", "triage/adopt/", "triage/dispatch/"):
        for wrong in ({}, {"request": "abc"}, {"request": "9" * 30}, {"request": "-1"}):
            assert browser.post(f"/hotline/{each}", wrong).status_code == 422, (each, wrong)


def test_台账批量派单与催办_不能的逐件说明(world: World) -> None:
    ready, unsure = world.request(), world.request()
    assign_matter(world["dispatcher"], ready.pk, "CJ0203")
    rows, browser = {"row": [ready.pk, unsure.pk]}, world.client("dispatcher")
    listed = browser.get("/r/hotline.request/").content.decode()
    assert "bulk/dispatch/" in listed and "bulk/urge/" in listed and "bulk/exclude/" not in listed
    done = browser.post("/r/hotline.request/bulk/dispatch/", rows).content.decode()
    assert "共 2 条，已执行 1 条" in done and "请先在派单台选择事项" in done
    ready.refresh_from_db()
    assert ready.organisation_id == world.unit("HOUSING") and ready.case.stage == "sign"
    asked = browser.post("/r/hotline.request/bulk/urge/", rows).content.decode()
    assert "催办意见" in asked
    urge = {**rows, "sent": "1", "opinion": "请今日签收"}
    first = browser.post("/r/hotline.request/bulk/urge/", urge).content.decode()
    assert "已执行 1 条" in first and "正在签收、办理、审核" in first
    assert "24 小时内已催办" in browser.post("/r/hotline.request/bulk/urge/", urge).content.decode()
    handler = world.client("housing.handler")
    assert "bulk/" not in handler.get("/r/hotline.request/").content.decode()
    for code in ("dispatch", "urge"):
        assert handler.post(f"/r/hotline.request/bulk/{code}/", rows).status_code == 403


def test_办结的工单页上可申请无理由认定_正在认定的没有(world: World) -> None:
    request, browser = world.done(), world.client("housing.handler")
    address = f"/r/hotline.request/{request.pk}/act/exclude/"
    assert address in browser.get(f"/cases/{request.case_id}/").content.decode()
    assert address not in world.client("caller").get(f"/cases/{request.case_id}/").content.decode()
    answer = browser.post(address, {"ground": "untrue", "statement": "现场照片证明路灯完好"})
    assert answer.status_code == 302
    assert address not in browser.get(f"/cases/{request.case_id}/").content.decode()


def test_话务台登记_重复提交只一件(world: World) -> None:
    browser = world.client("operator")
    first = browser.post("/hotline/desk/", {**FORM, "then": "submit"})
    again = browser.post("/hotline/desk/", {**FORM, "then": "submit"})
    assert first.status_code == 302 and first["Location"] == again["Location"] and Request.objects.count() == 1


def test_话务台查重_内容再长也不进网址(world: World) -> None:
    world.request(title="解放路路灯不亮")
    browser = world.client("operator")
    assert 'hx-post="/hotline/desk/matches/"' in browser.get("/hotline/desk/").content.decode()
    said = {"title": "解放路路灯不亮", "content": "晚上出行不便。" * 2500}
    assert "路灯不亮" in browser.post("/hotline/desk/matches/", said).content.decode()
    assert browser.get("/hotline/desk/matches/", {"title": "解放路路灯不亮"}).status_code == 405


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"title": " "}, "这个字段"), ({"content": ""}, "这个字段"), ({"phone": "没有电话"}, "5 至 15 位数字")],
)
def test_话务台填错不丢字(world: World, wrong: dict[str, str], word: str) -> None:
    answer = world.client("operator").post("/hotline/desk/", {**FORM, "address": "解放路九号", **wrong})
    page = answer.content.decode()
    assert answer.status_code == 422 and word in page and "解放路九号" in page and not Request.objects.exists()


def test_网上提交_凭码查询_尖括号原样显示(world: World) -> None:
    browser = Client()
    said = {**FORM, "title": "<script>alert(1)</script>", "public": "on"}
    first, again = browser.post("/public/hotline/", said), browser.post("/public/hotline/", said)
    assert first.status_code == 302 and first["Location"] == again["Location"] and Request.objects.count() == 1
    made = Request.objects.get()
    page = browser.get(first["Location"]).content.decode()
    assert made.tracking_code in page and "&lt;script&gt;alert(1)" in page and "<script>alert" not in page
    assert "13812345678" not in page and made.channel == "web"
    assert "<script>alert" not in world.client("dispatcher").get("/hotline/triage/").content.decode()
    wrong = browser.get("/public/hotline/track/", {"code": "ABCD"})
    assert wrong.status_code == 404 and "没有找到这个查询码" in wrong.content.decode()


def test_网上手机号错_标识过长_提交过频(world: World) -> None:
    browser = Client()
    assert "11 位手机号码" in browser.post("/public/hotline/", {**FORM, "phone": "123"}).content.decode()
    assert browser.post("/public/hotline/", {**FORM, "key": "k" * 100}).status_code == 422
    answers = [browser.post("/public/hotline/", {**FORM, "key": f"k{number}"}).status_code for number in range(22)]
    assert answers[0] == 302 and answers[-1] == 422
    assert "过于频繁" in browser.post("/public/hotline/", {**FORM, "key": "last"}).content.decode()


def test_公众首页列出两项服务(world: World) -> None:
    page = Client().get("/public/").content.decode()
    assert page.index("/public/hotline/") < page.index("/public/open/"), "先是一网统管，再是数据底座"
    assert "/public/hotline/track/" in page and 'href="/public/hotline/"' in page


def test_查询码够长且不重(world: World) -> None:
    codes = {world.request().tracking_code for _ in range(20)}
    assert len(codes) == 20 and all(len(code) == 12 for code in codes)


def test_派单台勾选派出(world: World) -> None:
    request = world.request()
    assign_matter(world["dispatcher"], request.pk, "CJ0203")
    page = (
        world.client("dispatcher")
        .post("/hotline/triage/dispatch/", {"request": [request.pk], "key": "k"})
        .content.decode()
    )
    assert "已派单 1 件" in page and "住建局" in page


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"a,b\n1,2", "text 和 label"), ("text,label\n路灯,城乡建设".encode(), "训练数据不足"), (b"\xff\xfe\x00\x81", "无法读取"),
     (b"text,label,group\nx,y,z", "整数")],
)  # fmt: skip
def test_训练文件不对说得清(world: World, content: bytes, word: str) -> None:
    upload = SimpleUploadedFile("labelled.csv", content)
    answer = world.client("manager").post("/hotline/models/", {"source": "file", "file": upload})
    assert answer.status_code == 422 and word in answer.content.decode()
    assert world.client("dispatcher").post("/hotline/models/", {"source": "decided"}).status_code == 403


def test_派单表单按已定事项预填_可改(world: World) -> None:
    browser, request = world.client("dispatcher"), world.request()
    address = f"/cases/{request.case_id}/action/dispatch/"

    def form() -> str:
        return browser.get(address, headers={"HX-Request": "true"}).content.decode()

    lead = f'name="lead" value="{world.unit("HOUSING")}"'
    assert 'name="limit"' in form() and lead not in form()
    assign_matter(world["dispatcher"], request.pk, "CJ0203")
    request.refresh_from_db()
    known = responsible_of(request)
    filled = form()
    assert f'name="lead" value="{known["lead"]}"' in filled
    assert re.search(rf'<input[^>]*name="limit"[^>]*value="{known["limit"]}"', filled)
    assert re.search(rf'value="{known["limit_unit"]}"[^>]*(checked|selected)', filled)
    assert all(f'name="co_handlers" value="{each}"' in filled for each in known["co_handlers"])
    other = world.unit("ECOLOGY")
    given = {"lead": other, "limit": 3, "limit_unit": "working_day", "key": "own-choice"}
    assert browser.post(address, given).status_code == 302
    request.refresh_from_db()
    assert request.organisation_id == other


def labelled(count: int = 104) -> bytes:
    bodies = {
        "城乡建设": "物业电梯停运业主反映第{}栋小区楼道灯坏了路面井盖维修",
        "环境保护": "工地夜间施工噪音扬尘第{}次扰民渣土车",
    }
    rows = [f"{body.format(n)},{label},{n // 2}" for n in range(count) for label, body in bodies.items()]
    return "\n".join(["text,label,group", *rows]).encode()


def test_训练是后台任务_进度结果在页上_数据用完销毁(world: World) -> None:
    manager = world.client("manager")

    def send() -> Any:
        upload = SimpleUploadedFile("labelled.csv", labelled())
        return manager.post("/hotline/models/", {"source": "file", "file": upload})

    assert send().status_code == 302 and not TriageModel.objects.filter(trained_rows=208).exists()
    waiting = manager.get("/hotline/models/")
    assert waiting["Refresh"] == "2" and "<progress" in waiting.content.decode()
    again = send()
    assert again.status_code == 422 and "已有训练在进行" in again.content.decode()
    kept = StoredFile.objects.get(owner_kind="hotline.training")
    assert kept.sealed and manager.get(f"/files/{kept.pk}/").status_code in (403, 404)
    run_all()
    made = TriageModel.objects.get(active=True)
    assert made.trained_rows == 208
    done = manager.get("/hotline/models/")
    text = done.content.decode()
    assert "Refresh" not in done and f"版本 {made} 已启用：208 条" in text and "宏平均 F1" in text
    kept.refresh_from_db()
    assert kept.erased_at is not None
    # What is no longer permitted when the job runs is refused in words; the model in force stays.
    assert send().status_code == 302
    Grant.objects.filter(resource="hotline.triage_model", verb="add").delete()
    run_all()
    assert "没有成功，原模型不变" in world.client("dispatcher").get("/hotline/models/").content.decode()
    assert TriageModel.objects.get(active=True) == made
    assert not StoredFile.objects.filter(owner_kind="hotline.training", erased_at=None).exists()


def test_派单台翻页_成批采纳首个建议_再派出(world: World) -> None:
    made = world.requests(*(f"解放路{number}号路灯不亮" for number in range(52)))
    browser = world.client("dispatcher")
    first, second = (browser.get(f"/hotline/triage/?page={page}").content.decode() for page in (1, 2))
    assert "第 1 / 2 页" in first and made[-1].number in second and made[-1].number not in first
    assert f'name="proposed-{made[0].pk}" value="CJ0203"' in first
    chosen = {
        "request": [made[0].pk, made[1].pk],
        **{f"proposed-{each.pk}": "CJ0203" for each in made[:3]},
        "page": "2",
    }
    answer = browser.post("/hotline/triage/adopt/", chosen)
    assert answer.status_code == 302 and "page=2" in answer["Location"]
    for each in made[:3]:
        each.refresh_from_db()
    assert [each.matter_code for each in made[:3]] == ["CJ0203", "CJ0203", ""]
    wrong = browser.post("/hotline/triage/adopt/", {**chosen, f"proposed-{made[1].pk}": "没有"})
    assert wrong.status_code == 422 and "没有编码" in wrong.content.decode()
    done = browser.post("/hotline/triage/dispatch/", {"request": [made[0].pk, made[1].pk], "key": "k"})
    assert "已派单 2 件" in done.content.decode()


def test_受理早于首个词典版本的也能分类派单(world: World) -> None:
    old = world.request(title="解放路路灯不亮", received_at=datetime(2019, 1, 1, 0, 30, tzinfo=CHINA))
    browser = world.client("dispatcher")
    assert f'name="proposed-{old.pk}"' in browser.get("/hotline/triage/").content.decode()
    assert browser.post("/hotline/triage/category/", {"request": old.pk, "category": "城乡建设"}).status_code == 302
    assert browser.post("/hotline/triage/matter/", {"request": old.pk, "matter": "CJ0203"}).status_code == 302
    assert "已派单 1 件" in browser.post("/hotline/triage/dispatch/", {"request": old.pk}).content.decode()


def test_按受理当地日期取词典版本(world: World) -> None:
    assert queries.received_on(world.request(received_at=datetime(2026, 1, 1, 0, 30, tzinfo=CHINA))) == date(2026, 1, 1)


@pytest.mark.parametrize(("told", "kept"), [("true", True), ("false", False), ("", None)])
def test_回访没问是否解决的不记成未解决(world: World, told: str, kept: bool | None) -> None:
    request = world.handle(world.dispatch(world.request()))
    sent = {"resolved": told, "comment": "", "key": "c1"}
    answer = world.client("caller").post(f"/cases/{request.case_id}/action/satisfied/", sent)
    request.refresh_from_db()
    assert answer.status_code == 302 and request.resolved is kept
