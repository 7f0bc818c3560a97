"""批量导入：真实表头自动对应，未答复的进派单，已答复的补录办结，重复导入不变，有错全不写。"""

import io
from typing import Any

import pytest
import xlsxwriter
from django.db import connection

import yiwang.kernel.flow.jobs  # noqa: F401 - what timers call when they ring
from yiwang.city.hotline.models import Reply, Request
from yiwang.city.hotline.registers import REQUESTS
from yiwang.city.hotline.tests.world import World
from yiwang.kernel.access.actors import Refused
from yiwang.kernel.clocks import timers
from yiwang.kernel.files import sheets
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.queries import content
from yiwang.kernel.flow.models import Case, IssuedNumber, Outbox
from yiwang.kernel.flow.outbox import deliver
from yiwang.kernel.flow.testing import check
from yiwang.kernel.messages.models import Message
from yiwang.kernel.registers import services
from yiwang.kernel.registers.models import ImportRun
from yiwang.kernel.search.tests import shared

MESSAGES = ["留言编号", "留言用户", "留言主题", "留言时间", "留言详情", "反对数", "点赞数"]
REPLIES = [*MESSAGES[:5], "答复意见", "答复时间"]
ONE = [188006.0, "A0001", "婚纱摄影是否纳税", "2019/2/28 11:25:05", "\n\t\t望江街道的门店是否纳税？", 0.0, 3.0]
TWO = [188007.0, "A0001", "道路命名", "2019/3/1 9:00:00", "请说明进度。", 1.0, 0.0]
ANSWERED = [
    2549.0,
    "A0002",
    "物业管理",
    "2019/4/25 9:32:09",
    "物业不作为。",
    "已约谈物业公司并限期整改。",
    "2019/5/10 14:56:53",
]


def sheet(*lines: list[Any]) -> io.BytesIO:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    page = book.add_worksheet()
    for number, line in enumerate(lines):
        page.write_row(number, 0, line)
    book.close()
    stream.seek(0)
    return stream


def imported(world: World, *lines: list[Any], by: str = "dispatcher") -> ImportRun:
    run = services.upload(world[by], REQUESTS, "留言.xlsx", sheet(*lines))
    services.confirm(world[by], REQUESTS, run, run.mapping)
    run.refresh_from_db()
    return run


def test_真实表头自动对应_留言进入派单(world: World) -> None:
    run = imported(world, MESSAGES, ONE, TWO)
    assert (run.state, run.created, run.unchanged, run.errors) == ("done", 2, 0, 0)
    first, second = Request.objects.order_by("pk")
    assert (first.external_number, first.channel, first.likes, first.dislikes) == ("188006", "import", 3, 0)
    assert first.received_at.isoformat() == "2019-02-28T03:25:05+00:00"
    assert first.identity == second.identity
    assert [case.stage for case in Case.objects.order_by("pk")] == ["dispatch"] * 2
    assert [number.value for number in IssuedNumber.objects.order_by("case_id")] == [1, 2]
    for case in Case.objects.all():
        check(case)


def test_已答复的补录为历史办结并保留两个时间(world: World) -> None:
    imported(world, REPLIES, ANSWERED)
    request, reply = Request.objects.get(), Reply.objects.get()
    assert (request.case.status, request.case.outcome) == ("closed", "history")
    assert reply.text == "已约谈物业公司并限期整改。"
    assert reply.replied_at.isoformat() == request.closed_at.isoformat() == "2019-05-10T06:56:53+00:00"  # type: ignore[union-attr]
    assert reply.recorded_at > reply.replied_at
    check(request.case)


def test_再次导入同一文件没有变化(world: World) -> None:
    imported(world, MESSAGES, ONE)
    before = Request.objects.get()
    run = imported(world, MESSAGES, ONE, TWO)
    assert (run.created, run.changed, run.unchanged) == (1, 0, 1)
    assert Request.objects.get(pk=before.pk).updated_at == before.updated_at
    assert imported(world, MESSAGES, ONE, TWO).created == 0
    assert Case.objects.count() == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (0, ""),
        (2, ""),
        (2, "长" * 201),
        (3, "昨天"),
        (3, "2999/1/1"),
        (4, ""),
        (5, ""),
        (6, ""),
        (6, "2019/4/1 00:00:00"),
    ],
)
def test_一行有错全部不写(world: World, column: int, value: object) -> None:
    wrong = [*ANSWERED]
    wrong[column] = value
    wrong[0] = wrong[0] or ""
    good = [ANSWERED[0] + 1, *ANSWERED[1:]]
    run = imported(world, REPLIES, good, wrong)
    assert (run.state, run.errors) == ("refused", 1)
    assert not Request.objects.exists() and not Case.objects.exists() and not IssuedNumber.objects.exists()


