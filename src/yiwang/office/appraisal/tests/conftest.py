"""An office that judges two units, and what each may do."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import kept
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.services import declare
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.people.testing import Town
from yiwang.office.appraisal.domain import DOMAIN
from yiwang.office.appraisal.flows import APPEAL
from yiwang.office.appraisal.models import Deduction, Period, Scheme
from yiwang.office.appraisal.services import deductions, periods, schemes

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
RULES = "A | 未按时签收 | 0.2 | 办法第5条\nB | 超期办理 | 0.5 | 办法第6条"


@dataclass
class Office:
    town: Town
    actors: dict[str, Actor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    def unit(self, name: str) -> int:
        return self.town.organisations[name].pk

    def units(self) -> list[int]:
        return [self.unit("住建局"), self.unit("城管局"), self.unit("教育局")]

    def scheme(self, rules: str = RULES, indicators: str = "", **more: Any) -> Scheme:
        made = schemes.create_scheme(self["考核员"], code="S", name="考核办法")
        self.version(made, "1", JANUARY, rules, indicators, **more)
        return made

    def version(self, scheme: Scheme, number: str, since: date, rules: str, indicators: str = "", **more: Any) -> Any:
        draft = schemes.draft_version(
            self["考核员"],
            scheme,
            number=number,
            effective_from=since,
            rule_lines=rules,
            indicator_lines=indicators,
            **more,
        )
        return schemes.publish_version(self["考核员"], draft)

    def period(self, month: date = JANUARY, scheme: Scheme | None = None) -> Period:
        return periods.open_period(self["考核员"], scheme or self.scheme(), month, self.units())

    def deduct(self, period: Period, unit: str, rule: str = "A", number: str = "1", who: str = "考核员") -> Deduction:
        return deductions.deduct(
            self[who], period, organisation_id=self.unit(unit), rule_code=rule, subject=("manual", number),
            evidence="事实清楚", happened_on=period.month,
        )  # fmt: skip


def furnish() -> Office:
    town = Town()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    publish(APPEAL)
    town.organisation("区政府")
    for name in ("考核办", "住建局", "城管局", "教育局"):
        town.organisation(name, under="区政府")
    town.organisation("住建局质监站", under="住建局")
    office = Office(town)
    for name, unit, roles in (
        ("考核员", "考核办", ("appraisal.officer", "appraisal.reviewer")),
        ("复核员", "考核办", ("appraisal.reviewer",)),
        ("住建局承办员", "住建局", ("appraisal.unit",)),
        ("城管局承办员", "城管局", ("appraisal.unit",)),
    ):
        office.actors[name] = town.actor(name, town.post(unit, name, *roles))
    return office


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Office]:
    with kept(django_db_blocker, furnish) as made:
        yield made


@pytest.fixture
def office(built: Office, db: None) -> Office:
    return deepcopy(built)
