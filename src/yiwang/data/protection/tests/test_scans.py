"""Detected, proposed, decided, and only then in force."""

from datetime import date

import pytest

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection import contract, services
from yiwang.data.protection.models import AccessEntry, Finding, GradingRule, Scan
from yiwang.data.protection.services import Choice
from yiwang.data.protection.tests.world import holding, people
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.ledger.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def resource(district, tmp_path) -> catalog.ResourceFacts:
    return holding(district, tmp_path, people())


@pytest.fixture
def proposed(district, resource) -> Scan:
    return services.run_scan(SYSTEM, services.request_scan(district["安全员"], resource.id).pk)


def found(scan: Scan) -> dict[str, Finding]:
    return {each.name: each for each in scan.findings.all()}


def test_a_scan_proposes_kinds_and_levels_with_evidence_and_without_values(proposed):
    shown = found(proposed)
    assert {name: (each.kind, each.level) for name, each in shown.items()} == {
        "pid": ("", 1), "xm": ("name", 3), "sfz": ("id_number", 3), "bz1": ("phone", 3), "note": ("address", 3),
    }  # fmt: skip
    assert (proposed.state, proposed.rows, proposed.sampled) == ("proposed", 60, 60)
    kept = str([[each.evidence, each.rules] for each in shown.values()])
    assert not any(row[field] in kept for row in people() for field in ("sfz", "bz1", "xm"))


def test_nothing_is_in_force_before_a_person_decides(district, resource, proposed):
    item = catalog.resource(SYSTEM, resource.id).item("bz1")
    assert (item.graded, item.level) == (False, 4)
    services.accept_all(district["安全员"], proposed.pk)
    item = catalog.resource(SYSTEM, resource.id).item("bz1")
    assert (item.graded, item.level, item.sensitive) == (True, 3, "phone")
    proposed.refresh_from_db()
    assert proposed.state == "decided"
    assert Entry.objects.filter(action="protection.decide", target_id=str(proposed.pk)).count() == 1


def test_lower_than_proposed_needs_a_reason_and_nothing_is_half_saved(district, proposed):
    shown = found(proposed)
    choices = {shown["pid"].pk: Choice("", 1), shown["note"].pk: Choice("", 1)}
    with pytest.raises(Invalid) as refused:
        services.decide(district["安全员"], proposed.pk, choices)
    assert "须写明理由" in str(refused.value.errors)
    assert not Finding.objects.exclude(decision="pending").exists()
    choices[shown["note"].pk] = Choice("", 1, "说明栏只写办公场所地址")
    services.decide(district["安全员"], proposed.pk, choices)
    assert {each.name: each.decision for each in found(proposed).values() if each.decision != "pending"} == {
        "pid": "accepted", "note": "rejected",
    }  # fmt: skip
    assert proposed.state == "proposed"


def test_what_a_person_decided_is_proposed_again(district, resource, proposed):
    shown = found(proposed)
    services.decide(district["安全员"], proposed.pk, {shown["note"].pk: Choice("", 1, "只写办公场所")})
    services.accept_all(district["安全员"], proposed.pk)
    again = services.run_scan(SYSTEM, services.request_scan(district["安全员"], resource.id).pk)
    assert (found(again)["note"].kind, found(again)["note"].level) == ("", 1)
    assert "此前已由人确定" in found(again)["note"].evidence


@pytest.mark.parametrize(
    "choice", [Choice("phone", 0), Choice("phone", 5), Choice("手机", 3, "理由"), Choice("", 3)]
)  # fmt: skip
def test_wrong_choices_are_refused_by_name(district, proposed, choice):
    with pytest.raises(Invalid) as refused:
        services.decide(district["安全员"], proposed.pk, {found(proposed)["bz1"].pk: choice})
    assert set(refused.value.errors) == {"bz1"}


def test_a_finding_of_another_scan_and_an_empty_decision_are_refused(district, proposed):
    with pytest.raises(Invalid, match="没有保存"):
        services.decide(district["安全员"], proposed.pk, {10**9: Choice("", 1)})
    with pytest.raises(Invalid, match="没有保存"):
        services.decide(district["安全员"], proposed.pk, {})


def test_two_requests_at_once_are_one_scan_and_a_second_run_changes_nothing(district, resource):
    one = services.request_scan(district["安全员"], resource.id)
    assert services.request_scan(district["安全员"], resource.id) == one
    services.run_scan(SYSTEM, one.pk)
    services.run_scan(SYSTEM, one.pk)
    assert Finding.objects.count() == 5


