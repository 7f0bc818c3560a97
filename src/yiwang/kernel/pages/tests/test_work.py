"""Home, inbox, case page and acting through them, with a small flow of its own."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from tests.worlds import kept
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.calendar.services import publish as publish_calendar
from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Field, Flow, Gate, Operation, Stage, end
from yiwang.kernel.flow.models import Case, Entry, FlowVersion, Seat
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.flow.queries import boxed, reach_of
from yiwang.kernel.flow.services import act, open_case
from yiwang.kernel.messages.services import notify
from yiwang.kernel.pages.boxes import BOXES, Filters, page_of
from yiwang.kernel.people import services
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import delegate
from yiwang.kernel.people.testing import PASSWORD, Town

pytestmark = pytest.mark.django_db
FLOW = Flow(
    code="petition", name="来信办理", edition="1", number="petition", operator_role="desk",
    stages=(
        Stage("desk", "登记", Assign("role", "desk", "operator"), (
            Action("send", "派办", "work", fields=(Field("to", "承办单位", "organisation", required=True),)),
        )),
        Stage("work", "承办", Assign("role", "worker", "lead"), (
            Action("answer", "答复", end("answered"), needs_opinion=True, confirm="确认答复？", basis="《信访工作条例》第三十一条",
                   fields=(Field("result", "结果", "choice", required=True, choices=(("yes", "已解决"), ("no", "未解决"))),
                           Field("proof", "佐证", "files"))),
            Action("note", "记录进展", "@stay", verdict="note"),
            Action("never", "越级上报", "desk", gates=(Gate("data", "secret_order", "没有批示文号"),)),
        )),
    ),
    outcomes=(("answered", "已答复"),), clocks=(ClockRule("reply", "答复时限", "working_day", 5, basis="第三十四条"),),
    operations=(Operation("transfer"), Operation("suspend"), Operation("copy"), Operation("send_back"), Operation("batch")), basis="《信访工作条例》",
)  # fmt: skip


class House:
    """Two bureaus, a desk, a worker, a stranger, each with a signed-in browser."""

    def __init__(self) -> None:
        year = timezone.localdate().year
        publish_calendar(SYSTEM, "cn", (), "测试", years=range(year - 1, year + 2))
        town = Town()
        town.role("desk"), town.role("worker")
        self.town, self.version = town, publish(FLOW)
        town.organisation("信访局"), town.organisation("住建局")
        self.accounts: dict[str, Account] = {
            "李静": town.account("李静", town.post("信访局", "登记岗", "desk")),
            "王强": town.account("王强", town.post("住建局", "承办岗", "worker")),
            "外人": town.account("外人", town.post("住建局", "档案岗")),
        }

    def actor(self, name: str) -> Actor:
        return actor_of(self.accounts[name])

    def browser(self, name: str) -> Client:
        client = Client()
        answer = client.post("/sign-in/", {"username": self.accounts[name].username, "password": PASSWORD})
        assert answer.status_code == 302, answer.content.decode()
        return client

    def case(self, title: str = "反映楼道照明损坏", *, sent: bool = True, **options: Any) -> Case:
        desk, unit = self.actor("李静"), self.town.organisations["住建局"].pk
        operator = self.town.organisations["信访局"].pk
        made = open_case(desk, "petition", title, organisation_id=operator, operator_id=operator, **options)
        if sent:
            act(desk, made.pk, "send", data={"to": unit})
        made.refresh_from_db()
        return made


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    with kept(django_db_blocker, House) as made:
        yield made


@pytest.fixture
def house(built: House, db: None) -> House:
    return deepcopy(built)


def _words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def _key(answer: Any) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{32})"', answer.content.decode())
    assert found
    return found.group(1)


def test_待办首页_保存的语句与当场编的列出同样的行(house):
    for number in range(4):
        house.case(f"第{number}件", sent=number != 3)
    for name, many in (("王强", 3), ("李静", 1), ("外人", 0)):
        reach = reach_of(house.actor(name), timezone.now())
        parts = boxed(house.actor(name), "todo")
        for size in (2, 30, 2):
            kept, fresh = (page_of(parts, BOXES[0], Filters(), size, reach=each) for each in (reach, None))
            assert kept == fresh and len(kept[0]) == min(many, size) and bool(kept[1]) == (many > size)


def test_未登录的人被带去登录(house: House) -> None:
    case = house.case()
    for path in ("/", "/inbox/todo/", f"/cases/{case.pk}/", "/search/?q=照明", "/notifications/", "/jobs/", "/flows/"):
        answer = Client().get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/sign-in/"), path


def test_首页与五个箱都能打开且待办数与内容一致(house: House) -> None:
    house.case(), house.case("反映噪音")
    worker = house.browser("王强")
    home = _words(worker.get("/"))
    assert "反映楼道照明损坏" in home and "反映噪音" in home and "待办 2" in home
    for box, expected in (("todo", True), ("done", False), ("started", False), ("watched", False), ("copied", False)):
        assert ("反映噪音" in _words(worker.get(f"/inbox/{box}/"))) == expected, box
    assert "反映噪音" in _words(house.browser("李静").get("/inbox/done/"))
    assert "反映噪音" in _words(house.browser("李静").get("/inbox/started/"))
    assert worker.get("/inbox/nothing/").status_code == 404


def test_外人的箱里和搜索里都没有别人的案件(house: House) -> None:
    case = house.case()
    stranger = house.browser("外人")
    assert "反映楼道照明损坏" not in _words(stranger.get("/inbox/todo/"))
    assert "反映楼道照明损坏" not in _words(stranger.get("/search/?q=照明损坏"))
    assert case.number not in _words(stranger.get(f"/pick/case/?pick={case.number}"))
    assert stranger.get(f"/cases/{case.pk}/").status_code == 404
    assert stranger.get(f"/cases/{case.pk}/action/answer/").status_code == 404
    before = Entry.objects.filter(case=case).count()
    answer = stranger.post(f"/cases/{case.pk}/action/answer/", {"key": "0" * 32, "opinion": "x", "result": "yes"})
    assert answer.status_code == 404 and Entry.objects.filter(case=case).count() == before


def test_收件箱按期限翻页不重不漏(house: House) -> None:
    cases = [house.case(f"来信{number:02}") for number in range(35)]
    soon = timezone.now() + timedelta(hours=3)
    for number, case in enumerate(cases):
        due = None if number % 7 == 0 else soon + timedelta(hours=number % 5)
        Seat.objects.filter(case=case, state="open").update(due=due)
    worker, seen, path = house.browser("王强"), [], "/inbox/todo/"
    while path:
        text = worker.get(path).content.decode()
        seen += re.findall(r'<a href="/cases/(\d+)/">', text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = "/inbox/todo/" + following.group(1).replace("&amp;", "&") if following else ""
    assert len(seen) == 35 and set(seen) == {str(case.pk) for case in cases}
    dues = [Seat.objects.get(case_id=int(pk), state="open").due for pk in seen]
    known = [due for due in dues if due is not None]
    assert known == sorted(known) and dues[len(known) :] == [None] * 5


def test_收件箱按流程环节期限和文字筛选(house: House) -> None:
    late, fine = house.case("超期的来信"), house.case("不急的来信")
    Seat.objects.filter(case=late, state="open").update(due=timezone.now() - timedelta(days=1))
    Seat.objects.filter(case=fine, state="open").update(due=timezone.now() + timedelta(days=9))
    worker = house.browser("王强")
    for query, shown in (
        ("colour=red", {late}), ("colour=green", {fine}), ("colour=yellow", set()), ("text=不急", {fine}),
        (f"text={late.number}", {late}), ("flow=petition&stage=work", {late, fine}), ("flow=petition&stage=desk", set()),
        ("flow=none", set()), ("after=~9~9", {late, fine}), ("after=x~" + "9" * 30, {late, fine}),
    ):  # fmt: skip
        text = _words(worker.get(f"/inbox/todo/?{query}"))
        assert {case for case in (late, fine) if case.title in text} == shown, query


def test_收件箱查询数不随件数增加(house: House, django_assert_max_num_queries: Callable[..., Any]) -> None:
    for number in range(12):
        house.case(f"来信{number}")
    worker = house.browser("王强")
    worker.get("/inbox/todo/")
    with django_assert_max_num_queries(2 + 6) as captured:
        assert worker.get("/inbox/todo/?flow=petition&stage=work").status_code == 200
    assert any("UNION" in query["sql"] for query in captured)


def test_首页分色计数与待办一致且待办只数一遍(house: House, django_assert_max_num_queries: Callable[..., Any]) -> None:
    now = timezone.now()
    for due in (-5, -1, 3, 200, None):
        case = house.case()
        moment = None if due is None else now + timedelta(hours=due)
        Seat.objects.filter(case=case, state="open").update(due=moment)
    worker = house.browser("王强")
    worker.get("/")
    with django_assert_max_num_queries(2 + 5) as captured:
        home = _words(worker.get("/"))
    assert "待办 5" in home and "已超期 2" in home and "24 小时内到期 1" in home
    assert sum('AS "todo"' in query["sql"] for query in captured) == 1


def test_案件页写明期限过程席位和能做的事(house: House) -> None:
    case = house.case()
    worker = house.browser("王强")
    text = _words(worker.get(f"/cases/{case.pk}/"))
    for word in (
        case.number,
        "答复时限",
        "5 个工作日",
        "逐日说明",
        "登记",
        "派办",
        "李静",
        "承办单位：住建局",
        "答复",
        "记录进展",
        "转办",
        "住建局（主办单位）",
    ):
        assert word in text, word
    assert "没有批示文号" in text and "当前环节：承办" in worker.get(f"/cases/{case.pk}/").content.decode()
    assert "现在不能用的操作" in text
    desk = _words(house.browser("李静").get(f"/cases/{case.pk}/"))
    assert "此件当前由 住建局" in desk.replace("由住建局", "由 住建局")
    # A clock that has stopped is folded away.
    assert "停钟" not in text and "panel clock" not in worker.get(f"/cases/{case.pk}/").content.decode()
    act(house.actor("王强"), case.pk, "answer", opinion="已处理。", data={"result": "yes"})
    closed = worker.get(f"/cases/{case.pk}/").content.decode()
    assert "停钟" in closed and '<details class="panel clock"><summary>答复时限' in closed


def test_办理表单缺意见被退回原样保留并说明(house: House) -> None:
    case = house.case()
    worker = house.browser("王强")
    key = _key(worker.get(f"/cases/{case.pk}/action/answer/"))
    for headers in ({}, {"HX-Request": "true"}):
        answer = worker.post(
            f"/cases/{case.pk}/action/answer/", {"key": key, "result": "yes", "opinion": " "}, headers=headers
        )
        text = answer.content.decode()
        assert answer.status_code == 422 and "需要修改" in text and "has-error" in text
        assert ("<html" in text) == (not headers) and 'value="yes"' in text and key in text
    case.refresh_from_db()
    assert case.status == "open"


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": "maybe"}, {"result": "y\0s"}, {"result": ["yes", "maybe"]}, {"opinion": "\0"}, {"opinion": ""},
        {"opinion": " \u3000"}, {"key": "a\0b"}, {"key": ""},
    ],
    ids=repr,
)  # fmt: skip
def test_办理表单的错误输入_各有一句话_什么也没办(house: House, wrong: dict[str, object]) -> None:
    case = house.case()
    worker = house.browser("王强")
    given = {"key": _key(worker.get(f"/cases/{case.pk}/action/answer/")), "result": "yes", "opinion": "已办结。"}
    answer = worker.post(f"/cases/{case.pk}/action/answer/", given | wrong)
    case.refresh_from_db()
    assert answer.status_code == 422 and case.status == "open"


def test_重复提交只生效一次且附件不重存(house: House) -> None:
    case = house.case()
    worker = house.browser("王强")
    key = _key(worker.get(f"/cases/{case.pk}/action/answer/"))
    places = set()
    for _ in range(2):
        proof = SimpleUploadedFile("proof.txt", "已整改".encode())
        answer = worker.post(
            f"/cases/{case.pk}/action/answer/", {"key": key, "result": "yes", "opinion": "已办结。", "proof": proof}
        )
        assert answer.status_code == 302
        places.add(answer["Location"])
    assert len(places) == 1 and Entry.objects.filter(case=case, kind="act", action="answer").count() == 1
    page = worker.get(places.pop()).content.decode()
    assert page.count("proof.txt") == 1 and "已提交" in page and "已答复" in page and "结果：已解决" in page


def test_htmx提交后整页跳转(house: House) -> None:
    case = house.case()
    worker = house.browser("王强")
    key = _key(worker.get(f"/cases/{case.pk}/action/note/", headers={"HX-Request": "true"}))
    answer = worker.post(
        f"/cases/{case.pk}/action/note/", {"key": key, "opinion": "已上门"}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 204 and answer["HX-Redirect"].startswith(f"/cases/{case.pk}/?done=")


def test_没有防重复标识的提交被拒绝(house: House) -> None:
    case = house.case()
    answer = house.browser("王强").post(f"/cases/{case.pk}/action/note/", {"opinion": "x"})
    assert answer.status_code == 422 and "防重复标识" in _words(answer)


def test_别人先办了就说明情况(house: House) -> None:
    case = house.case()
    worker = house.browser("王强")
    form = worker.get(f"/cases/{case.pk}/action/answer/")
    act(house.actor("王强"), case.pk, "answer", opinion="先办了", data={"result": "no"})
    answer = worker.post(f"/cases/{case.pk}/action/answer/", {"key": _key(form), "result": "yes", "opinion": "后办"})
    assert answer.status_code in (403, 409) and "刷新" in _words(answer)


def test_门槛未满足的动作不能硬提交(house: House) -> None:
    case = house.case()
    answer = house.browser("王强").post(f"/cases/{case.pk}/action/never/", {"key": "a" * 32, "opinion": "x"})
    assert answer.status_code == 403 and "没有批示文号" in _words(answer)


def test_操作的字段按引擎的参数传入(house: House) -> None:
    case = house.case()
    other = house.town.post("住建局", "二科", "worker")
    house.town.account("赵磊", other)
    worker = house.browser("王强")
    form = worker.get(f"/cases/{case.pk}/operation/transfer/")
    answer = worker.post(
        f"/cases/{case.pk}/operation/transfer/", {"key": _key(form), "to": other.pk, "opinion": "分工调整"}
    )
    assert answer.status_code == 302, _words(answer)
    assert Seat.objects.get(case=case, state="open").post == other


def test_批量办理逐件生效并说明未办的(house: House) -> None:
    mine = [house.case(f"来信{n}") for n in range(3)]
    foreign = house.case("未派的来信", sent=False)
    worker = house.browser("王强")
    page = worker.get("/inbox/todo/?flow=petition&stage=work")
    assert "记录进展" in _words(page) and 'value="answer"' not in page.content.decode()
    seats = [Seat.objects.get(case=case, state="open").pk for case in [*mine, foreign]]
    data = {"key": _key(page), "action": "note", "opinion": "统一回复", "seat": seats}
    text = _words(worker.post("/inbox/todo/batch/", data))
    assert "已办理 3 件" in text and "1 件已不在您的待办中" in text
    assert Entry.objects.filter(kind="act", action="note", opinion="统一回复").count() == 3
    worker.post("/inbox/todo/batch/", data)
    assert Entry.objects.filter(kind="act", action="note").count() == 3
    assert worker.post("/inbox/todo/batch/", {"key": "x"}).status_code == 422


def test_代理人办理两人姓名都写在过程里(house: House) -> None:
    case = house.case()
    now = timezone.now()
    delegate(
        house.actor("王强"), post_id=house.town.posts["住建局承办岗"].pk, agent_id=house.accounts["外人"].person_id,
        valid_from=now - timedelta(hours=1), valid_until=now + timedelta(days=1), reason="出差",
    )  # fmt: skip
    agent = house.browser("外人")
    assert case.title in _words(agent.get("/inbox/todo/"))
    form = agent.get(f"/cases/{case.pk}/action/note/")
    assert agent.post(f"/cases/{case.pk}/action/note/", {"key": _key(form), "opinion": "代为记录"}).status_code == 302
    assert "外人 代 王强" in _words(agent.get(f"/cases/{case.pk}/"))


def test_补录的事实同时写明发生和记录时间(house: House) -> None:
    case = house.case(happened_at=timezone.now() - timedelta(days=2))
    text = _words(house.browser("李静").get(f"/cases/{case.pk}/"))
    assert "补录" in text and "事实发生于" in text


def test_搜索给出可见的案件并拒绝过短的词(house: House) -> None:
    case = house.case("丽发新城搅拌站噪音")
    worker = house.browser("王强")
    assert case.title in _words(worker.get("/search/?q=搅拌站"))
    assert case.title in _words(worker.get(f"/search/?q={case.number}"))
    assert "至少输入两个字" in _words(worker.get("/search/?q=搅"))
    assert "没有您可查看的相符案件" in _words(worker.get("/search/?q=%25%25%25"))


def test_消息只给本人读过即少一条且不跳出本站(house: House) -> None:
    person = house.accounts["王强"].person_id
    notify([person], "期限提醒", "还剩一天", url="/inbox/todo/", dedup="a")
    notify([person], "可疑链接", "x", url="https://evil.example/", dedup="b")
    worker = house.browser("王强")
    page = worker.get("/notifications/?unread=1")
    assert "期限提醒" in _words(page)
    first, second = sorted(set(re.findall(r"/notifications/(\d+)/", page.content.decode())), key=int)
    assert worker.get(f"/notifications/{first}/")["Location"] == "/inbox/todo/"
    assert worker.get(f"/notifications/{second}/")["Location"] == "/notifications/"
    assert house.browser("外人").get(f"/notifications/{first}/").status_code == 404
    assert "没有未读消息" in _words(worker.get("/notifications/?unread=1"))


def test_流程页列出现行版本和时限(house: House) -> None:
    worker = house.browser("王强")
    assert "来信办理" in _words(worker.get("/flows/"))
    text = _words(worker.get(f"/flows/{FlowVersion.objects.get(code='petition').pk}/"))
    assert "承办" in text and "5 工作日" in text and "《信访工作条例》" in text
    version = FlowVersion.objects.get(code="petition").pk
    assert 'class="flow"' in worker.get(f"/flows/{version}/").content.decode()
    drawn = worker.get(f"/flows/{version}/bpmn/")
    assert drawn["Content-Disposition"].startswith("attachment") and b"userTask" in drawn.content
    assert worker.get("/flows/999999/").status_code == 404 and worker.get("/flows/999999/bpmn/").status_code == 404


def test_帮助任务和运行状态(house: House) -> None:
    worker = house.browser("王强")
    assert "快捷键" in _words(worker.get("/help/"))
    assert "还没有发起过" in _words(worker.get("/jobs/"))
    assert worker.get("/system/").status_code == 403


def test_帮助页列出岗位手册_逐页可读_内链可达(house: House) -> None:
    worker = house.browser("王强")
    words = worker.get("/help/").content.decode()
    slugs = re.findall(r'href="/help/([a-z]+)/"', words)
    assert "administrators" in slugs and "handler" in slugs
    for slug in slugs:
        answer = worker.get(f"/help/{slug}/")
        assert answer.status_code == 200 and "<h1>" in answer.content.decode()
        assert ".md" not in "".join(re.findall(r'href="[^"]*"', answer.content.decode()))
    assert worker.get("/help/nothing/").status_code == 404
    assert worker.get("/help/README/").status_code == 404


def test_没有岗位的人首页各箱照常打开_数字都是零(house: House) -> None:
    town = house.town
    newcomer = town.person("新人")
    services.create_account(SYSTEM, newcomer.pk, username="newcomer", password=PASSWORD, must_change=False)
    client = Client()
    assert client.post("/sign-in/", {"username": "newcomer", "password": PASSWORD}).status_code == 302
    home = client.get("/")
    assert home.status_code == 200 and "待办 0" in _words(home)
    assert client.get("/inbox/todo/").status_code == 200
