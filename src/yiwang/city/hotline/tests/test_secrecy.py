"""举报人是谁：承办、协办单位和公众从任何一扇门都看不出来。"""

import io
import re
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from yiwang.city.hotline import queries
from yiwang.city.hotline.measures import MEASURES
from yiwang.city.hotline.models import Reporter, Request
from yiwang.city.hotline.services.exclusions import apply_exclusion
from yiwang.city.hotline.tests.world import Kind, World
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.outbox import deliver
from yiwang.kernel.ledger.models import Entry

NAME, PHONE, NUMBER = "钱多多", "13812345678", "450205199001011234"
SECRETS = (NAME, PHONE, NUMBER, "138-1234-5678", "钱女士")
OPINION = f"{NAME}（钱女士）来电{PHONE}，身份证{NUMBER}"
SAID = f"我是{NAME}，电话{PHONE}（138-1234-5678），身份证{NUMBER}，举报解放路九号楼违建"


KINDS: dict[str, dict[str, Any]] = {
    "report": {"kind": Kind.REPORT},
    "confidential": {"kind": Kind.COMPLAINT, "confidential": True},
}


def lived(world: World, kind: dict[str, Any]) -> Request:
    """A secret request back with its unit after the callback, with a co-handler."""
    found = world.request(title=f"{NAME}举报违建，{PHONE}", content=SAID, name=NAME, phone=PHONE, public=True, **kind)
    world.dispatch(found, co=("URBAN",))
    world.act("housing.handler", found, "sign")
    flow.urge(world["dispatcher"], found.case_id, opinion=f"催办：{OPINION}")
    flow.answer(world["urban.handler"], found.case_id, opinion="现场有违建")
    flow.suspend(world["housing.handler"], found.case_id, cause=f"等{OPINION}", basis="司法鉴定程序通则")
    flow.resume(world["housing.handler"], found.case_id)
    world.handle(found, reply=f"已于当日答复{OPINION}，现场已拆除。")
    comment = {"resolved": False, "comment": f"{NAME}说还在建，电话{PHONE}"}
    return world.act("caller", found, "dissatisfied", opinion=f"未解决：{OPINION}", data=comment)


@pytest.fixture(scope="module")
def secrets_(district: World, django_db_blocker: DjangoDbBlocker) -> dict[str, int]:
    """A report, and a complaint asked to be kept confidential; made once, as no test commits what it does to them."""
    with django_db_blocker.unblock():
        made = {name: lived(district, kind).pk for name, kind in KINDS.items()}
        deliver(100)
        return made


@pytest.fixture(params=["report", "confidential"])
def request_(request: pytest.FixtureRequest, secrets_: dict[str, int], world: World) -> Request:
    return Request.objects.select_related("case").get(pk=secrets_[request.param])


def doors(request: Request) -> list[str]:
    register = "/r/hotline.request/"
    return [
        "/", "/inbox/todo/", "/inbox/done/", "/notifications/", f"/cases/{request.case_id}/",
        f"/cases/{request.case_id}/?earlier=1", register, f"{register}?columns=title&columns=content", f"{register}{request.pk}/",
        f"{register}export/?format=csv", f"{register}export/?format=xlsx", f"/api/r/hotline.request/{request.pk}",
        "/api/r/hotline.request/", f"/search/?q={request.number}", f"/search/?q={PHONE}", f"/search/?q={NAME}",
        "/search/?q=违建", f"{register}?q={PHONE}", f"{register}?q={NAME}", "/r/hotline.exclusion/",
        "/r/hotline.exclusion/export/?format=csv", "/api/r/hotline.exclusion/?columns=statement", "/r/hotline.charge/",
        "/api/r/hotline.charge/?columns=cause",
    ]  # fmt: skip


def body(response: object) -> str:
    raw = b"".join(response.streaming_content) if getattr(response, "streaming", False) else response.content  # type: ignore[attr-defined]
    # A spreadsheet is compressed: nothing would be found in it unopened.
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            raw = b"\n".join(book.read(name) for name in book.namelist())
    # In JSON a Chinese name may stand as escapes: compare what a reader of it would see.
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), raw.decode("utf-8", errors="replace"))


def leaks(text: str, asked: str) -> list[str]:
    """Secrets in an answer, but for the one the reader typed himself into the address."""
    return [secret for secret in SECRETS if secret in text and secret not in asked]


@pytest.mark.parametrize("who", ["housing.handler", "housing.head", "urban.handler", "urban.head", "sub1.handler"])
def test_承办协办和旁单位哪扇门都看不到(world: World, secrets_: dict[str, int], who: str) -> None:
    browser = world.client(who)
    both = Request.objects.filter(pk__in=secrets_.values()).select_related("case")
    opened = 0
    for door in dict.fromkeys(door for each in both for door in doors(each)):
        response = browser.get(door)
        opened += response.status_code == 200
        assert not leaks(body(response), door), door
    assert opened >= 8
    for phrase in (PHONE, NAME, NUMBER):
        found = body(browser.get("/r/hotline.request/", {"q": phrase}))
        assert not [each.number for each in both if each.number in found], "搜得到就等于看得到"


def figures() -> list[str]:
    """Every figure of the hotline with its rows, above and below the line, split by matter and by place."""
    year = timezone.localdate().year
    found = []
    for measure in MEASURES:
        parts = ("numerator", "denominator") if measure.is_rate else ("numerator",)
        by = "district" if "district" in measure.dimensions else "party"
        found += [f"/figures/{measure.code}/?period={year}&part={part}&by={by}" for part in parts]
    return [*found, "/figures/"]


