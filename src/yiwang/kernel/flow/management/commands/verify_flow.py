"""`verify_flow`: every case's chain of entries, its present state against what the entries say, the bills of the days
and the numbers given out: a case that was taken away whole leaves no chain to look at."""

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from yiwang.kernel.flow.fold import broken, replay, stored
from yiwang.kernel.flow.models import Case, FlowVersion
from yiwang.kernel.flow.numbers import missing
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.services.bills import wrong_bills


def problems(case_id: int) -> list[str]:
    found = broken(case_id)
    if found:
        return found
    told, held = replay(case_id), stored(case_id)
    if filled(told.case) == filled(held.case) and told.seats == held.seats:
        return []
    return ["办件现状与流转记录推得的状态不符"]


def gone() -> Iterator[str]:
    """What the cases that are still there cannot tell."""
    flows = [flow_of(pk) for pk in FlowVersion.objects.values_list("pk", flat=True)]
    drawn = {flow.number or flow.code for flow in flows}
    drawn |= {action.number for flow in flows for stage in flow.stages for action in stage.actions if action.number}
    for number in missing(drawn):
        yield f"{number}已发出，却没有办件：办件被删除"
    for bill, count in wrong_bills():
        yield f"{bill.day} 的流转记录与当日日清单不符：清单 {bill.count} 条，实有 {count} 条"


def filled(facts: dict[str, Any]) -> dict[str, Any]:
    """Entries leave out what was empty from the start."""
    return {name: value for name, value in facts.items() if value not in (None, "", {}, [])}


class Command(BaseCommand):
    help = "核对全部办件的流转记录链与现状；有改动、缺失或插入时逐件列出并以 1 退出。"

    def handle(self, *args: Any, **options: Any) -> None:
        count = wrong = 0
        for case_id, number in Case.objects.order_by("id").values_list("id", "number").iterator():
            count += 1
            for problem in problems(case_id):
                wrong += 1
                self.stderr.write(f"办件 {number or case_id}：{problem}")
        for problem in gone():
            wrong += 1
            self.stderr.write(problem)
        if wrong:
            self.stderr.write(f"{count} 件办件中发现 {wrong} 处问题。请保全现场并报告安全、审计管理员。")
            sys.exit(1)
        self.stdout.write(f"流转记录核对无误，共 {count} 件。")
