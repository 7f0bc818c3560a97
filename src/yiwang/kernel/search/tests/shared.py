"""Where the shared real data are; tests that need them skip with a reason when they are absent."""

import csv
import os
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

_ROOT = Path(__file__).resolve().parents[5]


def folder() -> Path:
    named = os.environ.get("YIWANG_SHARED")
    places = [Path(named)] if named else [_ROOT.parent / "shared", _ROOT.parent.parent / "shared"]
    for place in places:
        found = place / "data" / "citizen-messages"
        if found.is_dir():
            return found
    pytest.skip("没有共享的真实数据(../shared/data/citizen-messages),跳过")


def labelled() -> tuple[list[str], list[str], list[int]]:
    with (folder() / "labelled.csv").open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    return [row["text"] for row in rows], [row["label"] for row in rows], [int(row["group"]) for row in rows]


def sheet(name: str) -> list[dict[str, str]]:
    head, *rows = CalamineWorkbook.from_path(folder() / name).get_sheet_by_index(0).to_python()
    return [dict(zip(map(str, head), map(str, row), strict=True)) for row in rows]
