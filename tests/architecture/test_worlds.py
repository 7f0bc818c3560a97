"""What tests share: a world that can't be built says why to every module that asks for it, and leaves nothing behind."""

from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import shared
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.orgs.services import create_organisation


def test_建不成的世界_每个模块都得到原因_建成时前次的不留(
    django_db_setup: Any, django_db_blocker: DjangoDbBlocker
) -> None:
    troubles = ["没有该岗位", "没有该岗位"]

    def build() -> list[str]:
        create_organisation(SYSTEM, code="W1", name="建到一半的机构")
        if troubles:
            raise LookupError(troubles.pop())
        return list(Organisation.objects.values_list("name", flat=True))

    with shared(django_db_blocker, build) as module:
        for _ in range(2):
            with pytest.raises(LookupError, match="没有该岗位"), module():
                pass
        for _ in range(2):
            with module() as made:
                assert made == ["建到一半的机构"]
    with django_db_blocker.unblock():
        assert not Organisation.objects.exists()