@pytest.mark.parametrize("request_", ["report"], indirect=True)
def test_指标下钻的记录里也看不到(world: World, request_: Request) -> None:
    flow.answer(world["urban.handler"], request_.case_id, opinion="已拆除")
    world.handle(request_, reply=f"已再次处理，{OPINION}，已拆除完毕。")
    world.close(request_)
    number = request_.number
    for who, doors_ in (
        ("housing.head", figures()),
        ("housing.handler", figures()[:4]),
        ("urban.handler", figures()[:4]),
    ):
        browser = world.client(who)
        answers = {door: body(browser.get(door)) for door in doors_}
        assert not [(who, door) for door, answer in answers.items() if leaks(answer, door)]
        if who == "housing.head":
            assert sum(number in answer for answer in answers.values()) >= 10, "下钻须列出这件，否则等于没有查"
    # The one reader who may know: the title there is the public one as well.
    assert not leaks(body(world.client("manager").get(figures()[0])), "")


def test_承办单位仍看得到事情本身(world: World, request_: Request) -> None:
    page = body(world.client("housing.handler").get(f"/cases/{request_.case_id}/"))
    assert "举报解放路九号楼违建" in page and queries.HIDDEN in page


def test_热线人员看得到原文且按号码查得到历史(world: World, request_: Request) -> None:
    page = body(world.client("operator").get(f"/cases/{request_.case_id}/"))
    assert NAME in page and PHONE in page and NUMBER in page
    assert "违建" in body(world.client("operator").get("/r/hotline.request/", {"q": "违建"}))
    history = body(world.client("operator").post("/hotline/desk/history/", {"phone": "138 1234 5678"}))
    assert request_.number in history
    masked = body(world.client("dispatcher").get(f"/cases/{request_.case_id}/"))
    assert "138****5678" in masked


def test_公众各页看不到(world: World, request_: Request) -> None:
    public = Client()
    addresses = ["/public/", "/public/hotline/", "/open311/v2/requests.json", "/open311/v2/requests.xml"]
    addresses += [
        f"/open311/v2/requests/{request_.number}.json",
        f"/public/hotline/track/?code={request_.tracking_code}",
    ]
    for address in addresses:
        text = body(public.get(address))
        assert not leaks(text, address) and PHONE[:3] + "****" not in text, address
    assert request_.number not in body(public.get("/open311/v2/requests.json"))
    for door in doors(request_):
        assert not leaks(body(public.get(door)), door)


def test_台账只记编号不记身份_库里没有明文(request_: Request) -> None:
    for entry in Entry.objects.all():
        assert not leaks(f"{entry.before}{entry.after}{entry.reason}", "")
    stored = Reporter.objects.get(request=request_)
    assert not leaks(f"{stored.name}{stored.phone}{stored.statement}", "")
    assert not leaks(f"{request_.title}{request_.content}{request_.search_terms}{request_.case.title}", "")


def test_管理员三员都打不开(world: World, request_: Request) -> None:
    assert world.client("ecology.head").get("/r/hotline.request/").status_code == 403
    assert world.client("ecology.head").get(f"/cases/{request_.case_id}/").status_code == 404


def test_普通诉求哪扇门也不带号码_有权的看得到原文(world: World) -> None:
    request = world.dispatch(world.request(title=f"找{PHONE}的路灯问题", content=f"路灯不亮，{NAME}电话{PHONE}"))
    assert PHONE not in f"{request.title}{request.content}{request.search_terms}"
    assert queries.statement(world["operator"], request) == f"找{PHONE}的路灯问题\n路灯不亮，{NAME}电话{PHONE}"
    flow.urge(world["dispatcher"], request.case_id, opinion=f"请尽快回电{PHONE}")
    deliver(100)
    browser = world.client("housing.handler")
    for door in doors(request):
        text = body(browser.get(door))
        assert PHONE in door or PHONE not in text, door
    page = body(browser.get(f"/cases/{request.case_id}/"))
    assert "请尽快回电138****5678" in page and "路灯不亮" in page
    assert f"请尽快回电{PHONE}" in body(world.client("operator").get(f"/cases/{request.case_id}/"))


def test_办结后公开的答复和计时事由也隐去(world: World, request_: Request) -> None:
    flow.answer(world["urban.handler"], request_.case_id, opinion="已拆除")
    world.handle(request_, reply=f"已再次处理，{OPINION}，已拆除完毕。")
    world.close(request_)
    Request.objects.filter(pk=request_.pk).update(public=True)
    found = apply_exclusion(world["housing.handler"], request_.pk, ground="untrue", statement=f"{OPINION}所述不实")
    for door in (*doors(request_), f"/cases/{found.case_id}/"):
        assert not leaks(body(world.client("housing.handler").get(door)), door), door
    public = body(Client().get(f"/public/hotline/track/?code={request_.tracking_code}"))
    assert "已拆除完毕" in public and not leaks(public, "")
    causes = " ".join(request_.charges.values_list("cause", flat=True))
    assert "等（诉求人）" in causes and not leaks(causes, "")


def test_号码写法不同仍是同一人(world: World) -> None:
    marks = {queries.identity_of(phone=written) for written in ("13812345678", "138 1234 5678", "+86 138-1234-5678")}
    assert len(marks) == 1
    assert queries.identity_of(external_user="u1") != queries.identity_of(external_user="u2")
