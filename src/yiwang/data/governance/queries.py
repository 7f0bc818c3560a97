"""治理的读：按操作人范围。"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import QuerySet

from yiwang.data.governance.models import Finding, Objection, Repair, Rule, RuleSet, Run, Term
from yiwang.data.governance.terms import Mark
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import places


def rules_of(rule_set: RuleSet) -> QuerySet[Rule]:
    return rule_set.rules.select_related("owner")


def repairs_of(rule_set: RuleSet) -> QuerySet[Repair]:
    return rule_set.repairs.all()


def findings_of(run: Run) -> list[Finding]:
    """In the order of the rules, values of the examples masked."""
    found = list(run.findings.select_related("rule").order_by("passed", "rule__position"))
    for finding in found:
        for example in finding.examples:
            example["shown"] = "，".join(
                f"{name}={value if value is not None else '空'}" for name, value in example["values"].items()
            )
    return found


def hidden(value: object) -> str:
    """Enough of a value to find it in the sheet, too little to copy it out."""
    text = "空" if value is None else str(value)
    return (
        f"{text[:1]}{'*' * (len(text) - 1)}" if len(text) < 4 else f"{text[:2]}{'*' * min(len(text) - 3, 12)}{text[-1]}"
    )


def visible(actor: Actor, code: str) -> QuerySet[Any]:
    return doors.rows(actor, f"governance.{code}")


def rule_set(actor: Actor, pk: int) -> RuleSet:
    found: RuleSet = doors.row(actor, "governance.rule_set", pk)
    return found


def run(actor: Actor, pk: int) -> Run:
    found: Run = doors.row(actor, "governance.run", pk)
    return found


def sample(rule_set: RuleSet) -> list[dict[str, Any]]:
    """Rows of the last run of the resource, as JSON; empty when nothing was checked yet."""
    last = Run.objects.filter(rule_set__resource=rule_set.resource, state="done").order_by("-pk").first()
    path = places.root() / last.folder / "sample.json" if last else None
    if path is None or not sealed.exists(path):
        return []
    with sealed.stream(path) as content:
        rows: list[dict[str, Any]] = json.loads(content.read())
    return rows


def term(code: str, day: date) -> Term:
    """The days in force on a day. Raises Refused when none was set."""
    found = Term.objects.filter(code=code, valid_from__lte=day).order_by("-valid_from").first()
    if found is None:
        raise Refused(f"没有设定“{code}”在 {day} 的期限。请数管局在“期限”中补登。", rule="期限须有依据")
    return found


def key_text(values: Sequence[Any]) -> str:
    return json.dumps([None if value is None else str(value) for value in values], ensure_ascii=False)


def marks(resource_id: int, keys: Iterable[Sequence[Any]]) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """Open objections by key and field: what every answer with such a cell must show."""
    wanted = {key_text(key): tuple(key) for key in keys}
    found = Objection.objects.filter(resource=resource_id, row_key__in=wanted, mark=Mark.OPEN).select_related("case")
    answer: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for each in found:
        answer.setdefault(wanted[each.row_key], {})[each.field] = _mark(each)
    return answer


def open_marks(resource_id: int) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """All open objections of a resource by key and field, for who keeps a copy to answer from."""
    answer: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for each in Objection.objects.filter(resource=resource_id, mark=Mark.OPEN).select_related("case"):
        answer.setdefault(tuple(json.loads(each.row_key)), {})[each.field] = _mark(each)
    return answer


def _mark(each: Objection) -> dict[str, Any]:
    return {
        "number": each.case.number,
        "since": each.raised_on.isoformat(),
        "state": each.get_mark_display(),
        "snapshot": each.snapshot,
    }


def facts(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Sample rows with values of their types, as conditions are judged on."""
    readers: dict[str, Any] = {"date": date.fromisoformat}
    return [
        {
            name: readers[kind](row[name]) if kind in readers and row.get(name) is not None else row.get(name)
            for name, kind in columns.items()
        }
        for row in rows
    ]
