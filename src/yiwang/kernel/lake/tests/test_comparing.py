"""Reconciliation of two sources: against comparing row by row."""

import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake import testing
from yiwang.kernel.lake.process import parquet
from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.work import comparing

VALUES = {
    "integer": st.integers(0, 2),
    "text": st.sampled_from(["0", "1", "01", "无", ""]),
}
MAYBE = {kind: st.none() | values for kind, values in VALUES.items()}
Row = dict[str, Any]


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[str], list[str] | None, list[tuple[dict[str, str], list[Row]]]]:
    """The key, the columns to compare, and of each side {column: type} and its rows."""
    names = draw(st.permutations(["k", "h", "a", "l", "r"]))[:4]
    key, both, found = names[: draw(st.integers(1, 2))], names[:3], []
    flawed = draw(st.integers(0, 3)) == 0  # keys may be NULL and repeated
    for extra in (names[3], "b"):
        types = {name: draw(st.sampled_from(list(VALUES))) for name in (*both, extra)}
        row = st.fixed_dictionaries({
            name: (VALUES if name in key and not flawed else MAYBE)[kind] for name, kind in types.items()
        })  # fmt: skip
        once = None if flawed else lambda each: tuple(each[name] for name in key)
        found.append((types, draw(st.lists(row, max_size=7, unique_by=once))))
    return key, draw(st.sampled_from([None, both[-1:], []])), found


def refusal(key: list[str], rows: list[Row]) -> int:
    keys = [tuple(row[name] for name in key) for row in rows]
    return sum(None in each for each in keys) + sum(count > 1 for count in Counter(keys).values())


def told(
    key: list[str], columns: list[str] | None, left: tuple[dict[str, str], list[Row]], right: tuple[dict[str, str], list[Row]]
) -> dict[str, Any] | str:  # fmt: skip
    for word, (_, rows) in (("左", left), ("右", right)):
        if bad := refusal(key, rows):
            return f"{word}边有 {bad} 处"
    both = [name for name in left[0] if name in right[0]]
    unlike = {name for name in both if left[0][name] != right[0][name]}

    def said(name: str, value: Any) -> Any:
        return str(value) if name in unlike and value is not None else value

    mine, theirs = (
        {tuple(said(name, row[name]) for name in key): row for row in rows} for _, rows in (left, right)
    )  # fmt: skip
    compared = [name for name in (both if columns is None else columns) if name not in key]
    changed = {}
    for each in mine.keys() & theirs.keys():
        values = {name: [said(name, side[each][name]) for side in (mine, theirs)] for name in compared}
        changed[each] = {name: pair for name, pair in values.items() if pair[0] != pair[1]}
    changed = {each: columns for each, columns in changed.items() if columns}

    def ordered(rows: list[Row]) -> list[Row]:
        return sorted(rows, key=lambda row: [row[name] for name in key])

    return {
        "added": len(theirs.keys() - mine.keys()), "removed": len(mine.keys() - theirs.keys()), "changed": len(changed),
        "same": len(mine.keys() & theirs.keys()) - len(changed),
        "by_column": dict(Counter(name for columns in changed.values() for name in columns)),
        "samples": {
            "added": ordered([row for each, row in theirs.items() if each not in mine]),
            "removed": ordered([row for each, row in mine.items() if each not in theirs]),
            "changed": ordered([{**{name: mine[each][name] for name in key}, **columns} for each, columns in changed.items()]),
        },
    }  # fmt: skip


@pytest.mark.parametrize("bytes_of_a_row", [comparing.BYTES, 1 << 27])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sides())
def test_两边逐行比较结果一致(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_of_a_row: int,
    drawn: tuple[list[str], list[str] | None, list[tuple[dict[str, str], list[Row]]]],
) -> None:  # fmt: skip
    monkeypatch.setattr(comparing, "BYTES", bytes_of_a_row)  # the larger one: in parts
    key, columns, (left, right) = drawn
    expected = told(key, columns, left, right)
    described = [
        {
            "paths": [testing.parquet(tmp_path, [{"name": name, "type": kind} for name, kind in types.items()], rows)],
            "columns": [],
        }
        for types, rows in (left, right)
    ]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        task = Task(
            ours, {"folder": str(tmp_path), "memory_mb": 256, "threads": 2, "file_mb": 64}, Connection, parquet.write
        )
        if isinstance(expected, str):
            with pytest.raises(Invalid, match=expected):
                comparing.compare(task, *described, key, columns, 20)
        else:
            assert comparing.compare(task, *described, key, columns, 20) == expected
