"""The working calendar on its page: everybody reads it, the system administrator publishes it, deadlines follow."""

from datetime import date

import pytest
from django.test import Client
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.calendar import queries
from yiwang.kernel.calendar.models import CalendarVersion
from yiwang.kernel.calendar.services import publish
from yiwang.kernel.calendar.terms import DayKind
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.people.testing import Town

pytestmark = pytest.mark.django_db
URL, YEAR = "/calendar/", timezone.localdate().year
NOTICE = {"year": YEAR + 1, "source": "国办发明电〔某年〕1号", "whole": "on",
          "text": "国庆节：10月1日（某日）至3日放假调休，共3天。\n某年11月4日"}  # fmt: skip


@pytest.fixture
def browsers() -> dict[str, Client]:
    publish(SYSTEM, "cn", [], "往年通知", years=[YEAR])
    town = Town()
    accounts = {duty.value: account for duty, account in town.administrators().items()}
    accounts["officer"] = town.account("钱多多", town.post("民政局", "科员"))
    found = {name: Client() for name in accounts}
    for name, account in accounts.items():
        found[name].force_login(account)
    return found


def post(browser: Client, step: str, **changed: object) -> object:
    return browser.post(URL, {**NOTICE, **changed, step: "1"})


def test_读一遍不公布_公布后出新版_记账_期限不再暂定(browsers):
    system = browsers[Duty.SYSTEM]
    seen = post(system, "look").content.decode()
    assert f"{YEAR + 1}-10-01" in seen and "没有读懂这些日期的安排：11月4日" in seen and "没有读到：元旦、春节" in seen
    assert CalendarVersion.objects.count() == 1
    again = post(system, "edit").content.decode()
    assert "国庆节：10月1日（某日）至3日放假调休" in again and 'name="look"' in again
    done = post(system, "publish")
    assert (done.status_code, done.url) == (302, f"{URL}?year={YEAR + 1}")
    calendar = queries.load("cn")
    assert calendar.kind(date(YEAR + 1, 10, 1)) == DayKind.HOLIDAY and YEAR + 1 in calendar.years
    entry = Entry.objects.filter(action="calendar.publish").latest("pk")
    assert entry.reason == NOTICE["source"] and len(entry.after["days"]) == 3
    page = system.get(f"{URL}?year={YEAR + 1}").content.decode()
    assert f'title="{YEAR + 1}-10-02 法定节假日 · 国庆节"' in page and ">暂定<" not in page


def test_只补几天不算全年(browsers):
    post(browsers[Duty.SYSTEM], "publish", whole="")
    assert YEAR + 1 not in queries.load("cn").years


@pytest.mark.parametrize("who", ["officer", Duty.SECURITY, Duty.AUDIT])
def test_别人只能看_不能公布(browsers, who):
    shown = browsers[who].get(URL).content.decode()
    assert "公布过的版本" in shown and "公布由系统管理员办理" in shown and "通知正文" not in shown
    assert [post(browsers[who], step).status_code for step in ("look", "edit", "publish")] == [403] * 3
    assert CalendarVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": "2月30日放假"}, "没有“"),
        ({"text": "照旧"}, "没有读到任何一天"),
        ({"text": ""}, "这个字段是必填项"),
        ({"source": " "}, "这个字段是必填项"),
        ({"year": "1999"}, "2000"),
        ({"year": "甲"}, "整数"),
        ({"text": "2150年1月1日放假"}, "日历里没有“2150年1月1日”"),
    ],
)
def test_填错说得清_什么也不公布(browsers, changed, words):
    answer = post(browsers[Duty.SYSTEM], "publish", **changed)
    assert answer.status_code == 200 and words in answer.content.decode()
    assert CalendarVersion.objects.count() == 1


@pytest.mark.parametrize("asked", ["", "1999", "2100", "20266", "²⁰²⁶", "甲", "-1"])
def test_看不了的年份回到今年(browsers, asked):
    assert f"<h1>{YEAR} 年工作日历</h1>" in browsers["officer"].get(URL, {"year": asked}).content.decode()
