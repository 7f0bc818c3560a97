"""Keys told apart by sorted hashes: against counting one by one."""

import socket
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.lake.process import connections, parquet
from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.work.comparing import _apart, _sorted

HASHES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=14)


@given(HASHES, HASHES)
def test_what_is_not_once_on_both_sides_alike_is_apart(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    sides = [
        _sorted({name: np.array([row[place] for row in rows], np.uint64) for place, name in enumerate("kh")})
        for rows in (left, right)
    ]
    expected = [
        key for key in sorted({key for key, _ in left + right})
        if not ([row[0] for row in left].count(key) == 1 == [row[0] for row in right].count(key) and set(left) & set(right) & {(key, h) for h in range(3)})
    ]  # fmt: skip
    assert _apart(*sides).tolist() == expected


@pytest.mark.parametrize("at_once", [4, 1000])
def test_repeated_numbers_are_found_in_parts_and_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(connections, "SORTED_AT_ONCE", at_once)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = {"folder": str(tmp_path), "memory_mb": 256, "threads": 1, "file_mb": 64}
        connection = Connection(Task(ours, request, Connection, parquet.write))
        values = [3, 5, 3, None, None, 2**64 - 1, 7, 7, 7, 2**64 - 1, 0]
        listed = ", ".join(f"({'NULL' if value is None else value}::UBIGINT)" for value in values)
        source = f"(VALUES {listed}) AS given(n)"
        twice = sorted(value for value, count in Counter(values).items() if value is not None and count > 1)
        assert connection.repeated("twice", source, "n", len(values)) == len(twice)
        assert [value for (value,) in connection.rows("SELECT __h FROM twice ORDER BY 1")] == twice
        assert connection.repeated("none", "(SELECT 1::UBIGINT AS n WHERE FALSE) AS given", "n", 0) == 0
        connection.close()
