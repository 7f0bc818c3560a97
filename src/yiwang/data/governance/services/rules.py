"""规则集：编制、由模板或条件加规则、发布。"""

import json
from collections.abc import Container, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance.models import Repair, Rule, RuleSet
from yiwang.data.governance.terms import MOST_VALUES, VALUES, Dimension, Kind, RuleSetState, Severity
from yiwang.data.governance.terms.templates import column, fill
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.crypto import decrypt, encrypt, lasting_mac, sm3
from yiwang.kernel.lake.expressions import condition, parse
from yiwang.kernel.ledger import services as ledger
from yiwang.standards import functions  # noqa: F401 - registers the library

DECIMAL = "decimal(20,4)"
OTHER = "other_"


def lake_type(data_type: str) -> str:
    """An item's type as a column of the lake."""
    return DECIMAL if data_type == "decimal" else data_type


def _draft_row(actor: Actor, facts: catalog.ResourceFacts) -> RuleSet:
    last = RuleSet.objects.filter(resource=facts.id).order_by("-number").first()
    stamp = next((item.name for item in facts.items if item.is_timestamp), "")
    return RuleSet.objects.create(
        resource=facts.id, resource_name=facts.name, organisation_id=facts.organisation_id, number=(last.number if last else 0) + 1,
        columns={item.name: lake_type(item.data_type) for item in facts.items},
        titles={item.name: item.title for item in facts.items}, latest=stamp, created_by_id=actor.person_id,
        is_demo=facts.is_demo,
    )  # fmt: skip


@transaction.atomic
def draft(actor: Actor, resource_id: int) -> RuleSet:
    """The draft of a resource's next rule set: the one there is, else a copy of the published one, else the starter rules."""
    actor.require("governance.rule_set", "add")
    facts = catalog.resource(actor, resource_id)
    known = RuleSet.objects.filter(resource=resource_id, state=RuleSetState.DRAFT).first()
    if known is not None:
        return known
    made = _draft_row(actor, facts)
    published = RuleSet.objects.filter(resource=resource_id, state=RuleSetState.PUBLISHED).first()
    if published is None:
        _starter(made, facts)
    else:
        _copy(published, made)
    return made


def _copy(source: RuleSet, target: RuleSet) -> None:
    for rule in source.rules.all():
        if set(rule.fields) <= set(target.columns):
            rule.pk, rule.rule_set = None, target
            rule._state.adding = True
            rule.save()
    for repair in source.repairs.filter(field__in=target.columns):
        repair.pk, repair.rule_set = None, target
        repair._state.adding = True
        repair.save()


# Words in an item's title or standard → template.
NAMED = (
    (("身份号码", "身份证", "11643"), "cn_id"), (("统一社会信用代码", "32100"), "uscc"), (("手机",), "mobile"), (("电话",), "phone"),
    (("邮箱", "电子邮件"), "email"), (("行政区划代码", "2260"), "division"), (("邮政编码", "邮编"), "postcode"),
)  # fmt: skip
CLEANING = {"cn_id": "cn_id_upgrade(zero_for_o({0}))", "uscc": "upper(replace(norm_text({0}), ' ', ''))", "mobile": "norm_text({0})",
            "phone": "norm_text({0})", "division": "half_width(trim({0}))", "email": "norm_text({0})"}  # fmt: skip


def _starter(rule_set: RuleSet, facts: catalog.ResourceFacts) -> None:
    """What the catalogue itself promises: types, required items, the key, and items that follow a standard."""
    rules: list[Rule] = []
    repairs: list[Repair] = []

    def add(template: str, blanks: Mapping[str, Any], severity: str = Severity.BLOCK) -> None:
        taken = {rule.code for rule in rules}
        rules.append(_rule(rule_set, template, blanks, _free(template, taken), len(rules), severity=severity))

    for item in facts.items:
        if not item.nullable or item.is_key:
            add("required", {"field": item.name})
        if item.data_type != "text":
            add("typed", {"field": item.name})
        elif item.length:
            add("length", {"field": item.name, "least": 0, "most": item.length}, Severity.WARN)
        known = f"{item.title}{item.standard}"
        template = next((code for words, code in NAMED if any(word in known for word in words)), "")
        if template and item.data_type == "text":
            add(template, {"field": item.name})
            if template in CLEANING:
                expression = CLEANING[template].format(column(item.name))
                repairs.append(Repair(
                    rule_set=rule_set, field=item.name, expression=expression, reason="按标准清理写法", position=len(repairs)
                ))  # fmt: skip
    if facts.key:
        add("unique", {"fields": list(facts.key)})
    Rule.objects.bulk_create(rules)
    Repair.objects.bulk_create(repairs)


def _repair(rule_set: RuleSet, field: str, expression: str, reason: str) -> Repair:
    return Repair.objects.create(
        rule_set=rule_set, field=field, expression=expression, reason=reason, position=rule_set.repairs.count()
    )


def _add(rule_set: RuleSet, template: str, blanks: Mapping[str, Any], **more: Any) -> Rule:
    made = _rule(rule_set, template, blanks, _code(rule_set, template), rule_set.rules.count(), **more)
    made.save(force_insert=True)
    return made


