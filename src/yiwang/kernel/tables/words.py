"""Words that stand for nothing, SQL quoting and plain masking, for the modules of this room."""

NULL_WORDS = (
    "无", "—", "-", "--", "——", "/", "不详", "未知", "null", "none", "n/a", "na", "空", "暂无", "nan", "\\", "0000-00-00", "#n/a",
)  # fmt: skip


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def masked(value: str | None) -> str:
    """The ends of a value; short ones keep one character. A profile is read by more people than the data."""
    if not value:
        return ""
    keep = 1 if len(value) < 8 else 3
    return (
        value
        if len(value) == 1
        else f"{value[:keep]}{'*' * min(6, max(1, len(value) - keep))}{value[-1] if len(value) > 7 else ''}"
    )
