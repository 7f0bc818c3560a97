"""研判页：谁打得开，填错了怎么说，旧网址去哪。"""

import pytest
from django.utils import timezone

from yiwang.city.hotline.models import Event, Request
from yiwang.city.hotline.tests.world import World
from yiwang.city.insight.models import RepeatFinding, TopicRun

PAGE = "/insight/"
POSTS = ("topics/", "repeats/", "judge/", "group/")
TEXT = "锦绣家园旁工地凌晨一点还在打桩施工，噪音很大，整个小区都睡不着，请查处"


def test_只对派单员和负责人开(world: World) -> None:
    for name in ("operator", "dispatcher", "caller", "manager", "housing.handler", "ecology.head"):
        browser = world.client(name)
        allowed = name in ("dispatcher", "manager")
        assert browser.get(PAGE).status_code == (200 if allowed else 403), name
        assert browser.get("/hotline/insight/").status_code == (302 if allowed else 403), name
        if not allowed:
            assert {browser.post(f"{PAGE}{each}").status_code for each in POSTS} == {403}, name


def test_旧网址带着标签转到新页(world: World) -> None:
    answer = world.client("manager").get("/hotline/insight/", {"tab": "repeats"})
    assert answer["Location"] == "/insight/?tab=repeats"


def test_只收提交的地址拒绝打开_缺项说得清(world: World) -> None:
    browser = world.client("manager")
    for each in POSTS:
        assert browser.get(f"{PAGE}{each}").status_code == 405, each
    for wrong in ({}, {"finding": "abc"}, {"finding": "9" * 30}, {"finding": "-1"}):
        assert browser.post(f"{PAGE}judge/", wrong).status_code == 422, wrong
    assert browser.post(f"{PAGE}judge/", {"finding": "999", "confirmed": "1"}).status_code == 404
    assert browser.post(f"{PAGE}group/", {"request": "x", "title": "路灯"}).status_code == 422
    assert browser.post(f"{PAGE}group/", {"title": "路灯"}).status_code == 422
    for day in ("2026-13-45", "0000-00-00", "9999-12-31", "99999999-01-01"):
        assert browser.post(f"{PAGE}topics/", {"since": day, "until": day}).status_code == 422
    answer = browser.get(PAGE, {"since": "昨天"})
    assert answer.status_code == 422 and "2026-03-01~2026-03-15" in answer.content.decode()
    assert browser.get(f"{PAGE}?tab=places&since=2026-02-01&until=2026-01-01").status_code == 422
    assert not RepeatFinding.objects.exists() and not Event.objects.exists()


@pytest.mark.parametrize("tab", ["topics", "repeats", "events", "hard", "places", "没有这页"])
def test_各页能看_地点可点到台账(world: World, tab: str) -> None:
    world.request(title="望江街道路灯不亮")
    page = world.client("manager").get(PAGE, {"tab": tab}).content.decode()
    if tab == "places":
        address = page.split('href="/r/hotline.request/?district=')[1].split('"')[0].replace("&amp;", "&")
        listed = world.client("manager").get(f"/r/hotline.request/?district={address}")
        assert "望江街道路灯不亮" in listed.content.decode()
    assert "诉求研判" in page


def test_有格子的画示意图_没有的画条形_件数与台账相同(world: World) -> None:
    browser, places = world.client("manager"), {"tab": "places"}
    for title in ("望江街道路灯不亮", "望江街道井盖缺失", "某处路灯不亮"):
        world.request(title=title, content=title)
    page = browser.get(PAGE, places).content.decode()
    assert (
        "示意图，颜色越深" in page and "<title>望江街道：2件</title>" in page and "<title>青枫街道：0件</title>" in page
    )
    assert '<th class="number">3</th>' in page, "未注明的只在表里，合计包括它"
    Request.objects.update(district="别处街道")
    page = browser.get(PAGE, places).content.decode()
    assert "颜色越深" not in page and "<title>别处街道：3件</title>" in page


def test_查找_认定_算热点_归群体_一路走到台账(world: World) -> None:
    browser, manager = world.client("dispatcher"), world.client("manager")
    made = [world.request(title="工地夜间施工", content=TEXT, phone=f"1381234567{number}") for number in range(3)]
    assert browser.post(f"{PAGE}repeats/", {})["Location"] == "/insight/?tab=repeats"
    page = manager.get(PAGE, {"tab": "repeats"}).content.decode()
    assert "不同诉求人" in page and f'href="/cases/{made[0].case_id}/"' in page
    finding = RepeatFinding.objects.order_by("pk").first()
    assert finding is not None
    assert manager.post(f"{PAGE}judge/", {"finding": finding.pk, "confirmed": "1"}).status_code == 302
    hard = browser.get(PAGE, {"tab": "hard"}).content.decode()
    assert Request.objects.get(repeated=True).number in hard
    assert browser.post(f"{PAGE}topics/", {}).status_code == 302
    page = browser.get(PAGE).content.decode()
    assert "展开 3 件" in page and TopicRun.objects.get().period_until == timezone.localdate()
    said = {"request": [each.pk for each in made], "title": "工地夜间施工"}
    assert browser.post(f"{PAGE}group/", said)["Location"] == "/insight/?tab=events"
    event = Event.objects.get()
    page = browser.get(PAGE, {"tab": "events"}).content.decode()
    assert f"/r/hotline.request/?event={event.pk}" in page
    listed = browser.get(f"/r/hotline.request/?event={event.pk}").content.decode()
    assert all(each.number in listed for each in made)
