"""Invariants 1, 2, 3, 4, 5, 7, 8 and 23 after every step of random work on three flows."""

from datetime import date

import pytest
from django.test import TestCase

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow.definitions import ClockRule, Decide, Flow
from yiwang.kernel.flow.testing import World, machine
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import build

pytestmark = pytest.mark.slow
CLOCKS = (
    ClockRule("whole", "全程", "working_day", 20, kind="statutory", extensions=1, extension_budget=10),
    ClockRule("handle", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle", extensions=1),
)


def world(flow: Flow) -> World:
    town = build()
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    units = tuple(town.unit(code) for code in ("water", "roads"))
    names = ("operator", "operator2", "water1", "water2", "water_head", "roads1", "roads_head", "mayor")
    return World(
        town.publish(flow).code, tuple(town[name] for name in names), tuple(town.at(name) for name in names), units
    )


class Hotline(machine(lambda: world(flows.hotline(*CLOCKS))).TestCase, TestCase):
    pass


class Voting(machine(lambda: world(flows.voting(Decide("ratio", 0.6))), examples=3).TestCase, TestCase):
    pass


class Sequential(
    machine(lambda: world(flows.voting(Decide("all", sequential=True), same_person="refuse")), examples=3).TestCase,
    TestCase,
):
    pass
