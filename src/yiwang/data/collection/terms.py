"""选项与界限。"""

from decimal import Decimal

from django.db.models import TextChoices

# What a source's password is sealed for.
SECRET = "collection.source.secret"  # noqa: S105 - a context, not a secret
MANAGER, CLERK, OBSERVER = "collection.manager", "collection.clerk", "collection.observer"


class Way(TextChoices):
    """数据进来的路。"""

    UPLOAD = "upload", "页面上传"
    LANDING = "landing", "前置机推送"
    PULL = "pull", "数据库抽取"
    PUSH = "push", "接口推送"
    DROP = "drop", "文件投递"


class Mode(TextChoices):
    FULL = "full", "全量"
    INCREMENTAL = "incremental", "增量（按主键合并）"
    PARTITION = "partition", "按分区全量"


class State(TextChoices):
    """数据包的状态；每次变化在 Step 里留一行。"""

    RECEIVED = "received", "已接收"
    MAPPING = "mapping", "待确认表头"
    PARSED = "parsed", "已读取"
    CHECKED = "checked", "已检查"
    WAITING = "waiting", "待审定"
    PUBLISHED = "published", "已入库"
    REFUSED = "refused", "未通过"
    FAILED = "failed", "未能读取"
    WITHDRAWN = "withdrawn", "已撤回"


# States from which the worker goes on by itself.
MOVING = (State.RECEIVED, State.PARSED, State.CHECKED)
# States in which a package still may become data.
OPEN = (*MOVING, State.MAPPING, State.WAITING)
ENDED = (State.PUBLISHED, State.REFUSED, State.FAILED, State.WITHDRAWN)
TONES = {
    State.PUBLISHED: "ok", State.WAITING: "warn", State.MAPPING: "warn", State.REFUSED: "bad", State.FAILED: "bad",
}  # fmt: skip


class Driver(TextChoices):
    """Databases that can be read; others deliver files (docs/operations.md)."""

    POSTGRESQL = "postgresql", "PostgreSQL"
    MYSQL = "mysql", "MySQL / MariaDB"


class Encryption(TextChoices):
    """Of the line to a database that is read."""

    PREFER = "prefer", "对方支持就加密"
    REQUIRE = "require", "必须加密"
    VERIFY = "verify", "必须加密，并核对对方证书"


class StatementState(TextChoices):
    SAME = "same", "一致"
    DIFFERENT = "different", "不一致"


# 自动入库的门槛：有效率下限、与现行数据量相比的最大变动。每个来源可以另定。
LEAST_VALID = Decimal("95.00")
MOST_CHANGE = Decimal("30.00")
# Bytes of one package and of one chunk of a push.
PACKAGE_LIMIT = 4 << 30
CHUNK_LIMIT = 32 << 20
PUSH_HOURS = 24
