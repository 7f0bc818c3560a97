"""成绩：小数精确、并列、最少件数、版本钉住月份、任何次序结果相同。"""

from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.office.appraisal import queries
from yiwang.office.appraisal.models import Deduction
from yiwang.office.appraisal.queries import Rate, ranks
from yiwang.office.appraisal.services import appeals, periods, schemes
from yiwang.office.appraisal.tests.conftest import FEBRUARY, JANUARY, RULES, Office


def shown(period: object) -> dict[str, tuple[Decimal, int]]:
    return {each.organisation: (each.score, each.rank) for each in queries.standings(period)}  # type: ignore[arg-type]


def rate(numerator: int, denominator: int, *, counted: bool = True, better: str = "high") -> Rate:
    return Rate("m", "率", numerator, denominator, Decimal(40), counted, better)


def test_三次各扣零点二恰为零点六(office: Office) -> None:
    period = office.period()
    for number in "123":
        office.deduct(period, "住建局", number=number)
    assert queries.deducted(period) == {office.unit("住建局"): Decimal("0.60")}
    assert shown(period)["住建局"] == (Decimal("99.40"), 3)


def test_同分并列且其后名次跳过() -> None:
    assert ranks({1: Decimal("9.5"), 2: Decimal("9.50"), 3: Decimal(9), 4: Decimal(10)}) == {4: 1, 1: 2, 2: 2, 3: 4}


@given(st.dictionaries(st.integers(), st.decimals(0, 100, places=2), max_size=8))
def test_名次等于分数更高者人数加一(scores: dict[int, Decimal]) -> None:
    assert ranks(scores) == {key: 1 + sum(other > own for other in scores.values()) for key, own in scores.items()}


def test_件数不足的比率不扣分而越低越好的取反() -> None:
    assert rate(1, 2, counted=False).points == 40
    assert rate(0, 0).points == 40
    assert rate(1, 3).points == Decimal("13.33")
    assert rate(1, 3, better="low").points == Decimal("26.67")


def test_年中新版本不改写此前月份(office: Office) -> None:
    scheme = office.scheme()
    january = office.period(JANUARY, scheme)
    office.deduct(january, "住建局")
    before = queries.as_rows(queries.standings(january))
    heavier = office.version(scheme, "2", FEBRUARY, "A | 未按时签收 | 5 | 办法第5条")
    february = office.period(FEBRUARY, scheme)
    office.deduct(february, "住建局", number="2")
    january.refresh_from_db()
    assert queries.as_rows(queries.standings(january)) == before
    assert shown(february)["住建局"] == (Decimal("95.00"), 3)
    tried = {each["tried"].organisation: each["tried"].score for each in queries.compared(january, heavier)}
    assert tried["住建局"] == Decimal("95.00")
    assert queries.as_rows(queries.standings(january)) == before


def test_已开启的月份不因补发同月版本而改(office: Office) -> None:
    scheme = office.scheme()
    february = office.period(FEBRUARY, scheme)
    office.version(scheme, "2", FEBRUARY, "A | 未按时签收 | 5 | 办法第5条")
    assert february.scheme_version.number == "1"
    assert office.period(FEBRUARY, scheme).scheme_version_id == february.scheme_version_id


def test_试算时新版本没有的条款不计(office: Office) -> None:
    scheme = office.scheme()
    period = office.period(JANUARY, scheme)
    office.deduct(period, "住建局", "B")
    other = office.version(scheme, "2", FEBRUARY, "A | 未按时签收 | 5 | 办法第5条")
    assert queries.deducted(period, other)[office.unit("住建局")] == 0
    with pytest.raises(Invalid, match="不是"):
        queries.compared(
            period,
            schemes.publish_version(
                office["考核员"],
                schemes.draft_version(
                    office["考核员"],
                    schemes.create_scheme(office["考核员"], code="T", name="另一办法"),
                    number="1",
                    effective_from=JANUARY,
                    rule_lines=RULES,
                ),
            ),
        )


EVENTS = st.permutations(
    [("住建局", "1", "uphold"), ("住建局", "2", "dismiss"), ("城管局", "3", "uphold"), ("城管局", "4", "")]
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=EVENTS, frozen=st.booleans())
def test_任何次序的同一组复核得到同样的总分与名次(
    office: Office, order: list[tuple[str, str, str]], frozen: bool
) -> None:
    with transaction.atomic():
        _in_order(office, order, frozen)
        transaction.set_rollback(True)