def _code(rule_set: RuleSet, stem: str) -> str:
    return _free(stem, set(rule_set.rules.filter(code__startswith=stem).values_list("code", flat=True)))


def _free(stem: str, taken: Container[str]) -> str:
    return next(code for code in (stem, *(f"{stem}_{number}" for number in range(2, 10_000))) if code not in taken)


def _rule(
    rule_set: RuleSet, template: str, blanks: Mapping[str, Any], code: str, position: int, *, severity: str = Severity.BLOCK,
    threshold: Decimal | float = 0, reason: str = "", evidence: Mapping[str, Any] | None = None, owner: int | None = None,
) -> Rule:  # fmt: skip
    """A rule of a template, not yet kept."""
    found, expression, params = fill(template, blanks)
    _require_sound("", reason, severity, found.dimension)
    fields = _fields(rule_set, found.kind, expression, params)
    titles = "、".join(rule_set.titles.get(name, name) for name in fields[:4])
    return Rule(
        rule_set=rule_set, code=code, name=f"{titles}：{found.name}" if titles else found.name, kind=found.kind,
        template=template, expression=expression, params=params, fields=fields, dimension=found.dimension, severity=severity,
        threshold=Decimal(str(threshold)), reason=reason or f"{titles}{found.reason}", basis=found.basis, owner_id=owner,
        evidence=dict(evidence or {}), position=position,
    )  # fmt: skip


def _require_sound(name: str, reason: str, severity: str, dimension: str) -> None:
    errors = {}
    for place, text, most in (("name", name, 200), ("reason", reason, 300)):
        if len(text.strip()) > most:
            errors[place] = [f"{'名称' if place == 'name' else '理由'}有 {len(text.strip())} 字，至多 {most} 字"]
    if severity not in Severity.values:
        errors["severity"] = ["“处理”请从列表中选择"]
    if dimension not in Dimension.values:
        errors["dimension"] = ["“质量维度”请从列表中选择"]
    if errors:
        raise Invalid(f"规则没有保存：{'；'.join(each[0] for each in errors.values())}。", errors=errors)


def _fields(rule_set: RuleSet, kind: str, expression: str, params: Mapping[str, Any]) -> list[str]:
    """The fields a rule is about, checked against the rule set; an expression is read here, so that it fails early."""
    if kind == Kind.ROW:
        return sorted(condition(expression, rule_set.columns).columns)
    named = [*params.get("fields", ()), params.get("field"), params.get("dependent")]
    fields = list(dict.fromkeys(str(name) for name in named if name))
    if unknown := [name for name in fields if name not in rule_set.columns]:
        raise Invalid(
            f"本资源没有字段“{'、'.join(unknown)}”。可用的字段：{'、'.join(rule_set.columns)}。", rule="expression"
        )
    if kind in (Kind.REFERENTIAL, Kind.CROSS) and len(params["fields"]) != len(params["other_fields"]):
        raise Invalid("本表字段与对方字段的个数不同，应当一一对应。", rule="expression")
    return fields


def _open(actor: Actor, rule_set: RuleSet) -> RuleSet:
    found: RuleSet = doors.row(actor, "governance.rule_set", rule_set.pk, "change")
    locked = RuleSet.objects.select_for_update().get(pk=found.pk)
    if locked.state != RuleSetState.DRAFT:
        raise Refused("规则集已发布，不再改变。请先“编制新版”。", rule="已发布的规则集不可更改", code="frozen")
    return locked


@transaction.atomic
def add_rule(actor: Actor, rule_set: RuleSet, template: str, blanks: Mapping[str, Any], **more: Any) -> Rule:
    """By template. `more`: severity, threshold (share of rows, 0..1), reason, evidence."""
    return _add(_open(actor, rule_set), template, blanks, owner=actor.person_id, **more)


@transaction.atomic
def add_expression(
    actor: Actor, rule_set: RuleSet, *, name: str, expression: str, reason: str, dimension: str = Dimension.ACCURATE,
    severity: str = Severity.BLOCK, threshold: Decimal | float = 0, basis: str = "",
) -> Rule:  # fmt: skip
    """By a condition in the rule language; it must hold for a good row."""
    found = _open(actor, rule_set)
    if not (name.strip() and reason.strip()):
        raise Invalid("请写明规则名称和理由，理由会写给提供单位。", errors={"reason": ["必填"]})
    _require_sound(name, reason, severity, dimension)
    fields = _fields(found, Kind.ROW, expression, {})
    return Rule.objects.create(
        rule_set=found, code=_code(found, "rule"), name=name.strip(), kind=Kind.ROW, expression=expression, fields=fields,
        dimension=dimension, severity=severity, threshold=Decimal(str(threshold)), reason=reason.strip(), basis=basis,
        owner_id=actor.person_id, position=found.rules.count(),
    )  # fmt: skip


