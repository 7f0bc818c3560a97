"""治理的读：按操作人范围。"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance.models import Finding, Issue, Objection, Proposal, Repair, Rule, RuleSet, Run
from yiwang.data.governance.terms import PROPOSED, ROW, STATEMENT, VALUES, Mark, RuleSetState
from yiwang.data.governance.terms.templates import METRICS, TEMPLATES
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.crypto import decrypt, macs
from yiwang.kernel.crypto.masks import STARS, in_form
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import places
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.ui.sections import Fact, Section


def rules_of(rule_set: RuleSet) -> QuerySet[Rule]:
    return rule_set.rules.select_related("owner")


def ruled(rule_set: RuleSet) -> list[tuple[Rule, str]]:
    """The rules in their order, with what they ask in words where it is no expression."""
    return [(rule, "" if rule.expression else _asked(rule, rule_set.titles)) for rule in rules_of(rule_set)]


def _asked(rule: Rule, titles: Mapping[str, str]) -> str:
    filled = _filled(rule.template, rule.params, titles)
    return "；".join(f"{label}：{words}" for label, words in filled) or _words(rule.fields, titles)


def _filled(template: str, params: Mapping[str, Any], titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the blanks of a template hold, in words: fields and tables by their titles."""
    labels = {blank.name: blank.label for blank in TEMPLATES[template].blanks} if template in TEMPLATES else {}
    given = {**params, "days": params["high"]} if "days" in labels and "high" in params else params
    name = params.get("reference")
    table = LakeTable.objects.filter(name=name).first() if name else None
    others = {column["name"]: column["title"] for column in table.columns} if table else {}
    words = {**METRICS, **titles, **({table.name: table.title} if table else {})}
    return [
        (labels[key], _words(value, others if key == "other_fields" else words))
        for key, value in given.items()
        if key in labels
    ]


def repairs_of(rule_set: RuleSet) -> list[tuple[str, list[str], int, Repair]]:
    """(title of the field, titles of the fields it is looked up by, items of its table, the repair), in their order."""
    titles = rule_set.titles
    return [
        (titles.get(each.field, each.field), [titles.get(name, name) for name in each.by], len(values_of(each)), each)
        for each in rule_set.repairs.all()
    ]


def values_of(found: Repair | Proposal) -> list[list[Any]]:
    """The table of a repair or of a proposed one: [what the fields it is looked up by hold…, old, new(, cells)]."""
    rows: list[list[Any]] = json.loads(decrypt(found.values, VALUES)) if found.values else []
    return rows


@dataclass(frozen=True)
class ValueTable:
    """A table of values as it is shown. titles: of the fields it is looked up by. rows: [(the fields' values…, old, new,
    cells or "")]. hidden: names of the fields that are masked here; of those `masked`, whoever sees them plain is noted."""

    title: str
    titles: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    masked: tuple[str, ...]
    plain: bool


def value_table(found: Repair | Proposal, *, plain: bool = False) -> ValueTable:
    """Values of a field that is sensitive, of level 3 up or not graded yet are masked unless `plain` is asked for."""
    if isinstance(found, Proposal):
        resource, by, field = found.resource, found.params.get("by", []), found.params["field"]
    else:
        resource, by, field = found.rule_set.resource, found.by, found.field
    facts = next(iter(catalog.resources(SYSTEM, ids=[resource], published=False)), None)
    items = {item.name: item for item in facts.items} if facts else {}
    grave = {
        name: items[name].sensitive if name in items else ""
        for name in (*by, field)
        if name not in items or facts is None or name in facts.sealed or items[name].sensitive or items[name].declared_sensitive
    }  # fmt: skip
    names = (*by, field, field)

    def shown(name: str, value: str) -> str:
        return (
            value if plain or name not in grave else in_form(grave[name], value) if grave[name] else STARS * bool(value)
        )

    rows = tuple(
        (*(shown(name, str(value)) for name, value in zip(names, row, strict=False)), *row[len(names) :])
        for row in values_of(found)
    )
    titles = [items[name].title if name in items else name for name in (*by, field)]
    return ValueTable(titles[-1], tuple(titles[:-1]), rows, tuple(grave), plain)


