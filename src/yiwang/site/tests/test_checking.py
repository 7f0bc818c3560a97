"""How `./run test` hands a run to pytest."""

import pytest

from yiwang.site import checking

WHOLE = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]


def test_the_whole_runs_in_two_processes_without_what_cannot_run_here() -> None:
    assert checking.options(True, []) == [*WHOLE, "-m", "not spark"]
    assert checking.options(False, []) == [*WHOLE, "-m", "not spark and not journey"]


@pytest.mark.parametrize("folders", [["src/yiwang/site"], ["src/yiwang/kernel/keys", "tests/architecture"]])
def test_rooms_run_in_two_processes(folders: list[str]) -> None:
    assert checking.options(True, folders) == [*WHOLE, *folders]


@pytest.mark.parametrize(
    "selection",
    [["conftest.py"], ["src/yiwang/site", "-x"], ["src/yiwang/site", "-k", "backup"], ["src/no/such/room"], ["-rs"]],
)
def test_anything_else_reaches_pytest_as_it_was_said(selection: list[str]) -> None:
    assert checking.options(True, selection) == selection