@transaction.atomic
def add_cross(
    actor: Actor, rule_set: RuleSet, *, name: str, expression: str, reason: str, reference: str, fields: list[str],
    other_fields: list[str], other_columns: Mapping[str, str], severity: str = Severity.BLOCK,
) -> Rule:  # fmt: skip
    """A condition over a row and its partner in another table, whose columns are written `other_<name>`."""
    found = _open(actor, rule_set)
    params = {"fields": fields, "other_fields": other_fields, "reference": reference}
    condition(expression, {**found.columns, **{f"{OTHER}{key}": kind for key, kind in other_columns.items()}})
    return Rule.objects.create(
        rule_set=found, code=_code(found, "cross"), name=name, kind=Kind.CROSS, expression=expression, params=params,
        fields=_fields(found, Kind.CROSS, expression, params), dimension=Dimension.CONSISTENT, severity=severity, reason=reason,
        owner_id=actor.person_id, position=found.rules.count(),
    )  # fmt: skip


@transaction.atomic
def add_repair(actor: Actor, rule_set: RuleSet, *, field: str, expression: str, reason: str) -> Repair:
    """Rewrite a field before it is judged, by an expression over its text; what it cannot read stays as written."""
    found = _open(actor, rule_set)
    if field not in found.columns:
        raise Invalid(f"本资源没有字段“{field}”。", errors={"field": ["没有这个字段"]})
    if parse(expression, dict.fromkeys(found.columns, "text")).type != "text":
        raise Invalid("修复的结果应当是文本；类型由平台按目录转换。", errors={"expression": ["结果不是文本"]})
    return _repair(found, field, expression, reason)


@transaction.atomic
def add_values(
    actor: Actor, rule_set: RuleSet, *, field: str, by: Sequence[str], values: Sequence[Sequence[str]], reason: str
) -> Repair:
    """Rewrite values of a field, each by a table: `values` are [what the fields of `by` hold…, value, new value].

    Nothing is "". A value that is right elsewhere is looked up together with the fields that give the mistake away.
    """
    found = _open(actor, rule_set)
    if unknown := [name for name in (field, *by) if name not in found.columns]:
        raise Invalid(f"本资源没有字段“{'、'.join(unknown)}”。", errors={"field": ["没有这个字段"]})
    keys = {tuple(row[:-1]) for row in values}
    if field in by or len(keys) != len(values) or any(len(row) != len(by) + 2 for row in values):
        raise Invalid(
            "对照表的每一项须有对照字段的值、原值和新值，同一项只能出现一次。", errors={"values": ["写法不对"]}
        )
    if not 0 < len(values) <= MOST_VALUES:
        raise Invalid(f"对照表须有 1 至 {MOST_VALUES:,} 项。", errors={"values": ["项数不对"]})
    listed = json.dumps([list(row) for row in values], ensure_ascii=False)
    return Repair.objects.create(
        rule_set=found, field=field, by=list(by), values=encrypt(listed, VALUES), reason=reason,
        position=found.repairs.count(),
    )  # fmt: skip


@transaction.atomic
def remove_rule(actor: Actor, rule: Rule) -> None:
    """From a draft."""
    _open(actor, rule.rule_set)
    rule.delete()


@transaction.atomic
def remove_repair(actor: Actor, repair: Repair) -> None:
    """From a draft."""
    _open(actor, repair.rule_set)
    repair.delete()


@transaction.atomic
def publish(actor: Actor, rule_set: RuleSet) -> RuleSet:
    """From now on every check pins this version; the former one is retired and stays readable."""
    actor.require("governance.rule_set", "publish")
    found = _open(actor, rule_set)
    rules = list(found.rules.all())
    if not rules:
        raise Invalid("规则集里还没有规则，不能发布。")
    for rule in rules:
        if rule.kind == Kind.ROW:
            condition(rule.expression, found.columns)
    RuleSet.objects.filter(resource=found.resource, state=RuleSetState.PUBLISHED).update(state=RuleSetState.RETIRED)
    found.state, found.published_at, found.published_by_id = RuleSetState.PUBLISHED, timezone.now(), actor.person_id
    found.digest = sm3(json.dumps(_content(found, rules), ensure_ascii=False, sort_keys=True).encode())
    found.version += 1
    found.save()
    ledger.record(
        actor, "governance.publish", ("governance.rule_set", found.pk), organisation_id=found.organisation_id,
        after={"resource": found.resource, "number": found.number, "rules": len(rules), "digest": found.digest},
    )  # fmt: skip
    return found


def _keyed(repair: Repair) -> str:
    """What stands for a sealed table in the digest, which everybody may read: nobody can try values against it."""
    return lasting_mac(decrypt(repair.values, VALUES).encode(), VALUES)


def _content(rule_set: RuleSet, rules: list[Rule]) -> dict[str, Any]:
    return {
        "columns": rule_set.columns,
        "rules": [
            [rule.code, rule.kind, rule.expression, rule.params, rule.severity, str(rule.threshold)] for rule in rules
        ],
        "repairs": [
            [repair.field, repair.expression, *([repair.by, _keyed(repair)] if repair.values else [])]
            for repair in rule_set.repairs.all()
        ],
    }
