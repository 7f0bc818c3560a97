"""试规则：在上次检查留下的样本上数一数，不启动计算引擎。"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from yiwang.data.governance import queries
from yiwang.data.governance.models import RuleSet
from yiwang.data.governance.terms import Kind
from yiwang.data.governance.terms.templates import TEMPLATES, fill
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.lake.expressions import Expression, condition

EXAMPLES = 5


@dataclass(frozen=True)
class Preview:
    """rows: of the sample, 0 when there is none. counted: whether this kind of rule can be tried on a sample."""

    expression: str
    rows: int
    failed: int
    unknown: int
    examples: tuple[str, ...]
    counted: bool


def preview(
    actor: Actor,
    rule_set: RuleSet,
    *,
    template: str = "",
    blanks: Mapping[str, Any] | None = None,
    expression: str = "",
) -> Preview:
    """How many rows of the sample would fail, and which. Raises Invalid like adding the rule would."""
    found: RuleSet = queries.rule_set(actor, rule_set.pk)
    kind = Kind.ROW
    params: dict[str, Any] = {}
    if template:
        _, expression, params = fill(template, blanks or {})
        kind = TEMPLATES[template].kind
    rows = queries.facts(queries.sample(found), found.columns)
    if kind == Kind.ROW:
        return _row(condition(expression, found.columns), rows)
    if kind == Kind.UNIQUE:
        counted = Counter(tuple(row.get(name) for name in params["fields"]) for row in rows)
        repeated = [key for key, count in counted.items() if count > 1 and None not in key]
        failed = sum(counted[key] - 1 for key in repeated)
        shown = tuple("，".join(map(queries.hidden, key)) for key in repeated[:EXAMPLES])
        return Preview("", len(rows), failed, 0, shown, True)
    return Preview(expression, len(rows), 0, 0, (), False)


def _row(rule: Expression, rows: list[dict[str, Any]]) -> Preview:
    today, failed, unknown = timezone.localdate(), 0, 0
    examples: list[str] = []
    for row in rows:
        verdict = rule.evaluate(row, today)
        if verdict is True:
            continue
        failed, unknown = failed + (verdict is False), unknown + (verdict is None)
        if len(examples) < EXAMPLES:
            examples.append("，".join(f"{name}={queries.hidden(row.get(name))}" for name in sorted(rule.columns)))
    return Preview(rule.text, len(rows), failed, unknown, tuple(examples), True)
