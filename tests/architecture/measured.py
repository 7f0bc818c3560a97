"""A small city with a half year of requests, made through services, for tests that count."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import transaction
from pytest_django import DjangoDbBlocker

from yiwang.city.command.demo import build as build_dictionary
from yiwang.city.hotline.demo.building import Builder
from yiwang.city.hotline.models import RepeatFinding, Request
from yiwang.city.hotline.services import insight
from yiwang.city.hotline.services.intake import register_many
from yiwang.data.catalog.demo import build as build_catalogue
from yiwang.data.census.demo import build as build_census
from yiwang.site import demo_city

REQUESTS = 32


def build() -> None:
    for command in ("seed_standards", "declare_roles", "publish_flows", "publish_measures"):
        call_command(command, verbosity=0)
    demo_city.build()
    build_dictionary()
    builder = Builder()
    made = builder.intakes(REQUESTS)
    requests = register_many(builder.actor("dispatcher"), [intake for _, intake in made])
    for request, (theme, _) in zip(requests, made, strict=True):
        builder.live(request, theme)
    manager = builder.actor("manager")
    insight.find_repeats(manager, Request.objects.all())
    twice = RepeatFinding.objects.order_by("request_id", "pk")
    for finding in twice[:3]:
        insight.judge_repeat(manager, finding.pk, confirmed=True)
    build_catalogue()
    build_census()


@pytest.fixture(scope="module")
def city(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Made once for the tests of a module marked django_db, which only read it; gone with the transaction."""
    with django_db_blocker.unblock(), transaction.atomic():
        build()
        yield
        transaction.set_rollback(True)
