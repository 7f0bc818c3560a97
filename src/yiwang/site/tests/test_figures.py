"""The figures of the data foundation equal counts of another hand, and the command says so when one does not."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from yiwang.data.collection.models import Package
from yiwang.data.collection.tests.world import csv, furnish, rows
from yiwang.site import figures


def test_figures_are_counted_twice_and_a_difference_is_named(db: None) -> None:
    district = furnish()
    district.hand_in(csv(rows(20)), "名册.csv")
    lines = {line.code: line for line in figures.compared(timezone.localdate())}
    assert all(line.same for line in lines.values()), [line for line in lines.values() if not line.same]
    assert [lines[code].shown[0] for code in ("catalog.resources", "catalog.rows", "collection.rows", "governance.valid")] == [
        1, 20, 20, 20,
    ]  # fmt: skip
    assert len(lines) == len(figures.STOCK) + len(figures.YEAR)
    Package.objects.update(valid=19)
    wrong = {line.code for line in figures.compared(timezone.localdate()) if not line.same}
    assert wrong == {"collection.valid_rows", "collection.valid_share"}


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_well_or_says_how_many_differ() -> None:
    said = StringIO()
    call_command("demo_data", "--verify", stdout=said)
    assert f"{len(figures.STOCK) + len(figures.YEAR)} 个数全部一致" in said.getvalue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(figures.STOCK, "catalog.rows", "SELECT 7")
        with pytest.raises(CommandError, match="1 个不一致"):
            call_command("demo_data", "--verify", stdout=said)
    assert "✗ 数据存量（catalog.rows）：0，重算为 7" in said.getvalue()