def findings_of(run: Run) -> list[Finding]:
    """In the order of the rules, values of the examples masked."""
    found, titles = list(run.findings.select_related("rule").order_by("passed", "rule__position")), run.rule_set.titles
    for finding in found:
        for example in finding.examples:
            example["shown"] = "，".join(
                f"{titles.get(name, name)}：{value if value is not None else '空'}"
                for name, value in example["values"].items()
            )
    return found


WORDS = {
    "rows": "看了的行数", "present": "有值的行数", "distinct": "不同的值", "fits": "符合的份额", "values": "值的个数",
    "smallest": "最小值", "largest": "最大值", "low": "千分之一处的值", "high": "千分之九九九处的值", "groups": "分组数",
    "confidence": "成立的份额", "cells": "涉及格数", "why": "问题", "reference": "对照的数据表", "matched": "对得上的份额",
}  # fmt: skip
SHARES = frozenset({"fits", "confidence", "matched"})
SHOWN_VALUES = 20


def described(found: Proposal) -> dict[str, Any]:
    """What is proposed and why, in words: template, blanks[(label, value)], evidence[(label, value)], the table of values."""
    template = TEMPLATES.get(found.template)
    last = RuleSet.objects.filter(resource=found.resource).order_by("-number").first()
    titles = last.titles if last else {}
    fields = titles.get(found.params.get("field"), found.params.get("field"))
    blanks = _filled(found.template, found.params, titles) if template else [("字段", fields)]
    evidence = [
        (WORDS[name], f"{float(value):.2%}" if name in SHARES else _words(value, titles))
        for name, value in found.evidence.items() if name in WORDS and not isinstance(value, list)
    ]  # fmt: skip
    table = value_table(found) if found.values else None
    return {
        "template": template.name if template else "修复写法", "blanks": blanks, "evidence": evidence,
        "support": f"{float(found.support):.2%}", "by": [titles.get(name, name) for name in found.params.get("by", ())],
        "table": table, "first": table.rows[:SHOWN_VALUES] if table else (), "proposal": found,
    }  # fmt: skip


def _words(value: object, titles: Mapping[str, str]) -> str:
    if isinstance(value, list | tuple):
        return "、".join(titles.get(str(each), str(each)) for each in value)
    return titles.get(str(value), f"{value:,}" if isinstance(value, int) else str(value))


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


def draft_of(found: RuleSet) -> RuleSet:
    """The draft of the resource's next rule set."""
    return RuleSet.objects.get(resource=found.resource, state=RuleSetState.DRAFT)


def proposal(actor: Actor, pk: int) -> Proposal:
    found: Proposal = doors.row(actor, "governance.proposal", pk)
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


def key_text(values: Sequence[Any]) -> str:
    return json.dumps([None if value is None else str(value) for value in values], ensure_ascii=False)


def key_macs(text: str) -> list[str]:
    """What a row's key is looked up by, under the current secret first."""
    return macs(text.encode(), ROW)


def key_mac_again(found: Objection) -> str:
    """The digest of the row's key under the platform's current key."""
    return key_macs(decrypt(found.row_key, ROW))[0]


def key_of(found: Objection) -> list[Any]:
    """The values of the row's key, each as text or None."""
    values: list[Any] = json.loads(decrypt(found.row_key, ROW))
    return values


def marks(resource_id: int, keys: Iterable[Sequence[Any]]) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """Open objections by key and field: what every answer with such a cell must show."""
    wanted = {digest: tuple(key) for key in keys for digest in key_macs(key_text(key))}
    found = Objection.objects.filter(resource=resource_id, key_mac__in=wanted, mark=Mark.OPEN).select_related("case")
    answer: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for each in found:
        answer.setdefault(wanted[each.key_mac], {})[each.field] = _mark(each)
    return answer


def open_marks(resource_id: int) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """All open objections of a resource by key and field, for who keeps a copy to answer from."""
    answer: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for each in Objection.objects.filter(resource=resource_id, mark=Mark.OPEN).select_related("case"):
        answer.setdefault(tuple(key_of(each)), {})[each.field] = _mark(each)
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


