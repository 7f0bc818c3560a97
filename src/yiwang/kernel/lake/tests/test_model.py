"""Any sequence of acts against a model of plain dicts."""

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import SYSTEM, Conflict
from yiwang.kernel.lake import checking, queries, services, testing
from yiwang.kernel.lake.models import LakeTable

COLUMNS = [{"name": "id", "title": "编号", "type": "integer"}, {"name": "v", "title": "值", "type": "text"}]
ROWS = st.dictionaries(st.integers(1, 6), st.sampled_from("甲乙丙"), min_size=1, max_size=4)
ACTS = st.one_of(
    st.tuples(st.sampled_from(["replace", "merge", "remove"]), ROWS, st.booleans()),
    st.tuples(st.just("rollback"), st.integers(1, 8)),
    st.tuples(st.just("rewrite"), st.lists(st.integers(1, 6), min_size=1, max_size=2)),
)
_numbers = itertools.count(1)


class Model:
    """Contents by snapshot number, which were published, and what is current."""

    def __init__(self, table: LakeTable, folder: Path) -> None:
        self.table, self.folder = table, folder
        self.held: dict[int, dict[int, str]] = {}
        self.published: set[int] = set()
        self.current: int | None = None

    def stage(self, mode: str, rows: dict[int, str], publish: bool) -> None:
        base = self.held.get(self.current or 0, {})
        content = {"replace": rows, "merge": {**base, **rows}}.get(
            mode, {k: v for k, v in base.items() if k not in rows}
        )
        columns = COLUMNS[:1] if mode == "remove" else COLUMNS
        source = testing.parquet(self.folder, columns, [{"id": key, "v": value} for key, value in rows.items()])
        made = services.stage(SYSTEM, self.table, source, mode, {})
        self.held[made.number] = content
        if publish:
            services.publish(SYSTEM, made, "模型")
            self._point(made.number)

    def rollback(self, number: int) -> None:
        if number in self.published:
            made = services.rollback(SYSTEM, self.table, number, "模型")
            self.held[made.number] = self.held[number]
            self._point(made.number)

    def rewrite(self, keys: list[int]) -> None:
        proof = services.rewrite_without(SYSTEM, self.table, [[key] for key in keys], "模型")
        before = dict(self.held[self.current]) if self.current else {}
        self.held = {n: {k: v for k, v in rows.items() if k not in keys} for n, rows in self.held.items()}
        if proof.snapshot:
            self.held[proof.snapshot.number] = self.held[self.current]
            self._point(proof.snapshot.number)
        else:
            assert not set(before) & set(keys)

    def _point(self, number: int) -> None:
        self.published.add(number)
        self.current = number

    def check(self) -> None:
        self.table.refresh_from_db()
        assert (self.table.current.number if self.table.current else None) == self.current
        found = {held.number: held for held in self.table.snapshots.all()}
        assert {number: held.rows for number, held in found.items()} == {n: len(rows) for n, rows in self.held.items()}
        for number, rows in self.held.items():
            assert {each["id"]: each["v"] for each in queries.rows(found[number])} == rows
        stale = [n for n, held in found.items() if held.base_id != self.table.current_id and n not in self.published]
        for number in stale[:1]:
            with pytest.raises(Conflict):
                services.publish(SYSTEM, found[number], "晚")


@pytest.mark.django_db
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(acts=st.lists(ACTS, min_size=1, max_size=5))
def test_任意顺序的动作都与模型一致(acts):
    table = services.ensure_table(SYSTEM, f"t{next(_numbers)}", "模型", COLUMNS, ["id"])
    with TemporaryDirectory() as folder:
        model = Model(table, Path(folder))
        for act, *arguments in acts:
            if act in ("rollback", "rewrite"):
                getattr(model, act)(*arguments)
            else:
                model.stage(act, *arguments)
        model.check()
    assert not [each for each in checking.problems() if "应已删除的文件仍在" not in each]
