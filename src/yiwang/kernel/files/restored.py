"""A database that was restored may hold persons who were deleted since: until they are deleted again nobody is served.

Read by every process that serves, also by those without Django.
"""

from collections.abc import Mapping
from pathlib import Path

DUE = "erasures.due"
WHY = "数据库是从备份恢复的，备份之后依申请删除的个人信息还没有重新删除"
REFUSED = WHY + "，没有启动。请先执行 ./run manage delete_again（个人信息保护法第四十七条）。"


def folder(environment: Mapping[str, str]) -> Path:
    """Where the platform keeps what is no row: `YIWANG_VAR`, else `var` of the checkout."""
    return Path(environment.get("YIWANG_VAR") or Path(__file__).resolve().parents[4] / "var").absolute()


def deletions_due(var: Path) -> bool:
    """Whether the mark is there that a restore leaves and the deletions take away."""
    return (var / DUE).exists()