def _in_order(office: Office, order: list[tuple[str, str, str]], frozen: bool) -> None:
    period = office.period()
    office.deduct(period, "教育局", "B", "9")
    made = {number: office.deduct(period, unit, number=number) for unit, number, _ in order}
    if frozen:
        periods.freeze_period(office["考核员"], period)
    for unit, number, action in order:
        found = appeals.appeal(office[f"{unit}承办员"], made[number].pk, statement="理由")
        if action:
            flow.act(office["复核员"], found.case_id, action, opinion="查明")
    period.refresh_from_db()
    expected = {"住建局": (Decimal("99.80"), 1), "城管局": (Decimal("99.80"), 1), "教育局": (Decimal("99.50"), 3)}
    assert shown(period) == expected
    replayed: dict[int, Decimal] = {}
    for entry in Deduction.objects.filter(period=period).order_by("pk"):
        replayed[entry.organisation_id] = replayed.get(entry.organisation_id, Decimal(0)) + entry.points
    assert replayed == queries.deducted(period)
    if frozen:
        last = queries.latest_bulletin(period)
        assert last is not None and last.edition == 3
        assert {row["organisation"]: (Decimal(row["score"]), row["rank"]) for row in last.rows} == expected


def test_指标权重写错或指标不可计分都说明哪一行(office: Office) -> None:
    made = schemes.create_scheme(office["考核员"], code="S", name="考核办法")

    def draft(**more: object) -> None:
        given: dict[str, object] = {"number": "1", "effective_from": JANUARY, "rule_lines": RULES} | more
        schemes.draft_version(office["考核员"], made, **given)  # type: ignore[arg-type]

    for more, said in (
        ({"rule_lines": "A | 少一项 | 0.2"}, "第 1 行：应有 4 项"),
        ({"rule_lines": f"{RULES}\nA | 再来 | 0.2 | 依据"}, "A 出现了两次"),
        ({"rule_lines": "A | 分值 | 两分 | 依据"}, "“两分”不是数字"),
        ({"rule_lines": "A | 分值 | 0.005 | 依据"}, "至多两位小数"),
        ({"rule_lines": "A | 分值 | NaN | 依据"}, "须大于 0"),
        ({"rule_lines": "甲 | 分值 | 1 | 依据"}, "条款代码“甲”"),
        ({"indicator_lines": "hotline.received | 100"}, "没有可计分的指标“hotline.received”"),
        ({"indicator_lines": "按时办结率 | 60"}, "权重之和为 60"),
        ({"effective_from": date(2026, 1, 2)}, "须为当月 1 日"),
    ):
        with pytest.raises(Invalid) as refusal:
            draft(**more)
        assert said in refusal.value.message
    draft(indicator_lines="按时办结率\t60\nhotline.satisfaction｜40", rule_lines="A\t未按时签收\t0.2\t办法第5条")
    version = made.versions.get()
    assert list(version.indicators.values_list("measure", "weight")) == [
        ("hotline.on_time", Decimal(60)), ("hotline.satisfaction", Decimal(40))
    ]  # fmt: skip


def test_发布后的版本不能再改且同月只施行一个(office: Office) -> None:
    scheme = office.scheme()
    version = scheme.versions.get()
    with pytest.raises(Refused, match="已发布"):
        schemes.change_version(office["考核员"], version, {"rule_lines": "A | 改 | 1 | 依据"})
    copy = schemes.copy_version(office["考核员"], version, number="2", effective_from=JANUARY)
    assert copy.rules.count() == 2
    with pytest.raises(Invalid, match="同一月份不能有两个版本"):
        schemes.publish_version(office["考核员"], copy)
    schemes.change_version(office["考核员"], copy, {"effective_from": FEBRUARY, "rule_lines": "A | 改 | 1 | 依据"})
    copy.refresh_from_db()
    assert schemes.publish_version(office["考核员"], copy).rules.get().points == 1
    with pytest.raises(Invalid, match="已有版本 2"):
        schemes.copy_version(office["考核员"], version, number="2", effective_from=FEBRUARY)


def test_没有件数时按指标满分起扣(office: Office) -> None:
    period = office.period(JANUARY, office.scheme(indicators="按时办结率 | 60\n满意率（合计） | 40"))
    office.deduct(period, "住建局")
    assert shown(period)["住建局"] == (Decimal("99.80"), 3)
    assert [each.denominator for each in queries.standings(period)[0].rates] == [0, 0]
