"""A town with the three administrators and one officer, and an approved relying party."""

from dataclasses import dataclass, field
from typing import Any

import pytest

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


@pytest.fixture
def scene(db: Any) -> Scene:
    return build()