def test_a_running_scan_cannot_be_decided(district, resource):
    with pytest.raises(Conflict, match="识别中"):
        services.decide(
            district["安全员"], services.request_scan(district["安全员"], resource.id).pk, {1: Choice("", 1)}
        )


def test_without_data_only_names_speak_and_it_says_so(district):
    published = district.published("空资源")
    scan = services.run_scan(SYSTEM, services.request_scan(district["安全员"], published.pk).pk)
    assert "只按名称识别" in scan.note
    assert found(scan)["id_number"].kind == "id_number"


@pytest.mark.parametrize("who", ["教育编目员", "查阅人", "住建编目员", "住建数据专员"])
def test_only_data_security_officers_scan_and_decide(district, resource, proposed, who):
    with pytest.raises(Refused):
        services.request_scan(district[who], resource.id)
    with pytest.raises(Refused):
        services.accept_all(district[who], proposed.pk)


def test_a_department_grades_its_own_data_only(district, resource, proposed):
    services.accept_all(district["住建安全员"], proposed.pk)
    other = district.published("学籍信息", unit="教育局")
    with pytest.raises(Refused):
        services.request_scan(district["住建安全员"], other.pk)
    scan = services.run_scan(SYSTEM, services.request_scan(district["安全员"], other.pk).pk)
    with pytest.raises(Refused):
        services.accept_all(district["住建安全员"], scan.pk)


def test_a_rule_is_followed_by_another_and_the_old_one_keeps_its_time(district):
    with pytest.raises(Invalid) as refused:
        services.replace_grading(
            district["安全员"],
            "kind.phone",
            name="电话",
            kinds=["phon"],
            level=9,
            basis=" ",
            valid_from=date(2020, 1, 1),
        )
    assert set(refused.value.errors) == {"kinds", "level", "basis", "valid_from"}
    services.replace_grading(
        district["安全员"],
        "kind.phone",
        name="电话",
        kinds=["phone"],
        level=3,
        basis="本市办法",
        valid_from=date(2026, 1, 1),
    )
    kept = GradingRule.objects.filter(code="kind.phone").order_by("valid_from").values_list("level", "valid_until")
    assert list(kept) == [(2, date(2025, 12, 31)), (3, None)]
    with pytest.raises(Refused):
        services.replace_grading(
            district["住建安全员"],
            "kind.phone",
            name="电话",
            kinds=["phone"],
            level=1,
            basis="无",
            valid_from=date(2027, 1, 1),
        )


def test_the_mask_plan_lets_nothing_slip(district, resource, proposed):
    items = catalog.resource(SYSTEM, resource.id).items
    assert contract.mask_plan(items, "public") == {}
    services.accept_all(district["安全员"], proposed.pk)
    items = catalog.resource(SYSTEM, resource.id).items
    assert contract.mask_plan(items, "department") == {
        name: (kind, "mask")
        for name, kind in {"xm": "name", "sfz": "id_number", "bz1": "phone", "note": "address"}.items()
    }
    assert {method for _, method in contract.mask_plan(items, "public").values()} == {"replace"}
    assert contract.mask_plan(items, "owner") == {}
    assert set(contract.mask_plan(items, "stranger")) == {"xm", "sfz", "bz1", "note"}
    assert set(contract.mask_plan(items, "owner", on=date(2020, 1, 1))) == {"xm", "sfz", "bz1", "note"}


def test_reading_of_sensitive_fields_is_kept_and_cannot_be_cut(district, resource, proposed):
    services.accept_all(district["安全员"], proposed.pk)
    facts = catalog.resource(SYSTEM, resource.id)
    actor = district["查阅人"]
    assert contract.record_access(actor, facts, ["pid"], 3, door="接口", purpose="核验") is False
    assert (
        contract.record_access(actor, facts, ["pid", "sfz"], 3, door="接口", purpose="核验", reference="共享-1") is True
    )
    with pytest.raises(Invalid, match="目的"):
        contract.record_access(actor, facts, ["sfz"], 3, door="接口", purpose=" ")
    entry = AccessEntry.objects.get()
    assert (entry.fields, entry.rows, entry.person_id) == (["sfz"], 3, actor.person_id)
    with pytest.raises(Exception, match="只能追加"):
        AccessEntry.objects.filter(pk=entry.pk).update(rows=0)
