from yiwang.kernel.flow import fold, services
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.queries import inbox, timeline
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town


def same(case_id: int) -> None:
    replayed, stored = fold.replay(case_id), fold.stored(case_id)
    assert (replayed.case, replayed.seats, replayed.seq) == (stored.case, stored.seats, stored.seq)
    assert fold.broken(case_id) == []


def test_热线从登记到办结(town: Town) -> None:
    version = town.publish(flows.hotline())
    case = services.open_case(town["operator"], version.code, "路面积水", organisation_id=town.unit("centre"))
    assert case.number.endswith("000001")
    services.act(town["operator"], case.pk, "submit")
    services.act(town["operator2"], case.pk, "send", data={"to": town.unit("water")})
    [seat] = inbox(town["water1"], "todo")
    services.claim(town["water1"], case.pk, seat_id=seat.pk)
    assert not inbox(town["water2"], "todo").exists()
    services.act(town["water1"], case.pk, "finish", opinion="已抽排", data={"result": "solved"})
    services.act(town["water_head"], case.pk, "rework")
    services.act(town["water1"], case.pk, "finish", opinion="已补照片")
    services.act(town["water_head"], case.pk, "agree")
    services.act(town["operator"], case.pk, "satisfied")
    done = Case.objects.get(pk=case.pk)
    assert (done.status, done.outcome, done.round) == ("closed", "done", 2)
    assert [line.label for line in timeline(done)] == [
        "登记", "提交", "派出", "认领", "办结送审", "退回重办", "办结送审", "通过", "满意"]  # fmt: skip
    same(case.pk)
