"""办法与版本：编制、发布。"""

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.crypto import sm3
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.measures.declarations import Measure
from yiwang.kernel.measures.registry import all_measures
from yiwang.office.appraisal.models import DeductionRule, Indicator, Scheme, SchemeVersion
from yiwang.office.appraisal.terms import VersionState

EDITABLE = ("number", "effective_from", "base", "minimum_cases", "indicator_lines", "rule_lines")
SEPARATOR = re.compile(r"\s*[\t|｜]\s*")
CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")


@transaction.atomic
def create_scheme(actor: Actor, *, code: str, name: str) -> Scheme:
    actor.require("appraisal.scheme", "add")
    if Scheme.objects.filter(code=code).exists():
        raise Invalid(f"办法代码 {code} 已存在。", errors={"code": ["重复"]})
    scheme = Scheme.objects.create(code=code, name=name, organisation_id=actor.home(), created_by_id=actor.person_id)
    ledger.record(actor, "appraisal.create_scheme", ("appraisal.scheme", scheme.pk), after={"code": code, "name": name})
    return scheme


def _lines(field: str, text: str, columns: tuple[str, ...], read: Callable[[list[str]], Any]) -> list[Any]:
    """Each line read, or every wrong line told with its number."""
    found, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        cells = SEPARATOR.split(line.strip())
        try:
            if len(cells) != len(columns) or not all(cells):
                raise ValueError(f"应有 {len(columns)} 项：{' | '.join(columns)}")
            found.append(read(cells))
        except ValueError as problem:
            problems.append(f"第 {number} 行：{problem}")
    if problems:
        raise Invalid(f"办法没有保存。{problems[0]}。", errors={field: problems})
    return found


