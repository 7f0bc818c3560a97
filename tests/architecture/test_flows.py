"""Every flow that a domain declares, put through random legal and illegal steps: the engine's invariants hold.

The walks are made from the domains' manifests, so no flow can be left out; what the domains' own records make of the
events is the affair of the domains' tests.
"""

import os
from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.test import TestCase

import yiwang
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow.definitions import Action, Field, Flow
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.flow.testing import World, machine
from yiwang.kernel.flow.tests.town import Town
from yiwang.site.manifests import manifests

OWN = {flow.code: flow for domain in manifests() for flow in domain.flows}
UNITS = ("centre", "north", "south")
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


class Place(Town):
    """A town whose roles are those the flow names."""

    def role(self, code: str) -> str:
        return code


def roles_of(flow: Flow) -> list[str]:
    """Every role that a stage, an operation or the flow itself names."""
    named = [stage.assign.role for stage in flow.stages] + [flow.operator_role]
    for item in flow.operations:
        named += [*item.who, str(item.settings.get("approver", "")), f"role:{item.settings.get('role', '')}"]
    return sorted({name.removeprefix("role:") for name in named} - {"", "seat", "initiator", "head"})


def openings_of(flow: Flow, unit: int, post: int) -> tuple[dict[str, Any], ...]:
    """Data to open with; of a field that decides which actions there are, each of its values once."""
    asked: dict[str, set[Any]] = {}
    for action in (action for stage in flow.stages for action in stage.actions):
        for where in action.where:
            values = where.value if isinstance(where.value, tuple) else (where.value,)
            asked.setdefault(where.field, set()).update(value for value in values if value is not None)

    def value(item: Field, turn: int) -> Any:
        known = sorted(asked.get(item.name, ()), key=str) or [code for code, _ in item.choices]
        if known:
            return known[turn % len(known)]
        given = {"integer": 3, "decimal": 3, "boolean": True, "organisation": unit, "organisations": [unit],
                 "post": post, "posts": [post], "date": "2026-01-05"}  # fmt: skip
        return given.get(item.kind, "内容")

    turns = max((len(values) for values in asked.values()), default=1)
    return tuple({item.name: value(item, turn) for item in flow.data} for turn in range(turns))


def world_of(flow: Flow) -> World:
    """A service centre and two bureaus; in each somebody for every role, and a head."""
    town = Place(f"walk-{flow.code}"[-20:])
    town.organisation("gov")
    for unit in UNITS:
        town.organisation(unit, "gov")
        town.post(f"{unit}_head", unit, head=True)
        for number, role in enumerate(roles_of(flow)):
            town.post(f"{unit}{number}", unit, role)
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    made = publish(replace(flow, code=f"{flow.code}.walk"))
    units = tuple(town.unit(unit) for unit in UNITS)
    posts = tuple(post.pk for post in town.posts.values())
    return World(made.code, tuple(town.actors.values()), posts, units, openings_of(flow, units[1], posts[0]))


def walk_of(flow: Flow) -> type[Any]:
    """The test case of a flow; its world is built once, every walk is rolled back to it."""
    built = cache(lambda: world_of(flow))
    made = machine(built, examples=2, steps=20)
    entered: Counter[str] = Counter()

    class Walk(made):
        def teardown(self) -> None:
            case = Case.objects.get(pk=self.case.pk)
            entered.update(case.memory["path"])
            entered[case.status] += 1
            super().teardown()

    class TestFlow(Walk.TestCase, TestCase):
        settings = made.TestCase.settings

        @classmethod
        def setUpTestData(cls) -> None:
            built.cache_clear()
            built()

        def runTest(self) -> None:
            super().runTest()
            assert entered[flow.stages[0].code] > 0, f"the walks entered only {dict(entered)}"
            if LONG:
                assert {stage.code for stage in flow.stages} <= set(entered), "a stage that no walk reaches"
                assert entered["closed"] > 0

    return TestFlow


for _code, _flow in OWN.items():
    _name = "Test_" + _code.replace(".", "_")
    globals()[_name] = type(_name, (walk_of(_flow),), {"__module__": __name__})
del _name, _code, _flow


def test_领域写下的每个流程都登记了_也都走过():
    written = set()
    root = Path(next(iter(yiwang.__path__)))
    for path in sorted(root.glob("*/*/flows.py")):
        module = import_module(".".join(("yiwang", *path.relative_to(root).with_suffix("").parts)))
        written |= {each.code for each in vars(module).values() if isinstance(each, Flow)}
    assert written and written == set(OWN)
    assert {f"Test_{code.replace('.', '_')}" for code in OWN} == {
        name for name in globals() if name.startswith("Test_")
    }


@pytest.mark.parametrize("flow", OWN.values(), ids=lambda flow: flow.code)
def test_每个环节都能走到(flow):
    """From the first stage, over targets of actions: a stage that nothing leads to would never be walked."""

    def targets(action: Action) -> set[str]:
        return {action.to} & {stage.code for stage in flow.stages}

    found, fresh = set(), {flow.stages[0].code}
    while fresh:
        found |= fresh
        fresh = {code for stage in fresh for action in flow.stage(stage).actions for code in targets(action)} - found
    jumps = {str(item.settings.get("to", "")) for item in flow.operations}
    assert {stage.code for stage in flow.stages} <= found | jumps
