"""The one way in to a new site."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import authenticate

pytestmark = pytest.mark.django_db
THREE = ("示例市数据局", "甲某", "乙某", "丙某")


def test_装出三名互不兼任的管理员_只此一次():
    out = StringIO()
    call_command("first_administrators", *THREE, code="DATA", stdout=out)
    lines = [line.split() for line in out.getvalue().splitlines()[1:]]
    accounts = [authenticate(username, password, "10.0.0.1") for _, username, password in lines]
    assert [set(actor_of(account).duties) for account in accounts] == [{Duty.SYSTEM}, {Duty.SECURITY}, {Duty.AUDIT}]
    assert all(account.must_change_password for account in accounts)
    with pytest.raises((CommandError, Refused), match="已经存在"):
        call_command("first_administrators", *THREE, code="OTHER")


def test_三员须是三个人():
    with pytest.raises(CommandError, match="三个人"):
        call_command("first_administrators", "局", "甲", "甲", "乙", code="X")