def objection_sections(actor: Actor, found: Objection) -> list[Section]:
    """What is said to be wrong, where, and where the value came from. The row's key is plain for who must find the row."""
    facts = next(iter(catalog.resources(SYSTEM, ids=[found.resource], published=False)), None)
    items = {item.name: item for item in facts.items} if facts else {}
    values = key_of(found)
    plain = actor.organisation_id == found.organisation_id or actor.person_id == found.created_by_id
    key = "、".join(
        f"{items[name].title if name in items else name} {_seen(value, items[name].sensitive if name in items else '', plain)}"
        for name, value in zip(facts.key if facts else (), values, strict=False)
    )
    title = items[found.field].title if found.field in items else found.field
    shown = [
        Fact("信息资源", found.resource_name, url=f"/catalog/{found.resource}/"), Fact("提供部门", str(found.organisation)),
        Fact("数据项", f"{title}（{found.field}）"), Fact("数据行", key or found.resource_name), Fact("快照", f"第 {found.snapshot} 号"),
        Fact("标注", found.get_mark_display()), Fact("提出日期", found.raised_on), Fact("异议理由", decrypt(found.statement, STATEMENT), wide=True),
    ]  # fmt: skip
    if found.proposed:
        shown.append(Fact("主张的内容", decrypt(found.proposed, PROPOSED), wide=True))
    shown.append(Fact("与现行数据核对", _compared(found), wide=True))
    if found.corrected_in:
        shown.append(Fact("更正于", f"第 {found.corrected_in} 号快照"))
    sources = tuple(
        Fact(f"第 {each['depth']} 层", each["origin"] or f"数据表 {each['table']} 的 {each['column']}", wide=True)
        for each in found.sources
    )
    nothing = (Fact("来源", "没有登记这一项的血缘：请提供部门从报送环节查起", wide=True),)
    return [Section("数据异议", tuple(shown)), Section("来源（由近到远）", sources or nothing)]


def _compared(found: Objection) -> str:
    if not found.compared:
        return "等待核对（数据发布后一分钟左右自动进行）"
    if not found.compared["found"]:
        return f"第 {found.snapshot} 号快照里没有这一行，请核对主键的写法"
    word = "与提出异议时相同，尚未更正" if found.compared["same"] else "已与提出异议时不同"
    return f"第 {found.compared['snapshot']} 号快照里这一项{word}"


def _seen(value: Any, kind: str, plain: bool) -> str:
    text = "" if value is None else str(value)
    return text if plain or not kind else in_form(kind, text)


def issue_sections(actor: Actor, found: Issue) -> list[Section]:
    """What was kept back and why, and where its rows are."""
    run = found.run
    return [
        Section("质量整改", (
            Fact("信息资源", run.rule_set.resource_name), Fact("数据包", run.package),
            Fact("拦截", f"{run.bad:,} 行（共检查 {run.rows:,} 行）", url=f"/r/governance.run/{run.pk}/"),
            Fact("主要问题", found.summary, wide=True),
            Fact("怎样整改", "打开上面的检查看逐条规则的结论；在“数据报送”的该数据包下载标色的退回表，改正后重新报送。", wide=True),
        )),
    ]  # fmt: skip


def ways(actor: Actor, resource_id: int) -> Section | None:
    """How a reader of a resource says that something in it is wrong."""
    if not actor.can("governance.objection", "add"):
        return None
    facts = catalog.resource(actor, resource_id)
    if not (facts.key and facts.snapshot):
        why = "还没有数据" if facts.key else "没有登记主键，指不出是哪一行"
        return Section(
            "数据有误？", (Fact("数据异议", f"本资源{why}，不能提出异议；有疑问请与提供单位联系", wide=True),)
        )
    address = reverse("governance_object", args=[resource_id])
    return Section("数据有误？", (Fact("数据异议", "指明哪一行哪一项，交提供单位核实", address, wide=True),))


catalog.add_panel("objections", ways)
