"""A town with the three administrators and one officer, and an approved relying party."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import kept
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.oidc import services
from yiwang.kernel.oidc.models import RelyingParty
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.testing import Town

BACK = "https://ledger.example.cn/back"
AFTER = "https://ledger.example.cn/bye"


@dataclass
class Scene:
    accounts: dict[Duty, Account]
    officer: Account
    secrets: dict[str, str] = field(default_factory=dict)

    def actor(self, duty: Duty) -> Actor:
        return actor_of(self.accounts[duty])

    def approved(self, kept: Any, values: dict[str, Any]) -> Any:
        made = services.propose(self.actor(Duty.SYSTEM), kept, values)
        return services.decide(self.actor(Duty.SECURITY), made, agree=True, reason="已核对")

    def party(self, code: str = "ledger", back: str = BACK, algorithm: str = "RS256") -> RelyingParty:
        made: RelyingParty = self.approved(
            RelyingParty(),
            {"code": code, "name": "账务系统", "redirect_uris": back, "sign_out_uris": AFTER, "algorithm": algorithm},
        )
        self.secrets[code] = services.new_secret(self.actor(Duty.SYSTEM), made)
        return RelyingParty.objects.get(pk=made.pk)


def build() -> Scene:
    town = Town()
    accounts = town.administrators()
    return Scene(accounts, town.account("李正", town.post("数据局", "统计岗")))


def furnish() -> Scene:
    """With a relying party from before, so that the key exists that signs for the next: making one takes a while."""
    scene = build()
    scene.party("earlier")
    return scene


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    with kept(django_db_blocker, furnish) as made:
        yield made


@pytest.fixture
def scene(built: Scene, db: Any) -> Scene:
    return deepcopy(built)
