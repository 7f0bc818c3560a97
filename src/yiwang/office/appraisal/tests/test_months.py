"""考核月：冻结、更正、扣分与复核的门。"""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.urls import get_resolver
from django.utils import timezone

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.ledger.models import Entry as LedgerEntry
from yiwang.kernel.registers import queries as registers
from yiwang.office.appraisal import contract, queries
from yiwang.office.appraisal.models import Appeal, Bulletin, Deduction, Period
from yiwang.office.appraisal.registers import PERIODS
from yiwang.office.appraisal.services import appeals, deductions, periods
from yiwang.office.appraisal.tests.conftest import FEBRUARY, JANUARY, Office, furnish


def test_冻结后不能扣分而更正另出新版且旧版不动(office: Office) -> None:
    period = office.period()
    office.deduct(period, "住建局")
    first = periods.freeze_period(office["考核员"], period)
    with pytest.raises(Refused, match="已冻结"):
        office.deduct(period, "住建局", number="2")
    with pytest.raises(Conflict, match="已经冻结"):
        periods.freeze_period(office["考核员"], period)
    with pytest.raises(Refused, match="已冻结"):
        periods.change_units(office["考核员"], period, office.units()[:1])
    with pytest.raises(Invalid, match="原因"):
        periods.correct_bulletin(office["考核员"], period, " ")
    second = periods.correct_bulletin(office["考核员"], period, "补认定无理由诉求")
    assert (second.edition, second.supersedes) == (2, first)
    kept = Bulletin.objects.get(pk=first.pk)
    assert kept.rows == first.rows
    assert queries.digest_of(kept.rows) == kept.digest == queries.digest_of(queries.as_rows(queries.standings(period)))


