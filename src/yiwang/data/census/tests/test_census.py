"""Surveys with their coverage, reminders and lateness; the lists that nobody types."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from tests.worlds import kept
from yiwang.data.catalog import contract
from yiwang.data.catalog.tests import world
from yiwang.data.catalog.tests.world import District
from yiwang.data.census import queries, services
from yiwang.data.census.domain import DOMAIN
from yiwang.data.census.models import Duty, NegativeEntry, ResponsibilityEntry, Survey, Target
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Invalid, Refused
from yiwang.kernel.access.services import declare
from yiwang.kernel.measures.periods import between
from yiwang.kernel.measures.queries import value
from yiwang.kernel.messages.models import Message

TODAY = timezone.localdate()


def furnish() -> District:
    made = world.furnish()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    for name, unit, role in (
        ("普查员", "数管局", "census.manager"),
        ("住建填报", "住建局", "census.unit"),
        ("教育填报", "教育局", "census.unit"),
    ):
        made.actors[name] = made.town.actor(name, made.town.post(unit, name, role))
    return made


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[District]:
    with kept(django_db_blocker, furnish) as made:
        yield made


@pytest.fixture
def district(built: District, db: None) -> District:
    return deepcopy(built)


def opened(district: District, due_on: date = TODAY + timedelta(days=2)) -> Survey:
    units = [district.town.organisations[name] for name in ("住建局", "教育局")]
    return services.open_survey(
        district["普查员"],
        title="数据普查",
        basis="方案",
        starts_on=due_on - timedelta(days=30),
        due_on=due_on,
        units=units,
    )


def target(survey: Survey, district: District, unit: str) -> Target:
    return survey.targets.get(organisation=district.unit(unit))


def test_coverage_and_compilation_have_their_denominators(district: District) -> None:
    survey = opened(district)
    district.published()
    services.report_survey(district["住建填报"], target(survey, district, "住建局").pk, systems=2, holdings=4)
    found = queries.progress(district["普查员"], survey)
    assert (found["reported"], found["total"], str(found["coverage"])) == (1, 2, "50.00")
    assert (found["compiled"], found["holdings"], str(found["compilation"])) == (1, 4, "25.00")
    figure = value(SYSTEM, "census.surveyed", between(TODAY - timedelta(days=60), TODAY + timedelta(days=60)))
    assert (figure.numerator, figure.denominator) == (1, 2)


def test_who_has_not_reported_is_reminded_once_a_day_and_listed_when_late(district: District) -> None:
    survey = opened(district, TODAY - timedelta(days=1))
    services.report_survey(district["住建填报"], target(survey, district, "住建局").pk, systems=1, holdings=1)
    assert services.remind(district["普查员"], survey.pk) == 1
    assert services.remind(district["普查员"], survey.pk) == 0
    message = Message.objects.get()
    assert message.person_id == district["教育填报"].person_id and "逾期" in message.title
    late = queries.pending(doors.rows(district["普查员"], "census.target"), ["late"])
    assert [each.organisation_id for each in late] == [district.unit("教育局")]
    assert services.remind_due(SYSTEM) == 0


def test_permissions_and_bad_input(district: District) -> None:
    survey = opened(district)
    own = target(survey, district, "住建局").pk
    for act in (
        lambda: services.report_survey(district["教育填报"], own, systems=1, holdings=1),
        lambda: services.remind(district["住建填报"], survey.pk), lambda: services.close_survey(district["住建填报"], survey.pk),
        lambda: services.open_survey(district["住建填报"], title="x", basis="x", starts_on=TODAY, due_on=TODAY, units=[]),
    ):  # fmt: skip
        with pytest.raises(Refused):
            act()
    with pytest.raises(Invalid, match="不能小于"):
        services.report_survey(district["住建填报"], own, systems=1, holdings=-1)
    with pytest.raises(Invalid, match="截止日期"):
        opened_from = {"title": "x", "basis": "x", "starts_on": TODAY, "due_on": TODAY - timedelta(days=1)}
        services.open_survey(district["普查员"], **opened_from, units=[district.town.organisations["住建局"]])
    services.close_survey(district["普查员"], survey.pk)
    with pytest.raises(Refused, match="已结束"):
        services.report_survey(district["住建填报"], own, systems=1, holdings=1)


def test_the_lists_follow_duties_items_and_refusals(district: District) -> None:
    made = district.published()
    duty = Duty.objects.create(code="Z1", name="施工许可", basis="三定规定", organisation_id=district.unit("住建局"))
    Duty.objects.create(
        code="Z2", name="党建", basis="三定规定", organisation_id=district.unit("住建局"), yields_data=False
    )
    assert [(line.duty_id, line.resource_id) for line in ResponsibilityEntry.objects.all()] == [(duty.pk, None)]
    duty.resources.add(made)
    line = ResponsibilityEntry.objects.get()
    assert (line.resource_id, line.publish_state, line.basis) == (made.pk, "published", "三定规定")
    assert [each.item.name for each in NegativeEntry.objects.all()] == ["id_number"]
    asked = datetime(2026, 5, 1, tzinfo=UTC)
    contract.record_demand(
        "GX-1",
        organisation_id=district.unit("教育局"),
        wanted="名单",
        purpose="资助",
        asked_at=asked,
        resource_id=made.pk,
    )
    contract.settle_demand("GX-1", "refused", settled_at=asked, reason="超出职责", basis="政务数据共享条例第二十五条")
    refused = NegativeEntry.objects.get(demand__isnull=False)
    assert (refused.subject, refused.basis, refused.organisation_id) == (
        "名单",
        "政务数据共享条例第二十五条",
        district.unit("住建局"),
    )
    section = queries.duties_of(district["住建填报"], made.pk)
    assert section is not None and "施工许可" in str(section.facts[0].value)
