"""Notify, preferences, the outbox and its adapters."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Actor, Invalid, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.messages import queries, services
from yiwang.kernel.messages.models import Delivery, Message
from yiwang.kernel.people.models import Person


@pytest.fixture
def person():
    return Person.objects.create(name="覃小妹", staff_number="A1", phone="13812345678", email="qin@example.cn")


def as_actor(person: Person, **more) -> Actor:
    return Actor(person_id=person.pk, account_id=None, name=person.name, **more)


def outbox_files(settings) -> list[Path]:
    return sorted((Path(settings.VAR) / "outbox").glob("*.txt"))


@pytest.mark.django_db
def test_通知得站内一条与默认渠道一条(person, settings):
    services.notify([person.pk, person.pk], "有新待办", "请在今日内办理", url="/cases/1/", kind="flow.todo")
    message = Message.objects.get()
    assert (message.person, message.title, message.url) == (person, "有新待办", "/cases/1/")
    delivery = Delivery.objects.get()
    assert delivery.channel == "sms"
    assert "13812345678" not in delivery.address
    assert delivery.clear_address == "13812345678"
    assert services.deliver() == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert "13812345678" in outbox_files(settings)[0].read_text()
    assert services.deliver() == 0


@pytest.mark.django_db
def test_同一去重标识只通知一次(person):
    for _ in range(3):
        services.notify([person.pk], "甲", "", dedup="case:1:entry:2")
    services.notify([person.pk], "甲", "", dedup="case:1:entry:3")
    assert Message.objects.count() == Delivery.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_业务回滚则无任何消息(person):
    with pytest.raises(RuntimeError), transaction.atomic():
        services.notify([person.pk], "甲", "")
        services.send("sms", "13800000000", "甲", "")
        raise RuntimeError
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_无电话的人只得站内消息():
    person = Person.objects.create(name="甲", staff_number="A2")
    services.notify([person.pk], "甲", "")
    assert Message.objects.count() == 1
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_偏好先看类别再看总开关再看默认(person):
    actor = as_actor(person)

    def channels(kind: str) -> list[str]:
        Delivery.objects.all().delete()
        services.notify([person.pk], "甲", "", kind=kind)
        return sorted(Delivery.objects.values_list("channel", flat=True))

    assert channels("a") == ["sms"]
    services.prefer(actor, "sms", False)
    services.prefer(actor, "mail", True, kind="a")
    assert channels("a") == ["mail"]
    assert channels("b") == []
    services.prefer(actor, "sms", True, kind="b")
    assert channels("b") == ["sms"]
    assert queries.preferences(actor) == {("", "sms"): False, ("a", "mail"): True, ("b", "sms"): True}
    with pytest.raises(Invalid, match="没有“fax”"):
        services.prefer(actor, "fax", True)
    with pytest.raises(Refused, match="登录"):
        services.prefer(ANONYMOUS, "sms", True)


@pytest.mark.django_db
def test_只能读自己的消息并标记已读(person):
    other = Person.objects.create(name="旁人", staff_number="A3")
    for title in ("一", "二", "三"):
        services.notify([person.pk], title, "")
    mine, theirs = as_actor(person), as_actor(other)
    first = queries.unread(mine).last()
    assert queries.unread(mine).count() == 3
    assert queries.unread(theirs).count() == queries.unread(ANONYMOUS).count() == 0
    assert services.mark_read(theirs, [first.pk]) == services.mark_read(ANONYMOUS) == 0
    assert services.mark_read(mine, [first.pk]) == 1
    assert services.mark_read(mine) == 2
    assert queries.own(mine).count() == 3


def unreachable(settings, adapter: str = "webhook", **more: str) -> None:
    settings.MESSAGE_CHANNELS = {"sms": {"adapter": adapter, "url": "http://127.0.0.1:9/", "timeout": "1", **more}}


def due_now() -> None:
    Delivery.objects.filter(state="waiting").update(next_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_失败按退避重试到上限后搁置且可重发(settings):
    services.send("sms", "13800000000", "甲", "内容")
    unreachable(settings)
    pauses = []
    for _ in range(services.ATTEMPTS):
        assert services.deliver() == 1
        assert services.deliver() == 0
        delivery = Delivery.objects.get()
        pauses.append(delivery.next_at - timezone.now())
        due_now()
    assert pauses[0] < pauses[1] < pauses[2]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, queries.parked()) == ("parked", services.ATTEMPTS, 1)
    assert "URLError" in delivery.error
    with pytest.raises(Refused, match="系统管理员"):
        services.send_again(ANONYMOUS, [delivery.pk])
    with pytest.raises(Refused):
        queries.outbox(ANONYMOUS)
    administrator = Actor(person_id=None, account_id=None, name="管", duties=frozenset({Duty.SYSTEM}))
    assert queries.outbox(administrator).count() == 1
    settings.MESSAGE_CHANNELS = {"sms": {"adapter": "demo"}}
    assert services.send_again(administrator, [delivery.pk]) == 1
    assert services.deliver() == 1
    assert Delivery.objects.get().state == "sent"


@pytest.mark.django_db
def test_同一事项对同一人按序发送_前一条未发则后一条等待(settings):
    for number in range(3):
        services.send("sms", "13800000000", f"第{number}条", "", thread="case:1", dedup=f"a{number}")
    services.send("sms", "13900000000", "他人", "", thread="case:1", dedup="b")
    services.send("sms", "13800000000", "他案", "", thread="case:2", dedup="c")
    unreachable(settings)
    assert services.deliver() == 3
    waiting = list(Delivery.objects.filter(attempts=0).order_by("id").values_list("title", flat=True))
    assert waiting == ["第1条", "第2条"]
    due_now()
    settings.MESSAGE_CHANNELS = {"sms": {"adapter": "demo"}}
    while services.deliver():
        pass
    order = (
        Delivery.objects.filter(state="sent", dedup__startswith="a").order_by("sent_at").values_list("dedup", flat=True)
    )
    assert list(order) == ["a0", "a1", "a2"]


@pytest.mark.django_db
def test_搁置的消息不挡住后面的(settings):
    services.send("sms", "13800000000", "一", "", thread="case:1")
    services.send("sms", "13800000000", "二", "", thread="case:1")
    Delivery.objects.filter(title="一").update(state="parked")
    assert services.deliver() == 1
    assert Delivery.objects.get(title="二").state == "sent"


@pytest.mark.django_db
def test_发出后未及记录就中断_到期以同一标识再发一次(settings):
    services.send("sms", "13800000000", "甲", "内容", dedup="once")
    leased = services._claim(10)
    assert [delivery.dedup for delivery in leased] == ["once"]
    assert services.deliver() == 0
    due_now()
    assert services.deliver() == 1
    assert len(outbox_files(settings)) == 1
    services._note_failure(leased[0], "迟到的结果", last=True)
    assert Delivery.objects.get().state == "sent"


@pytest.mark.django_db(transaction=True)
def test_多个进程同时发送_每条只发一次(settings):
    for number in range(30):
        services.send("sms", "13800000000", f"{number}", "", dedup=f"d{number}", thread=f"case:{number % 3}")
    sent = []

    def work():
        try:
            sent.extend(services.deliver(5) for _ in range(60))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 30
    assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}


class Gateway(BaseHTTPRequestHandler):
    status = 200
    requests: list[tuple[dict[str, str], bytes]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append((dict(self.headers), body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *args):
        return


@pytest.fixture
def gateway():
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    Gateway.status, Gateway.requests = 200, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/send"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.django_db
def test_网关收到带签名的请求(settings, gateway):
    unreachable(settings, url=gateway, secret="s3cret")
    services.send("sms", "13800000000", "甲", "您的诉求已受理", dedup="m1")
    services.deliver()
    headers, body = Gateway.requests[0]
    assert json.loads(body) == {"id": "m1", "to": "13800000000", "title": "甲", "text": "您的诉求已受理"}
    expected = hmac.new(
        b"s3cret", headers["X-Timestamp"].encode() + b"." + body, lambda: hashlib.new("sm3")
    ).hexdigest()
    assert headers["X-Signature"] == f"sm3={expected}"
    assert Delivery.objects.get().state == "sent"


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "state"), [(400, "parked"), (429, "waiting"), (503, "waiting")])
def test_网关拒收立即搁置而繁忙则再试(settings, gateway, status, state):
    Gateway.status = status
    unreachable(settings, url=gateway)
    services.send("sms", "13800000000", "甲", "")
    services.deliver()
    assert Delivery.objects.get().state == state


@pytest.mark.django_db
def test_未配置的渠道与网关以文字搁置(settings):
    with pytest.raises(Invalid, match="未配置"):
        services.send("fax", "1", "甲", "")
    services.send("sms", "13800000000", "甲", "")
    unreachable(settings, url="")
    services.deliver()
    assert "未配置" in Delivery.objects.get().error
    Delivery.objects.update(state="waiting", attempts=0)
    due_now()
    settings.MESSAGE_CHANNELS = {}
    services.deliver()
    assert "未配置" in Delivery.objects.get().error


@pytest.mark.django_db
def test_邮件带固定编号且标题不能夹带邮件头(person, settings):
    settings.MESSAGE_CHANNELS = {"mail": {"adapter": "mail"}}
    settings.MESSAGE_DEFAULT_CHANNELS = ["mail"]
    services.notify([person.pk], "甲\r\nBcc: evil@example.cn", "正文", dedup="x")
    services.deliver()
    assert mail.outbox[0].subject == "甲 Bcc: evil@example.cn"
    assert mail.outbox[0].to == ["qin@example.cn"]
    first = mail.outbox[0].extra_headers["Message-ID"]
    Delivery.objects.update(state="waiting", next_at=timezone.now())
    services.deliver()
    assert mail.outbox[1].extra_headers["Message-ID"] == first


@pytest.mark.django_db
def test_系统发送无需账号(settings):
    services.send("sms", "13800000000", "查询码", "1234")
    assert queries.outbox(SYSTEM).count() == 1


SENDER = """
import django; django.setup()
from django.conf import settings
settings.MESSAGE_CHANNELS = {channels!r}
from yiwang.kernel.messages.services import deliver
while deliver(4):
    pass
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_不变量32_发送进程屡次被杀_每条至少一次且同一事项按序_回滚的一条没有(database_url, gateway):
    with pytest.raises(RuntimeError), transaction.atomic():
        services.send("sms", "13800000000", "回滚", "", dedup="rolled-back", thread="case:0")
        raise RuntimeError
    for number in range(24):
        services.send("sms", "13800000000", f"{number}", "", dedup=f"{number:02}", thread=f"case:{number % 3}")
    script = SENDER.format(channels={"sms": {"adapter": "webhook", "url": gateway}})
    for kill_after in (5, 14, None):
        process = subprocess.Popen([sys.executable, "-c", script], env=os.environ | {"DATABASE_URL": database_url})
        while process.poll() is None:
            if kill_after is not None and len(Gateway.requests) >= kill_after:
                process.kill()
                break
            time.sleep(0.001)
        process.wait()
        due_now()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    arrived = [json.loads(body)["id"] for _, body in Gateway.requests]
    assert set(arrived) == {f"{number:02}" for number in range(24)}
    for case in range(3):
        of_case = [number for number in map(int, arrived) if number % 3 == case]
        assert list(dict.fromkeys(of_case)) == sorted(set(of_case))


@pytest.mark.django_db
def test_同类消息成百上千时_站内一条不少_站外只另说一句(person):
    for number in range(services.OUTSIDE.failures + 40):
        services.notify([person.pk], f"待办{number}", "", kind="flow.seats", dedup=f"flow:{number}")
    assert Message.objects.count() == services.OUTSIDE.failures + 40
    titles = list(Delivery.objects.order_by("pk").values_list("title", flat=True))
    assert len(titles) == services.OUTSIDE.failures + 1 and titles[-1] == services.MANY[0]
    services.notify([person.pk], "督办", "", kind="flow.urge")
    assert Delivery.objects.latest("pk").title == "督办", "另一类消息照发"
