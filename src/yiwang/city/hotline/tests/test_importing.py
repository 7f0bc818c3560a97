"""批量导入：真实表头自动对应，未答复的进派单，已答复的补录办结，重复导入不变，有错全不写。"""

import io
from typing import Any

import pytest
import xlsxwriter

from yiwang.city.hotline.models import Reply, Request
from yiwang.city.hotline.registers import REQUESTS
from yiwang.city.hotline.tests.world import World
from yiwang.kernel.access.actors import Refused
from yiwang.kernel.flow.models import Case, IssuedNumber
from yiwang.kernel.flow.testing import check
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


def test_没有导入权限的人不能导入(world: World) -> None:
    for name in ("operator", "caller", "housing.handler"):
        with pytest.raises(Refused):
            services.upload(world[name], REQUESTS, "留言.xlsx", sheet(MESSAGES, ONE))
