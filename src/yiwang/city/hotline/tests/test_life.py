"""工单的一生：登记、派单、签收、办理、审核、回访、办结，以及中途的每一种岔路。"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone
from time_machine import travel

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Charge, Exclusion, Request
from yiwang.city.hotline.services.exclusions import apply_exclusion
from yiwang.city.hotline.tests.world import Kind, World, seat
from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.clocks.queries import current, states
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.charges import charges
from yiwang.kernel.flow.models import Case, Seat
from yiwang.kernel.flow.queries import available, case_for, followed, inbox


def test_登记到办结(world: World) -> None:
    request = world.request()
    assert request.case.stage == "dispatch" and request.number.startswith("12345-")
    world.dispatch(request)
    assert request.organisation_id == world.unit("HOUSING")
    world.handle(request)
    assert request.answered_at and request.closed_at is None
    world.close(request)
    request.case.refresh_from_db()
    assert (request.satisfaction, request.resolved, request.case.outcome) == ("satisfied", True, "satisfied")
    assert request.on_time is True and request.signed_in_time is True
    reply, call = request.replies.get(), request.callbacks.get()
    assert reply.organisation_id == world.unit("HOUSING") and reply.empty_evidence is None
    assert call.result == "satisfied" and call.caller_id == world["caller"].person_id
    assert request.closed_at == request.case.closed_at
    with pytest.raises(Conflict, match="已办结"):
        world.act("caller", request, "satisfied")


def test_当场答复(world: World) -> None:
    request = world.request(kind=Kind.CONSULTATION, submit=False)
    assert request.case.stage == "registration"
    world.act("operator", request, "answer_now", data={"reply": "请携带身份证到政务大厅三号窗口办理。"})
    assert request.answered_at and request.closed_at and request.case.organisation_id == world.unit("HOTLINE")
    assert request.on_time is None, "没有办理时限的不进按时率"
    assert {each.party for each in request.charges.all()} <= {"operator"}
    assert queries.stage_name(Case.objects.get(pk=request.case_id)) == "当场答复"


def test_退单由裁定指定后不得再退(world: World) -> None:
    request = world.dispatch(world.request())
    flow.decline(world["housing.handler"], request.case_id, opinion="不属于我局职责")
    request.refresh_from_db()
    assert request.decline_count == 1 and request.signed_in_time is None
    assert {clock.status for clock in states_of(request) if clock.code in ("sign", "handle")} == {"suspended"}
    with pytest.raises(Refused):
        flow.arbitrate(world["dispatcher"], request.case_id, organisation=world.unit("URBAN"), opinion="归执法局")
    flow.arbitrate(world["manager"], request.case_id, organisation=world.unit("URBAN"), opinion="归执法局")
    request.refresh_from_db()
    assert request.organisation_id == world.unit("URBAN")
    with pytest.raises(Refused, match="不得再次退单"):
        flow.decline(world["urban.handler"], request.case_id, opinion="也不归我们")
    world.close(world.handle(request, unit="urban"))
    assert request.on_time is True and request.signed_in_time is True
    assert "退单裁定" in {each.cause for each in request.charges.all()}


def test_退单须写明理由(world: World) -> None:
    request = world.dispatch(world.request())
    with pytest.raises(Invalid, match="理由"):
        flow.decline(world["housing.handler"], request.case_id, opinion=" ")


def states_of(request: Request):
    return states(request.case_id, timezone.now())


def test_延期须在期限内提出经批准且只一次(world: World) -> None:
    request = world.dispatch(world.request())
    world.act("housing.handler", request, "sign")
    before = current(request.case_id, "handle").due_at
    flow.extend(world["housing.handler"], request.case_id, amount=3, opinion="须等待检测结论")
    with pytest.raises(Refused):
        flow.rule_extension(world["housing.head"], request.case_id, grant=True)
    flow.rule_extension(world["manager"], request.case_id, grant=True)
    assert current(request.case_id, "handle").due_at > before
    with pytest.raises(Refused):
        flow.extend(world["housing.handler"], request.case_id, amount=1, opinion="再延")


def test_超期后不能申请延期(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=60)
    request = world.dispatch(world.request(received_at=long_ago), at=long_ago + timedelta(hours=1))
    world.act("housing.handler", request, "sign", long_ago + timedelta(hours=2))
    with pytest.raises(Refused, match=r"届满|超过|已过"):
        flow.extend(world["housing.handler"], request.case_id, amount=3, opinion="来不及")


def test_协办意见到齐主办方可答复(world: World) -> None:
    request = world.dispatch(world.request(kind=Kind.REPORT), co=("URBAN",))
    world.act("housing.handler", request, "sign")
    assert seat(request, "co").organisation_id == world.unit("URBAN")
    assert [item.case_id for item in inbox(world["urban.handler"], "todo")] == [request.case_id]
    with pytest.raises(Refused, match="协办单位意见未到齐"):
        world.act("housing.handler", request, "answer", data={"reply": "已经现场核查并处理完毕。"})
    assert not Seat.objects.filter(case=request.case_id, organisation_id=world.unit("SUB1")).exists()
    case = case_for(world["urban.handler"], request.case_id)
    shown = str(queries.sections(world["urban.handler"], request))
    assert case and "钱多多" not in shown and "13812345678" not in shown
    with pytest.raises(Refused):
        case_for(world["sub1.handler"], request.case_id)
    flow.answer(world["urban.handler"], request.case_id, opinion="现场未见违法搭建")
    world.handle(request)
    assert request.answered_at


def test_协办单位无人在岗时由派单岗分派(world: World) -> None:
    request = world.dispatch(world.request(), co=("ECOLOGY",))
    world.act("housing.handler", request, "sign")
    co = seat(request, "co")
    assert co.fault and co.organisation_id == world.unit("HOTLINE")
    flow.answer(world["dispatcher"], request.case_id, opinion="已电话征求环境局意见：无异议")
    world.handle(request)


def test_并案后原编号可查且公众看到并入件的答复(world: World) -> None:
    first, second = world.request(), world.request(phone="13912345678")
    flow.merge(world["dispatcher"], second.case_id, into=first.case_id, opinion="同一路灯")
    second.refresh_from_db()
    assert second.closed_at and second.satisfaction == ""
    assert followed(Case.objects.get(pk=second.case_id)).number == first.number
    world.close(world.handle(world.dispatch(first)))
    page = world.client("operator").get("/public/hotline/track/", {"code": second.tracking_code}).content.decode()
    assert first.number in page and "已于当日修复完毕" in page


def test_拆单各成一单诉求人与原文随行(world: World) -> None:
    source = world.request(kind=Kind.REPORT, content="我是钱多多，电话13812345678，举报违建和噪音")
    parts = [{"title": "举报违建"}, {"title": "举报噪音"}]
    flow.split(world["dispatcher"], source.case_id, parts=parts, opinion="两件事")
    source.refresh_from_db()
    made = list(source.parts.order_by("pk"))
    assert [part.title for part in made] == ["举报违建", "举报噪音"]
    assert {part.received_at for part in made} == {source.received_at} and {part.identity for part in made} == {
        source.identity
    }
    assert len({source.tracking_code, *(part.tracking_code for part in made)}) == 3
    assert all(queries.reporter(world["operator"], part).phone == "13812345678" for part in made)
    assert all("钱多多" in queries.statement(world["operator"], part) for part in made)
    assert all("钱多多" not in part.content for part in made)
    world.close(world.handle(world.dispatch(made[0])))
    assert made[0].satisfaction == "satisfied" and made[1].closed_at is None


def test_挂起写明事由和依据期间不计时(world: World) -> None:
    request = world.dispatch(world.request())
    world.act("housing.handler", request, "sign")
    with pytest.raises(Invalid, match="事由和法律依据"):
        flow.suspend(world["housing.handler"], request.case_id, cause="等待鉴定", basis="")
    flow.suspend(world["housing.handler"], request.case_id, cause="等待鉴定", basis="司法鉴定程序通则")
    with pytest.raises(Conflict, match="挂起"):
        world.act("housing.handler", request, "answer", data={"reply": "已经处理完毕，请知悉。"})
    flow.resume(world["housing.handler"], request.case_id)
    world.close(world.handle(request))
    assert {("nobody", "等待鉴定")} <= {(each.party, each.cause) for each in request.charges.all()}


def test_催办有间隔(world: World) -> None:
    request = world.dispatch(world.request())
    flow.urge(world["dispatcher"], request.case_id, opinion="请尽快签收")
    with pytest.raises(Refused, match="24 小时内已催办"):
        flow.urge(world["manager"], request.case_id)
    with pytest.raises(Refused):
        flow.urge(world["housing.handler"], request.case_id)


def test_督办须反馈方可销号(world: World) -> None:
    request = world.dispatch(world.request())
    with pytest.raises(Refused):
        flow.supervise(world["dispatcher"], request.case_id, requirement="三日内报结果")
    flow.supervise(world["manager"], request.case_id, requirement="三日内报结果")
    watch = seat(request, "watch")
    with pytest.raises(Refused, match="尚未反馈"):
        flow.strike_off(world["manager"], request.case_id, watch=watch.ref)
    flow.answer(world["housing.head"], request.case_id, seat_id=watch.pk, opinion="已安排抢修")
    flow.strike_off(world["manager"], request.case_id, watch=watch.ref, opinion="同意销号")
    assert Case.objects.get(pk=request.case_id).memory["watches"][0]["state"] == "closed"


def test_督办要求里的号码在销号选项里隐去(world: World) -> None:
    request = world.dispatch(world.request())
    flow.supervise(world["manager"], request.case_id, requirement="三日内报结果，可联系诉求人13812345678")
    assert "strike_off" not in {choice.code for choice in available(world["manager"], request.case)}, "未反馈不能销号"
    flow.answer(world["housing.head"], request.case_id, seat_id=seat(request, "watch").pk, opinion="已安排抢修")
    case = Case.objects.get(pk=request.case_id)
    assert "strike_off" not in {choice.code for choice in available(world["housing.head"], case)}
    offered = next(choice for choice in available(world["manager"], case) if choice.code == "strike_off")
    [(ref, said)] = offered.fields[0].choices
    assert "138****5678" in said and "13812345678" not in said
    page = world.client("manager").get(f"/cases/{request.case_id}/operation/strike_off/").content.decode()
    assert "138****5678" in page and "13812345678" not in page
    flow.strike_off(world["manager"], request.case_id, watch=int(ref), opinion="同意销号")
    assert "strike_off" not in {choice.code for choice in available(world["manager"], Case.objects.get(pk=case.pk))}


def test_不满意退回重办另起时限(world: World) -> None:
    request = world.handle(world.dispatch(world.request()))
    world.act("caller", request, "dissatisfied", opinion="路灯又灭了", data={"resolved": False, "comment": "没修好"})
    case = Case.objects.get(pk=request.case_id)
    assert (case.stage, case.round) == ("handle", 2) and request.answered_at is None and request.rework_count == 1
    assert current(request.case_id, "handle").status == "running"
    with pytest.raises(Conflict):
        world.act("caller", request, "dissatisfied", opinion="还没办")
    world.handle(request, reply="已更换整条线路，连续三晚复查正常。")
    with pytest.raises(Refused, match="只能使用一次"):
        world.act("caller", request, "dissatisfied", opinion="再退")
    world.act("caller", request, "unrated")
    assert [each.round for each in request.replies.all()] == [1, 2]
    last = request.callbacks.last()
    assert last.result == "unrated" and last.resolved is None, "上一轮说的未解决不能算到这一轮"
    assert request.resolved is None and request.satisfaction == "unrated"


def test_审核退回重写不另起时限(world: World) -> None:
    request = world.dispatch(world.request())
    world.act("housing.handler", request, "sign")
    world.act("housing.handler", request, "answer", data={"reply": "已收悉"})
    assert request.replies.get().empty_evidence and request.empty_reply
    world.act("housing.head", request, "reject", opinion="没有实质内容")
    assert [clock.code for clock in states_of(request)].count("handle") == 1
    world.close(world.handle(request))
    assert request.on_time is True and not request.empty_reply


def test_撤回的回访不算数(world: World) -> None:
    request = world.handle(world.dispatch(world.request()))
    world.act("caller", request, "dissatisfied", opinion="按错了", data={"resolved": False})
    flow.withdraw(world["caller"], request.case_id)
    request.refresh_from_db()
    assert (request.satisfaction, request.rework_count, request.resolved) == ("", 0, None) and request.answered_at
    world.close(request)
    assert request.satisfaction == "satisfied" and request.rework_count == 0


def test_撤回派单诉求回到热线机构(world: World) -> None:
    request = world.dispatch(world.request())
    flow.withdraw(world["dispatcher"], request.case_id)
    request.refresh_from_db()
    assert request.organisation_id == world.unit("HOTLINE") and Case.objects.get(pk=request.case_id).stage == "dispatch"


def test_终止未签收的不算按时签收(world: World) -> None:
    request = world.dispatch(world.request())
    with pytest.raises(Refused):
        flow.terminate(world["housing.handler"], request.case_id, opinion="不办了")
    flow.terminate(world["manager"], request.case_id, opinion="诉求人撤诉")
    request.refresh_from_db()
    assert request.closed_at and request.signed_in_time is None and request.on_time is None


def test_重启另起时限办结后重写计时账(world: World) -> None:
    request = world.done()
    assert partitions(request)
    flow.reopen(world["manager"], request.case_id, opinion="诉求人补充新情况")
    request.refresh_from_db()
    assert request.closed_at is None and request.answered_at is None and request.rework_count == 1
    assert current(request.case_id, "handle").status == "running"
    world.close(world.handle(request), "basically")
    assert partitions(request) and request.satisfaction == "basically"
    with pytest.raises(Refused):
        flow.reopen(world["caller"], request.case_id, opinion="试试")


def partitions(request: Request) -> bool:
    rows = list(Charge.objects.filter(request=request).order_by("started_at", "pk"))
    edges = [(row.started_at, row.stopped_at) for row in rows]
    engine = [(each.start, each.stop) for each in charges(Case.objects.get(pk=request.case_id))]
    assert edges == engine
    assert edges[0][0] == request.received_at and edges[-1][1] == request.closed_at
    return all(one[1] == two[0] for one, two in pairwise(edges))


def test_无理由认定可申诉且同一人不得复核(world: World) -> None:
    request = world.done()
    with pytest.raises(Invalid, match="事实与证据"):
        apply_exclusion(world["housing.handler"], request.pk, ground="untrue", statement=" ")
    found = apply_exclusion(world["housing.handler"], request.pk, ground="untrue", statement="现场照片证明路灯完好")
    with pytest.raises(Refused, match="正在认定"):
        apply_exclusion(world["housing.handler"], request.pk, ground="untrue", statement="再申请")
    flow.act(world["director"], found.case_id, "uphold", opinion="照片属实")
    flow.act(world["caller"], found.case_id, "appeal", opinion="诉求人不服")
    with pytest.raises(Refused, match="已签署过"):
        flow.act(world["director"], found.case_id, "keep", opinion="维持")
    request.refresh_from_db()
    assert not request.excluded, "申诉未决不生效"


def test_无理由认定生效与撤销(world: World) -> None:
    upheld, overturned = world.done(), world.done(phone="13912345678")
    for request, end in ((upheld, "keep"), (overturned, "overturn")):
        found = apply_exclusion(world["housing.handler"], request.pk, ground="untrue", statement="现场照片证明路灯完好")
        flow.act(world["manager"], found.case_id, "uphold", opinion="属实")
        flow.act(world["caller"], found.case_id, "appeal", opinion="不服")
        flow.act(world["director"], found.case_id, end, opinion="经复核")
    upheld.refresh_from_db()
    overturned.refresh_from_db()
    assert upheld.excluded and upheld.excluded_at and not overturned.excluded
    assert set(Exclusion.objects.values_list("upheld", flat=True)) == {True, False}


def test_自己申请的认定自己不得裁(world: World) -> None:
    found = apply_exclusion(world["manager"], world.done().pk, ground="untrue", statement="有照片")
    with pytest.raises(Refused, match="本人"):
        flow.act(world["manager"], found.case_id, "uphold", opinion="同意")
    flow.act(world["director"], found.case_id, "uphold", opinion="同意")


def test_未办结和别家的诉求不能申请认定(world: World) -> None:
    request = world.dispatch(world.request())
    with pytest.raises(Refused, match="办结后"):
        apply_exclusion(world["housing.handler"], request.pk, ground="untrue", statement="有照片")
    with pytest.raises(Refused, match="没有找到"):
        apply_exclusion(world["urban.handler"], request.pk, ground="untrue", statement="有照片")
    with pytest.raises(Refused, match="权限"):
        apply_exclusion(world["caller"], request.pk, ground="untrue", statement="有照片")


@pytest.mark.parametrize(
    ("limit", "answered", "kept"),
    [
        # 2025-09-26（周五）签收环节起算；国庆放假 10-01 至 10-08，09-28（周日）调休上班。
        (3, datetime(2025, 9, 30, 8, tzinfo=UTC), True),
        (3, datetime(2025, 10, 9, 3, tzinfo=UTC), False),
        (4, datetime(2025, 10, 9, 8, tzinfo=UTC), True),
        (4, datetime(2025, 10, 10, 3, tzinfo=UTC), False),
    ],
)
def test_按时办结含调休与长假(world: World, limit: int, answered: datetime, kept: bool) -> None:
    received = datetime(2025, 9, 26, 2, tzinfo=UTC)
    request = world.dispatch(world.request(received_at=received), at=received, limit=limit)
    world.act("housing.handler", request, "sign", datetime(2025, 9, 28, 1, tzinfo=UTC))
    assert request.signed_in_time is True, "周日调休上班，算一个工作日"
    world.act("housing.handler", request, "answer", answered, data={"reply": "已修复完毕，经复查照明正常。"})
    world.act("housing.head", request, "approve", answered)
    assert request.on_time is kept
    assert request.answered_at == answered


def test_签收超过一个工作日(world: World) -> None:
    received = datetime(2025, 9, 26, 2, tzinfo=UTC)
    request = world.dispatch(world.request(received_at=received), at=received)
    world.act("housing.handler", request, "sign", datetime(2025, 9, 29, 1, tzinfo=UTC))
    assert request.signed_in_time is False


def test_延期后在新期限内答复算按时(world: World) -> None:
    start = timezone.now() - timedelta(days=1)
    request = world.dispatch(world.request(received_at=start), at=start, limit=1, unit="calendar_day")
    world.act("housing.handler", request, "sign")
    flow.extend(world["housing.handler"], request.case_id, amount=3, opinion="须等待检测结论")
    flow.rule_extension(world["manager"], request.case_id, grant=True)
    world.close(world.handle(request))
    assert request.on_time is True


def test_重办超期整件不算按时(world: World) -> None:
    at = datetime(2025, 3, 3, 2, tzinfo=UTC)
    request = world.dispatch(world.request(received_at=at), at=at, limit=1)
    world.handle(request, at)
    assert request.on_time is True
    world.act("caller", request, "dissatisfied", at, opinion="没修好")
    world.handle(request, at + timedelta(days=10))
    assert request.on_time is False


def test_补录历史办结只归热线机构(world: World) -> None:
    at = datetime(2025, 3, 3, 2, tzinfo=UTC)
    request = world.request(received_at=at, by="dispatcher")
    world.act(
        "dispatcher", request, "record_history", at + timedelta(days=2), data={"reply": "经核查已按规定处理完毕。"}
    )
    assert request.closed_at == at + timedelta(days=2) and request.on_time is None


def test_承办员看得到的动作不含热线专属(world: World) -> None:
    request = world.dispatch(world.request())
    world.act("housing.handler", request, "sign")
    codes = {choice.code for choice in available(world["housing.handler"], Case.objects.get(pk=request.case_id))}
    assert {"answer", "decline", "extend", "suspend"} <= codes
    assert not codes & {"arbitrate", "supervise", "terminate", "reopen", "jump", "merge", "cancel"}


def test_申诉期未满不能定论_期满才办结(world: World) -> None:
    found = apply_exclusion(world["housing.handler"], world.done().pk, ground="untrue", statement="有照片")
    flow.act(world["manager"], found.case_id, "uphold", opinion="属实")
    with pytest.raises(Refused, match="申诉期尚未届满"):
        flow.act(world["caller"], found.case_id, "final")
    with travel(timezone.now() + timedelta(days=60), tick=False):
        flow.act(world["caller"], found.case_id, "final")
    found.refresh_from_db()
    assert found.upheld is True
