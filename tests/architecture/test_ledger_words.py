"""Whoever reads the audit pages reads words: every action, kind and fact that the demonstration city's ledger holds."""

import pytest

from tests.architecture.measured import city as city
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.pages.deeds import deed, facts, kind

pytestmark = pytest.mark.django_db


def test_审计记录的动作_对象和事实都有中文名(city) -> None:
    unnamed = set()
    count = 0
    for entry in Entry.objects.iterator():
        count += 1
        noted = {**(entry.before or {}), **(entry.after or {})}
        said = {
            entry.action: deed(entry),
            entry.target_kind: kind(entry),
            **{name: label for name, (label, _) in facts(entry.target_kind, noted).items()},
        }
        unnamed |= {(entry.action, code) for code, name in said.items() if name.isascii()}
    assert count > 1_000
    assert not unnamed