def test_真实答复表的样本_每行两个时间与表中一致(world: World) -> None:
    rows = shared.sheet("replies.xlsx")[:40]
    imported(world, list(rows[0]), *(list(row.values()) for row in rows))
    found = Request.objects.prefetch_related("replies")
    stored = {
        each.external_number: (each.received_at, each.replies.all()[0].replied_at, each.closed_at) for each in found
    }
    for row in rows:
        received, replied = shared.moment(row["留言时间"]), shared.moment(row["答复时间"])
        assert stored[row["留言编号"]] == (received, replied, replied)
    assert len(stored) == len({row["留言编号"] for row in rows})


CONTACTS = [*MESSAGES, "一级标签", "姓名", "手机号"]


def test_分类称呼电话三列_自动对应_加密保存_脱敏显示(world: World) -> None:
    plain = [188008.0, *ONE[1:], "", "", ""]
    run = services.upload(
        world["dispatcher"], REQUESTS, "留言.xlsx", sheet(CONTACTS, [*ONE, "城乡建设", "钱多多", 13812345678.0], plain)
    )
    checked = world.client("dispatcher").get(f"/r/hotline.request/import/{run.pk}/").content.decode()
    assert "13812345678" not in checked and "138****5678" in checked and "钱多多" not in checked
    services.confirm(world["dispatcher"], REQUESTS, run, run.mapping)
    told, silent = Request.objects.order_by("pk").select_related("reporter")
    assert (told.category, silent.category) == ("城乡建设", "")
    decision = told.triage_decisions.get()
    assert (decision.decided, decision.person_id) == ("城乡建设", world["dispatcher"].person_id)
    assert not silent.triage_decisions.filter(person__isnull=False).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, phone FROM hotline_reporter WHERE request_id = %s", [told.pk])
        assert not {"钱多多", "13812345678"} & set(cursor.fetchone())
    assert told.reporter.wants_callback and not silent.reporter.wants_callback
    assert told.identity != silent.identity
    page = world.client("dispatcher").get(f"/cases/{told.case_id}/").content.decode()
    assert "13812345678" not in page and "钱多多" not in page
    stored = StoredFile.objects.filter(owner_kind="registers.import", owner_id=run.pk)
    assert stored and all(each.sealed for each in stored)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["天文", "", ""], "不是现行事项词典的一级分类"),
        (["", "", "打给我"], "5 至 15 位数字"),
        (["", "名" * 41, ""], "不超过 40 字"),
    ],
)
def test_分类称呼电话有误_写在退回的表里_一行不写(world: World, extra: list[str], said: str) -> None:
    run = imported(world, CONTACTS, [*ONE, *extra], [*TWO, "", "", ""])
    assert (run.state, run.errors) == ("refused", 1) and not Request.objects.exists()
    returned = StoredFile.objects.get(owner_kind="registers.import", owner_id=run.pk, kind="errors")
    with content(returned) as stream:
        table = sheets.read(io.BytesIO(stream.read()), returned.name)
    assert any(said in str(cell) for line in table.rows for cell in line)


def test_没有导入权限的人不能导入(world: World) -> None:
    for name in ("operator", "caller", "housing.handler"):
        with pytest.raises(Refused):
            services.upload(world[name], REQUESTS, "留言.xlsx", sheet(MESSAGES, ONE))


def test_成批导入的旧件_每人每批只收一条汇总_少量的照旧逐件(world: World) -> None:
    def told(kind: str) -> list[str]:
        found = Message.objects.filter(person_id=world["dispatcher"].person_id, kind=kind).order_by("pk")
        return [message.title for message in found]

    imported(world, MESSAGES, *([188100.0 + number, *ONE[1:]] for number in range(25)))
    assert deliver(1000) >= 25 and told("flow.seats") == ["待办：新到 25 件"]
    timers.run_due()
    deliver(1000)
    assert told("flow.rung") == ["催办：25 件临近或超过时限"]
    body = Message.objects.get(person_id=world["dispatcher"].person_id, kind="flow.rung").body
    assert body.count("12345-") == 10 and "等 25 件" in body
    assert not Outbox.objects.filter(delivered_at=None).exists()
    imported(world, MESSAGES, *([188200.0 + number, *ONE[1:]] for number in range(3)))
    deliver(1000)
    assert len(told("flow.seats")) == 4 and deliver(1000) == 0
