"""The one exception of this room."""

from yiwang.kernel.access.actors import Invalid

RULE = "报送文件须为不带密码和宏的 xlsx、xls、ods 或 csv"


class Unreadable(Invalid):
    """A file was not read. The message is for the officer: what happened, which rule, what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, errors={"file": [message]}, rule=RULE)
