"""Levels by rule: the strictest counts."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from yiwang.data.protection.services.grading import GradeRule, grades, of_resource

DAY = date(2026, 6, 1)


def rule(code: str, kinds: set[str], level: int, rows: int = 0, **more: date) -> GradeRule:
    return GradeRule(
        code, frozenset(kinds), rows, level, "GB/T 43697-2024", more.get("since", date(2024, 10, 1)), more.get("until")
    )


RULES = [rule("phone", {"phone"}, 2), rule("id", {"id_number"}, 3), rule("who", {"name", "id_number"}, 3),
         rule("mass", {"phone"}, 4, rows=1_000_000)]  # fmt: skip


def levels(items: dict[str, str], rows: int = 10, on: date = DAY) -> dict[str, int]:
    return {name: grade.level for name, grade in grades(items, rows, RULES, on).items()}


def test_a_combination_raises_everyone_who_takes_part() -> None:
    assert levels({"a": "name", "b": "phone", "c": ""}) == {"a": 1, "b": 2, "c": 1}
    assert levels({"a": "name", "b": "id_number", "c": ""}) == {"a": 3, "b": 3, "c": 1}


def test_scale_raises() -> None:
    assert levels({"a": "phone"}, rows=999_999) == {"a": 2}
    assert levels({"a": "phone"}, rows=1_000_000) == {"a": 4}


def test_a_rule_counts_only_while_it_is_in_force() -> None:
    old = rule("old", {"name"}, 4, until=date(2025, 1, 1))
    assert grades({"a": "name"}, 1, [old], DAY)["a"].level == 1
    assert grades({"a": "name"}, 1, [old], date(2025, 1, 1))["a"].level == 4


def test_the_reasons_stand_strictest_first() -> None:
    found = grades({"a": "phone"}, 1_000_000, RULES, DAY)["a"]
    assert [each.code for each in found.rules] == ["mass", "phone"]


def test_a_resource_is_as_high_as_its_highest_item_and_an_unknown_one_is_highest() -> None:
    assert of_resource([1, 3, 2]) == 3
    assert of_resource([]) == 4


KINDS = st.sampled_from(["", "name", "phone", "id_number"])


@given(st.dictionaries(st.sampled_from("abcdef"), KINDS), KINDS, st.integers(0, 2_000_000), st.integers(0, 2_000_000))
def test_another_item_or_more_rows_never_lower_a_level(items: dict[str, str], more: str, rows: int, extra: int) -> None:
    before, after = levels(items, rows), levels({**items, "z": more}, rows + extra)
    assert all(after[name] >= level for name, level in before.items())
