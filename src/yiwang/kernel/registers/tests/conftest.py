import pytest

from yiwang.kernel.access.terms import Scope
from yiwang.kernel.registers.tests import world
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.sample.registers import BRIDGES


@pytest.fixture
def city(db):
    return world.City.build()


@pytest.fixture
def keeper(city):
    """All verbs of the register in 交通运输局 and below."""
    return world.actor(BRIDGES, city.roads)


@pytest.fixture
def stranger(city):
    """All verbs, but in an organisation beside."""
    return world.actor(BRIDGES, city.parks)


@pytest.fixture
def reader(city):
    return world.actor(BRIDGES, city.roads, ("view", "export"))


@pytest.fixture
def everybody(city):
    return world.actor(BRIDGES, city.root, scope=Scope.ALL)


@pytest.fixture
def bridge(city):
    def make(code="Q1", **more):
        values = {"name": f"{code}大桥", "organisation": city.roads, "keeper_phone": "13812345678"} | more
        return Bridge.objects.create(code=code, **values)

    return make
