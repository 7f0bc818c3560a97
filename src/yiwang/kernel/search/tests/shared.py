"""Where the shared real data are; tests that need them skip with a reason when they are absent."""

import csv
import os
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

_ROOT = Path(__file__).resolve().parents[5]


def place(name: str = "citizen-messages") -> Path | None:
    """The folder of that name, or None where it is absent."""
    named = os.environ.get("YIWANG_SHARED")
    roots = [Path(named)] if named else [_ROOT.parent / "shared", _ROOT.parent.parent / "shared"]
    return next((found for root in roots if (found := root / "data" / name).is_dir()), None)


def folder(name: str = "citizen-messages") -> Path:
    found = place(name)
    if found is None:
        pytest.skip(f"没有共享的真实数据(../shared/data/{name}),跳过")
    return found


def labelled() -> tuple[list[str], list[str], list[int]]:
    with (folder() / "labelled.csv").open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    return [row["text"] for row in rows], [row["label"] for row in rows], [int(row["group"]) for row in rows]


def sheet(name: str) -> list[dict[str, str]]:
    head, *rows = CalamineWorkbook.from_path(folder() / name).get_sheet_by_index(0).to_python()
    return [dict(zip(map(str, head), map(str, row), strict=True)) for row in rows]


def messages() -> tuple[list[str], list[datetime], list[str], list[int]]:
    rows = sheet("messages.xlsx")
    texts = [f"{row['留言主题']}\n{row['留言详情']}" for row in rows]
    times = [moment(row["留言时间"]) for row in rows]
    return texts, times, [row["留言用户"] for row in rows], [int(float(row["点赞数"])) for row in rows]


def moment(written: str) -> datetime:
    text = written.strip().replace("/", "-")
    parsed = datetime.strptime(text, "%Y-%m-%d %H:%M:%S" if ":" in text else "%Y-%m-%d")  # noqa: DTZ007 - zone below
    return parsed.replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def events(texts: list[str]) -> dict[str, set[int]]:
    """Two events by rules on the wording alone, with the spellings people used: the gold of the topic bar."""
    bare = ["".join(text.split()) for text in texts]
    rules = {
        "丽发新城搅拌站": ("丽发(?:新城|小区)", "搅拌(?:站|厂)"),
        "伊景园滨河苑捆绑车位": ("伊景园|滨河[苑院]", "车位"),
    }
    return {
        name: {i for i, text in enumerate(bare) if all(re.search(rule, text) for rule in both)}
        for name, both in rules.items()
    }
