"""Keys given as rows name the same records, in the order wished, without walking an index of that order."""

import json

import pytest
from django.db import connection

from yiwang.kernel.bulk import copying
from yiwang.kernel.bulk.indexing import Unnested
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.world import City

pytestmark = pytest.mark.django_db


def test_按给定主键取_次序照旧_空的一条也没有() -> None:
    city = City.build()
    made = [Bridge(code=f"U{n}", name=f"桥{n}", lanes=n % 3, organisation=city.roads) for n in range(9)]
    copying.insert(Bridge, made)
    wanted = [row.pk for row in made[::2]]
    found = Bridge.objects.filter(pk__in=Unnested([*wanted, wanted[0], 0])).order_by("-lanes", "pk")
    assert [row.pk for row in found] == [row.pk for row in sorted(made[::2], key=lambda row: (-row.lanes, row.pk or 0))]
    assert found.count() == len(wanted)
    assert not Bridge.objects.filter(pk__in=Unnested([])).exists()


def test_按主键取后再排_不沿次序的索引走遍全表() -> None:
    city = City.build()
    made = [Bridge(code=f"V{n}", name=f"桥{n}", organisation=city.roads) for n in range(4_000)]
    copying.insert(Bridge, made)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Bridge._meta.db_table}")
    found = Bridge.objects.filter(pk__in=Unnested([row.pk for row in made[:800]])).order_by("-inspected_at", "-id")[:51]
    plan = json.loads(found.explain(format="json"))
    assert "sample_bridge_newest" not in json.dumps(plan)