def _points(text: str, name: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{name}“{text}”不是数字") from error
    if not (value.is_finite() and 0 < value <= 999 and value == value.quantize(Decimal("0.01"))):
        raise ValueError(f"{name}“{text}”须大于 0、不超过 999，至多两位小数")
    return value


def countable() -> list[Measure]:
    """Measures that can score a unit: pooled rates that can be split by organisation."""
    return [item for item in all_measures() if item.kind == "rate" and "organisation" in item.dimensions]


def _indicator(cells: list[str]) -> Indicator:
    known = {key: measure for measure in countable() for key in (measure.code, measure.name)}
    measure = known.get(cells[0])
    if measure is None:
        names = "、".join(item.name for item in countable())
        raise ValueError(f"没有可计分的指标“{cells[0]}”。可用：{names}")
    weight = _points(cells[1], "权重")
    return Indicator(name=measure.name, measure=measure.code, measure_version=measure.version, weight=weight)


def _rule(cells: list[str]) -> DeductionRule:
    if not CODE.fullmatch(cells[0]):
        raise ValueError(f"条款代码“{cells[0]}”应为字母、数字、点、横线，不超过 40 位")
    if len(cells[1]) > 120 or len(cells[3]) > 200:
        raise ValueError("扣分情形不超过 120 字，依据不超过 200 字")
    return DeductionRule(code=cells[0], name=cells[1], points=_points(cells[2], "每件扣分"), basis=cells[3])


def _parsed(values: dict[str, Any]) -> tuple[list[Indicator], list[DeductionRule]]:
    indicators = _lines("indicator_lines", values["indicator_lines"], ("指标", "权重"), _indicator)
    rules = _lines("rule_lines", values["rule_lines"], ("条款代码", "扣分情形", "每件扣分", "依据"), _rule)
    for field, keys in (
        ("indicator_lines", [item.measure for item in indicators]),
        ("rule_lines", [item.code for item in rules]),
    ):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise Invalid(f"办法没有保存：{'、'.join(twice)} 出现了两次。", errors={field: ["重复"]})
    weights = sum((item.weight for item in indicators), Decimal(0))
    if indicators and weights != values["base"]:
        raise Invalid(
            f"各指标权重之和为 {weights}，应等于基准分 {values['base']}。", errors={"indicator_lines": ["权重之和不符"]}
        )
    return indicators, rules


def _check(scheme: Scheme, values: dict[str, Any], own: int | None) -> None:
    if values["effective_from"].day != 1:
        raise Invalid("施行月份须为当月 1 日。", errors={"effective_from": ["须为 1 日"]})
    if SchemeVersion.objects.filter(scheme=scheme, number=values["number"]).exclude(pk=own or 0).exists():
        raise Invalid(f"“{scheme}”已有版本 {values['number']}，请换一个版本号。", errors={"number": ["重复"]})


def _fill(version: SchemeVersion, values: dict[str, Any]) -> SchemeVersion:
    indicators, rules = _parsed(values)
    for name, value in values.items():
        setattr(version, name, value)
    version.save()
    version.indicators.all().delete()
    version.rules.all().delete()
    for position, indicator in enumerate(indicators):
        indicator.version, indicator.position = version, position
    for rule in rules:
        rule.version = version
    Indicator.objects.bulk_create(indicators)
    DeductionRule.objects.bulk_create(rules)
    return version


@transaction.atomic
def draft_version(
    actor: Actor, scheme: Scheme, *, number: str, effective_from: date, rule_lines: str, indicator_lines: str = "",
    base: Decimal = Decimal(100), minimum_cases: int = 5,
) -> SchemeVersion:  # fmt: skip
    """A draft of the scheme's text; nothing is judged by it before it is published."""
    actor.require("appraisal.version", "add")
    locked = Scheme.objects.select_for_update().get(pk=scheme.pk)
    values = {"number": number, "effective_from": effective_from, "base": base, "minimum_cases": minimum_cases,
              "indicator_lines": indicator_lines, "rule_lines": rule_lines}  # fmt: skip
    _check(locked, values, None)
    version = SchemeVersion(scheme=locked, organisation_id=locked.organisation_id, created_by_id=actor.person_id)
    _fill(version, values)
    ledger.record(actor, "appraisal.draft_version", ("appraisal.version", version.pk), after={"number": number})
    return version


def _locked_draft(actor: Actor, version: SchemeVersion, verb: str) -> SchemeVersion:
    doors.row(actor, "appraisal.version", version.pk, verb)
    Scheme.objects.select_for_update().get(pk=version.scheme_id)
    locked = SchemeVersion.objects.select_for_update(of=("self",)).select_related("scheme").get(pk=version.pk)
    if locked.state != VersionState.DRAFT:
        raise Refused(
            f"{locked} 已发布，不能再改。请复制为新版本，从以后的月份施行。",
            rule="办法版本发布后不可变更",
            code="frozen",
        )
    return locked


@transaction.atomic
def change_version(actor: Actor, version: SchemeVersion, changes: dict[str, Any]) -> SchemeVersion:
    locked = _locked_draft(actor, version, "change")
    values = {name: changes.get(name, getattr(locked, name)) for name in EDITABLE}
    _check(locked.scheme, values, locked.pk)
    locked.version += 1
    return _fill(locked, values)


@transaction.atomic
def copy_version(actor: Actor, version: SchemeVersion, *, number: str, effective_from: date) -> SchemeVersion:
    """A new draft with the text of an older version."""
    return draft_version(
        actor, version.scheme, number=number, effective_from=effective_from, base=version.base,
        minimum_cases=version.minimum_cases, indicator_lines=version.indicator_lines, rule_lines=version.rule_lines,
    )  # fmt: skip


@transaction.atomic
def publish_version(actor: Actor, version: SchemeVersion) -> SchemeVersion:
    """Publish from a month on. A month that already has a period keeps the version it was opened with."""
    locked = _locked_draft(actor, version, "publish")
    same = SchemeVersion.objects.filter(
        scheme=locked.scheme, state=VersionState.PUBLISHED, effective_from=locked.effective_from
    )
    if same.exists():
        raise Invalid(
            f"{locked.effective_from:%Y年%m月} 已有发布的版本 {same[0].number}，同一月份不能有两个版本施行。请改施行月份。"
        )
    if not locked.rules.exists():
        raise Invalid("没有扣分条款，不能发布。请先填写扣分条款。", errors={"rule_lines": ["必填"]})
    text = [list(locked.indicators.values_list("measure", "measure_version", "weight")),
            list(locked.rules.values_list("code", "name", "points", "basis")), locked.base, locked.minimum_cases]  # fmt: skip
    locked.digest = sm3(json.dumps(text, ensure_ascii=False, default=str).encode())
    locked.state = VersionState.PUBLISHED
    locked.version += 1
    locked.save()
    ledger.record(
        actor, "appraisal.publish_version", ("appraisal.version", locked.pk),
        after={"number": locked.number, "effective_from": locked.effective_from.isoformat(), "digest": locked.digest},
    )  # fmt: skip
    return locked