def test_通报与扣分在数据库里改不动(office: Office) -> None:
    period = office.period()
    made = office.deduct(period, "住建局")
    bulletin = periods.freeze_period(office["考核员"], period)
    for change in (
        lambda: Deduction.objects.filter(pk=made.pk).update(points=9), lambda: Deduction.objects.filter(pk=made.pk).delete(),
        lambda: Bulletin.objects.filter(pk=bulletin.pk).update(rows=[]),
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_未结束的月份不能冻结也不能更正(office: Office) -> None:
    scheme = office.scheme()
    running = office.period(timezone.localdate().replace(day=1), scheme)
    with pytest.raises(Refused, match="还没有结束"):
        periods.freeze_period(office["考核员"], running)
    with pytest.raises(Refused, match="尚未发布"):
        periods.correct_bulletin(office["考核员"], running, "原因")


def test_考核月的变更记录写动作的名称(office: Office) -> None:
    assert get_resolver().url_patterns, "装载网址时平台才知道有哪些领域"
    period = office.period()
    said = [past.action for past in registers.history(office["考核员"], PERIODS, period)]
    assert said == ["开始考核期"]


def test_开启考核月(office: Office) -> None:
    scheme = office.scheme()
    with pytest.raises(Invalid, match="没有施行中的"):
        periods.open_period(office["考核员"], scheme, JANUARY.replace(year=2025), office.units())
    period = office.period(JANUARY.replace(day=15), scheme)
    assert period.month == JANUARY
    assert office.period(JANUARY, scheme) == period
    with pytest.raises(Conflict, match="参评单位与本次所选不同"):
        periods.open_period(office["考核员"], scheme, JANUARY, office.units()[:1])
    office.deduct(period, "城管局")
    with pytest.raises(Invalid, match="不能移出"):
        periods.change_units(office["考核员"], period, [office.unit("住建局")])
    periods.change_units(office["考核员"], period, [office.unit("城管局")])
    with pytest.raises(Invalid, match="不是本月参评单位"):
        office.deduct(period, "住建局")
    with pytest.raises(Invalid, match="请从机构清单"):
        periods.change_units(office["考核员"], period, [987654])


def test_同一事实跨月也只扣一次(office: Office) -> None:
    scheme = office.scheme()
    january, february = office.period(JANUARY, scheme), office.period(FEBRUARY, scheme)
    office.deduct(january, "住建局")
    for period in (january, february):
        with pytest.raises(Conflict, match="不重复扣"):
            office.deduct(period, "住建局")
    office.deduct(february, "住建局", rule="B")
    office.deduct(february, "城管局")


def test_扣分的错误输入(office: Office) -> None:
    period = office.period()

    def deduct(**more: object) -> None:
        given: dict[str, object] = {"organisation_id": office.unit("住建局"), "rule_code": "A", "subject": ("manual", "1"),
                                    "evidence": "事实", "happened_on": JANUARY} | more  # fmt: skip
        deductions.deduct(office["考核员"], period, **given)  # type: ignore[arg-type]

    for more, said in (
        ({"evidence": " "}, "事实与证据"), ({"rule_code": "Z"}, "没有条款 Z"), ({"subject": ("manual", "")}, "对象编号"),
        ({"happened_on": FEBRUARY}, "不能晚于考核月"), ({"organisation_id": office.unit("考核办")}, "不是本月参评单位"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refusal:
            deduct(**more)
        assert said in refusal.value.message
    assert not Deduction.objects.exists()


def automatic(office: Office, unit: str = "住建局", rule: str = "A") -> bool | None:
    return contract.deduct_automatically(
        SYSTEM, "S", JANUARY, organisation_id=office.unit(unit), rule=rule, subject=("hotline.request", "G1"),
        evidence="G1 迟签收", happened_on=JANUARY,
    )  # fmt: skip


def test_系统扣分幂等且冲回后不再扣(office: Office) -> None:
    assert automatic(office) is None
    period = office.period()
    assert contract.open_months("S") == [JANUARY]
    assert contract.rules_of("S", JANUARY) == {"A": "未按时签收", "B": "超期办理"}
    assert [automatic(office), automatic(office), automatic(office, "考核办"), automatic(office, rule="Z")] == [
        True,
        False,
        None,
        None,
    ]
    found = appeals.appeal(office["住建局承办员"], Deduction.objects.get().pk, statement="当日已签收")
    flow.act(office["复核员"], found.case_id, "uphold", opinion="属实")
    assert automatic(office) is False
    assert queries.deducted(period) == {office.unit("住建局"): 0}
    periods.freeze_period(office["考核员"], period)
    assert automatic(office, "城管局") is None


def test_事实不存在的系统扣分冲回一次_复核中的不再重复冲回(office: Office) -> None:
    period = office.period()
    automatic(office)
    made = Deduction.objects.get()
    asked = appeals.appeal(office["住建局承办员"], made.pk, statement="当日已签收")
    taken = contract.deducted_automatically("S", JANUARY, "hotline.request")
    assert taken == [contract.Deducted(made.pk, "A", "G1", office.unit("住建局"))]
    with pytest.raises(Refused):
        contract.reverse_automatically(office["住建局承办员"], made.pk, "无权")
    assert contract.reverse_automatically(SYSTEM, made.pk, "G1：已认定为无理由诉求，系统冲回。") is True
    assert contract.reverse_automatically(SYSTEM, made.pk, "再来") is False
    assert contract.deducted_automatically("S", JANUARY, "hotline.request") == []
    flow.act(office["复核员"], asked.case_id, "uphold", opinion="属实")
    entries = list(Deduction.objects.order_by("pk"))
    assert [entry.points for entry in entries] == [made.points, -made.points]
    assert "无理由" in entries[1].evidence
    written = LedgerEntry.objects.filter(action="appraisal.reverse").get()
    assert written.reason == entries[1].evidence
    assert queries.deducted(period) == {office.unit("住建局"): 0}


def test_冲回后事实又出现的只由人再扣一次(office: Office) -> None:
    period = office.period()
    automatic(office)
    contract.reverse_automatically(SYSTEM, Deduction.objects.get().pk, "G1：事实不再成立。")
    assert contract.lapsed("S", "hotline.request") == {("A", "G1", office.unit("住建局"))}
    assert automatic(office) is False
    office.deduct(period, "住建局", number="G1")
    assert contract.lapsed("S", "hotline.request") == set()
    with pytest.raises(Conflict, match="不重复扣"):
        office.deduct(period, "住建局", number="G1")


def test_取数合并各系统结果并留给人判断(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    period = office.period()

    def run(actor: object, scheme: str, month: object) -> contract.Collected:
        added = automatic(office)
        return contract.Collected(added=int(bool(added)), known=int(added is False), doubtful=["G2 责任不清"])

    monkeypatch.setattr(periods, "_sources", {"x": periods.Source("甲系统", {"A": "未按时签收"}, run, lambda *_: 0)})
    assert contract.collect_open(SYSTEM) == contract.Collected(added=1)
    assert periods.collect(office["考核员"], period)["甲系统"].known == 1
    period.refresh_from_db()
    assert period.collection["sources"]["甲系统"]["doubtful"] == ["G2 责任不清"]
    with pytest.raises(Refused):
        periods.collect(office["住建局承办员"], period)


def test_单位只见自己的扣分复核和名次_通报大家可见(office: Office) -> None:
    period = office.period()
    own, other = office.deduct(period, "住建局"), office.deduct(period, "城管局")
    appeals.appeal(office["城管局承办员"], other.pk, statement="理由")
    housing = office["住建局承办员"]
    assert list(doors.rows(housing, "appraisal.deduction")) == [own]
    assert not doors.rows(housing, "appraisal.appeal").exists()
    assert [row["organisation"] for row in queries.shown_rows(housing, period)] == ["住建局"]
    assert len(queries.shown_rows(office["考核员"], period)) == 3
    assert list(doors.rows(housing, "appraisal.period")) == [period]
    with pytest.raises(Refused, match="没有找到"):
        appeals.appeal(housing, other.pk, statement="别人的")


@pytest.mark.parametrize("name", ["复核员", "住建局承办员"])
def test_无权者做不了考核员的事(office: Office, name: str) -> None:
    scheme = office.scheme()
    period, who = office.period(JANUARY, scheme), office[name]
    made = office.deduct(period, "城管局")
    for attempt in (
        lambda: periods.open_period(who, scheme, FEBRUARY, office.units()),
        lambda: periods.freeze_period(who, period),
        lambda: periods.correct_bulletin(who, period, "原因"),
        lambda: periods.change_units(who, period, office.units()),
        lambda: office.deduct(period, "住建局", number="7", who=name),
        lambda: appeals.appeal(who, made.pk, statement="理由"),
        lambda: contract.deduct_automatically(who, "S", JANUARY, organisation_id=office.unit("住建局"), rule="A",
                                              subject=("x", "1"), evidence="e", happened_on=JANUARY),
    ):  # fmt: skip
        with pytest.raises(Refused):
            attempt()
    assert Deduction.objects.count() == 1


def test_记录人和被扣单位的人不得复核(office: Office) -> None:
    period = office.period()
    made = office.deduct(period, "住建局")
    found = appeals.appeal(office["住建局承办员"], made.pk, statement="理由")
    with pytest.raises(Refused, match="回避"):
        flow.act(office["考核员"], found.case_id, "dismiss", opinion="维持")
    with pytest.raises(Refused, match="回避"):
        flow.claim(office["考核员"], found.case_id, seat_id=found.case.seats.get().pk)
    town = office.town
    both = town.actor(
        "兼职复核员", town.post("考核办", "兼职", "appraisal.reviewer"), town.post("住建局质监站", "站长")
    )
    with pytest.raises(Refused, match="任职于被扣分单位"):
        flow.act(both, found.case_id, "uphold", opinion="成立")
    found.refresh_from_db()
    assert found.result == "pending"
    flow.act(office["复核员"], found.case_id, "dismiss", opinion="证据充分")
    found.refresh_from_db()
    assert found.result == "dismissed"
    with pytest.raises(Refused, match="终局"):
        appeals.appeal(office["住建局承办员"], made.pk, statement="再申请")


def test_撤回的申请可以再申请而成立后冲回只一次(office: Office) -> None:
    period = office.period()
    made, unit = office.deduct(period, "住建局"), office["住建局承办员"]
    first = appeals.appeal(unit, made.pk, statement="理由")
    with pytest.raises(Conflict, match="正在复核"):
        appeals.appeal(unit, made.pk, statement="理由")
    flow.cancel(unit, first.case_id, opinion="材料不全")
    first.refresh_from_db()
    assert first.result == "withdrawn"
    second = appeals.appeal(unit, made.pk, statement="材料补齐")
    flow.act(office["复核员"], second.case_id, "uphold", opinion="成立")
    with pytest.raises(Refused):
        flow.act(office["复核员"], second.case_id, "uphold", opinion="成立")
    assert [entry.points for entry in Deduction.objects.order_by("pk")] == [made.points, -made.points]
    with pytest.raises(Refused, match="已冲回"):
        appeals.appeal(unit, made.pk, statement="再来")
    with pytest.raises(Refused, match="已冲回"):
        appeals.appeal(unit, Deduction.objects.get(kind="reversal").pk, statement="冲回的也来")


def together(*steps: Callable[[], object]) -> list[object]:
    """Run at once, each in its own connection; refusals come back as values."""
    gate, results = threading.Barrier(len(steps)), [None] * len(steps)  # type: ignore[var-annotated]

    def run(index: int, step: Callable[[], object]) -> None:
        gate.wait()
        try:
            results[index] = step()  # type: ignore[call-overload]
        except Refused as refusal:
            results[index] = refusal  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_同时冻结同时扣分同时复核都只成一次() -> None:
    office = furnish()
    period = office.period()
    made = together(*[lambda: office.deduct(period, "住建局")] * 3)
    assert sum(isinstance(each, Conflict) for each in made) == 2
    deduction = Deduction.objects.get()
    applied = together(*[lambda: appeals.appeal(office["住建局承办员"], deduction.pk, statement="理由")] * 3)
    assert sum(isinstance(each, Conflict) for each in applied) == 2
    frozen = together(*[lambda: periods.freeze_period(office["考核员"], period)] * 3)
    assert sum(isinstance(each, Conflict) for each in frozen) == 2
    case_id = Appeal.objects.get().case_id
    settled = together(*[lambda: flow.act(office["复核员"], case_id, "uphold", opinion="成立")] * 3)
    assert sum(isinstance(each, Refused) for each in settled) == 2
    assert Deduction.objects.filter(kind="reversal").count() == 1
    assert list(Bulletin.objects.order_by("edition").values_list("edition", flat=True)) == [1, 2]
    assert Period.objects.get().state == "frozen"
