"""What other domains rely on."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from yiwang.data.catalog import contract
from yiwang.data.catalog.tests.world import District, content
from yiwang.kernel.access.actors import SYSTEM, Invalid, Refused

MAY = datetime(2026, 5, 1, tzinfo=UTC)


def test_facts_of_a_published_resource(district: District) -> None:
    made = district.published()
    facts = contract.resource(district["查阅人"], made.code)
    assert facts == contract.resource(district["查阅人"], made.pk)
    assert facts.version == 1
    assert facts.code == f"{district.category('住建局')}/000001"
    assert facts.table == f"res_{district.category('住建局')}_000001"
    assert facts.key == ("licence_no",)
    assert (facts.share_type, facts.open_type, facts.cycle_days) == ("conditional", "conditional", 31)
    assert [item.title for item in facts.items] == ["许可证编号", "持证人姓名", "身份证号", "发证日期"]
    assert all(item.level == 4 and not item.graded for item in facts.items)


def test_a_draft_is_seen_by_its_department_only(district: District) -> None:
    made = district.draft()
    assert contract.resource(district["住建编目员"], made.code).items == ()
    for stranger in ("教育编目员", "查阅人"):
        with pytest.raises(Refused, match="没有找到"):
            contract.resource(district[stranger], made.code)
    assert contract.resources(district["住建编目员"]) == []
    assert [each.id for each in contract.resources(district["住建编目员"], published=False)] == [made.pk]


def test_nothing_ungraded_leaves_and_each_door_asks_for_its_own(district: District) -> None:
    made = district.published()
    doors = ("internal", "share_unconditional", "share_granted", "open", "back door")

    def open_doors() -> dict[str, list[str]]:
        facts = contract.resource(SYSTEM, made.pk)
        return {item.name: [door for door in doors if contract.allowed(item, door)] for item in facts.items}

    assert open_doors() == {name: ["internal"] for name in ("licence_no", "holder", "id_number", "issued_on")}
    ids = {item.name: item.id for item in contract.resource(SYSTEM, made.pk).items}
    levels = {"licence_no": 1, "holder": 3, "id_number": 1, "issued_on": 2}
    given = {ids[name]: (level, "name" if name == "holder" else "") for name, level in levels.items()}
    assert contract.set_levels(SYSTEM, made.pk, given, "按名称和样例判定") == 4
    assert open_doors() == {
        "licence_no": ["internal", "share_unconditional", "share_granted", "open"],
        "holder": ["internal", "share_granted"],
        "id_number": ["internal"],
        "issued_on": ["internal", "share_unconditional", "share_granted"],
    }
    assert contract.set_levels(SYSTEM, made.pk, given, "再来一次") == 0


def test_levels_take_the_right_and_sound_input(district: District) -> None:
    made, other = district.published(), district.published("房屋登记信息")
    item = contract.resource(SYSTEM, made.pk).items[0]
    with pytest.raises(Refused):
        contract.set_levels(district["住建编目员"], made.pk, {item.id: (1, "")}, "理由")
    with pytest.raises(Invalid, match="不属于本资源"):
        contract.set_levels(SYSTEM, other.pk, {item.id: (1, "")}, "理由")
    with pytest.raises(Invalid, match="1 至 4"):
        contract.set_levels(SYSTEM, made.pk, {item.id: (5, "")}, "理由")
    with pytest.raises(Invalid, match="理由"):
        contract.set_levels(SYSTEM, made.pk, {item.id: (2, "")}, " ")


def test_loads_set_the_next_due_date_once_a_snapshot(district: District) -> None:
    made = district.published()
    assert contract.record_load(made.pk, 1, MAY, 500)
    assert not contract.record_load(made.pk, 1, MAY + timedelta(days=9), 900)
    facts = contract.resource(SYSTEM, made.pk)
    assert (facts.rows, facts.snapshot, facts.loaded_at) == (500, 1, MAY)
    assert facts.due_at == MAY + timedelta(days=31)
    assert contract.late(SYSTEM, MAY + timedelta(days=31)) == []
    assert [each.id for each in contract.late(SYSTEM, MAY + timedelta(days=32))] == [made.pk]
    with pytest.raises(Refused, match="尚未发布"):
        contract.record_load(district.draft("草稿").pk, 1, MAY, 1)


def test_quality_of_a_month_is_replaced_when_said_again(district: District) -> None:
    made, month = district.published(), date(2026, 5, 17)
    assert contract.quality_of(made.pk, month) is None
    contract.record_quality(made.pk, month, Decimal("85.05"), {"完整性": "90"})
    contract.record_quality(made.pk, month, Decimal("86"), {"完整性": "91"})
    assert contract.quality_of(made.pk, date(2026, 5, 1)) == (Decimal("86.00"), {"完整性": "91"})
    with pytest.raises(Invalid):
        contract.record_quality(made.pk, month, Decimal("100.01"), {})


def test_a_refused_demand_needs_its_law(district: District) -> None:
    made = district.published()
    wanted: dict[str, Any] = {
        "organisation_id": district.unit("教育局"),
        "wanted": "许可证",
        "purpose": "核验",
        "asked_at": MAY,
    }
    first = contract.record_demand("GX-1", resource_id=made.pk, **wanted)
    assert contract.record_demand("GX-1", resource_id=made.pk, **wanted) == first
    with pytest.raises(Invalid, match="理由和依据"):
        contract.settle_demand("GX-1", "refused", settled_at=MAY)
    contract.settle_demand("GX-1", "refused", settled_at=MAY, reason="涉及商业秘密", basis="《反不正当竞争法》第九条")
    with pytest.raises(Refused, match="已办结"):
        contract.settle_demand("GX-1", "met", settled_at=MAY)


def test_taking_over_published_entries_takes_the_right(district: District) -> None:
    entry = (district.unit("住建局"), content(district.category("住建局")))
    with pytest.raises(Refused, match="权限"):
        contract.register_published(district["住建编目员"], [entry], MAY)
    taken = contract.register_published(district["审核员"], [entry, entry], MAY)
    assert [each.code[-6:] for each in taken] == ["000001", "000002"]
