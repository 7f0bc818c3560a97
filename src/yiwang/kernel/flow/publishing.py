"""Publishing freezes a flow: checked, hashed, stored; cases run from the stored text, never from the code."""

import json
from dataclasses import asdict, fields, is_dataclass
from functools import cache, lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from django.db import connection, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Conflict, Invalid
from yiwang.kernel.crypto.digests import sm3
from yiwang.kernel.flow.definitions import END_PREFIX, ORIGIN, PREVIOUS, RETURNER, STAY, ClockRule, Flow, Stage
from yiwang.kernel.flow.models import FlowVersion
from yiwang.kernel.flow.terms import OPERATIONS, VersionState

WORDS = {STAY, PREVIOUS, ORIGIN, RETURNER}


def digest(definition: dict[str, Any]) -> str:
    return sm3(json.dumps(definition, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def to_json(flow: Flow) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(flow), ensure_ascii=False))
    return plain


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _build(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        known = {item.name for item in fields(kind)}
        hints = _hints(kind)
        return kind(**{name: _build(hints[name], part) for name, part in value.items() if name in known})
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(_build(arguments[0], part) for part in value)
        return tuple(_build(inner, part) for inner, part in zip(arguments, value, strict=True))
    if origin is Union and type(None) in arguments and value is None:
        return None
    return value


def from_json(definition: dict[str, Any]) -> Flow:
    flow: Flow = _build(Flow, definition)
    return flow


@lru_cache(maxsize=512)
def flow_of(version_id: int) -> Flow:
    """Parsed once per process: a version never changes after publish."""
    return from_json(FlowVersion.objects.values_list("definition", flat=True).get(pk=version_id))


def _problems(flow: Flow) -> list[str]:
    stages = {stage.code for stage in flow.stages}
    found = [] if flow.stages else ["流程至少要有一个环节"]
    if len(stages) != len(flow.stages):
        found.append("环节代码重复")
    outcomes = {code for code, _ in flow.outcomes}
    for stage in flow.stages:
        found += _stage_problems(stage, stages, outcomes)
    found += [line for clock in flow.clocks for line in _clock_problems(flow, clock, stages)]
    found += [f"未知操作“{item.code}”" for item in flow.operations if item.code not in {*OPERATIONS, "open_child"}]
    return found


def _stage_problems(stage: Stage, stages: set[str], outcomes: set[str]) -> list[str]:
    found = []
    codes = [action.code for action in stage.actions]
    if len(set(codes)) != len(codes):
        found.append(f"环节“{stage.name}”的动作代码重复")
    for action in stage.actions:
        ending = action.to.removeprefix(END_PREFIX) if action.to.startswith(END_PREFIX) else ""
        if ending and ending not in outcomes:
            found.append(f"动作“{action.name}”的结果“{ending}”未声明")
        if not ending and action.to not in stages | WORDS:
            found.append(f"动作“{action.name}”指向不存在的环节“{action.to}”")
    if stage.assign.by == "handler" and stage.assign.stage not in stages:
        found.append(f"环节“{stage.name}”沿用的环节“{stage.assign.stage}”不存在")
    if stage.when_children_closed and stage.when_children_closed not in codes:
        found.append(f"环节“{stage.name}”没有动作“{stage.when_children_closed}”")
    rule = stage.decide
    top = 1 if rule.by in ("ratio", "weight") else None
    shares = [share for share in (rule.pass_at, rule.reject_at) if share is not None]
    wrong = [share for share in shares if share <= 0 or (top and share > top)]
    return found + [f"环节“{stage.name}”的表决门槛 {share} 不在允许范围内" for share in wrong]


def _clock_problems(flow: Flow, clock: ClockRule, stages: set[str]) -> list[str]:
    actions = {action.code for stage in flow.stages for action in stage.actions}
    found = []
    for event in (*clock.starts.split(), clock.stops):
        word, _, rest = event.partition(":")
        known = {"enter": stages, "leave": stages, "act": actions, "op": OPERATIONS.keys()}
        if event not in ("open", "close") and rest not in known.get(word, ()):
            found.append(f"时钟“{clock.name}”的事件“{event}”不存在")
    if clock.on_breach.startswith("act:") and clock.on_breach[4:] not in actions:
        found.append(f"时钟“{clock.name}”到期动作“{clock.on_breach[4:]}”不存在")
    if not (clock.budget or clock.budget_field or clock.limit):
        found.append(f"时钟“{clock.name}”没有时限")
    return found


@transaction.atomic
def publish(flow: Flow) -> FlowVersion:
    """The same content is the same version; a change closes the current one and opens the next."""
    problems = _problems(flow)
    if problems:
        raise Invalid(
            f"流程“{flow.name}”不能发布：{'；'.join(problems)}。请修改定义后重新发布。", errors={"flow": problems}
        )
    definition = to_json(flow)
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"flow:{flow.code}"])
    content = digest(definition)
    known = FlowVersion.objects.filter(code=flow.code, digest=content).first()
    if known is not None and known.valid_until is None:
        return known
    if known is not None:
        raise Conflict(f"流程“{flow.name}”的这一内容已于 {known.valid_until:%Y-%m-%d} 停用。请修改版次后再发布。")
    now = timezone.now()
    FlowVersion.objects.filter(code=flow.code, valid_until=None).update(valid_until=now, state=VersionState.RETIRED)
    return FlowVersion.objects.create(
        code=flow.code, name=flow.name, edition=flow.edition, digest=content, definition=definition, valid_from=now
    )


def current(code: str) -> FlowVersion:
    version = FlowVersion.objects.defer("definition").filter(code=code, valid_until=None).first()
    if version is None:
        raise Invalid(f"流程“{code}”尚未发布，不能登记案件。请先发布流程。")
    return version
