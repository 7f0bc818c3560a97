"""Words that stand for nothing, and SQL quoting, for the modules of this room."""

NULL_WORDS = (
    "无", "—", "-", "--", "——", "/", "不详", "未知", "null", "none", "n/a", "na", "空", "暂无", "nan", "\\", "0000-00-00", "#n/a",
)  # fmt: skip


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
