"""A stage, publication, deletion, expiry and export in a forked process that ends by SIGKILL at a named step."""

import os
import signal
from typing import Any

from django.db import connection, transaction

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import services
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.lake.services import exporting, publishing, rewriting, staging, sweeping

STEPS: dict[str, tuple[Any, str]] = {
    "before files": (staging, "described"),
    "before rows": (staging, "named"),
    "before snapshot": (staging, "snapshot"),
    "before pointer": (publishing, "point"),
    "before proof": (rewriting, "_prove"),
    "before unlink": (sweeping, "no_backup"),
    "before ids": (exporting, "_remember"),
}


def die(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def work(source: str) -> None:
    table = LakeTable.objects.get(name="people")
    with transaction.atomic():
        staged = services.stage(SYSTEM, table, source, "merge", {"killed": True})
        services.publish(SYSTEM, staged, "同一事务")
    services.rewrite_without(SYSTEM, table, [[1]], "依申请删除")
    services.export(SYSTEM, table)


def killed(step: str, source: str) -> int:
    """Run `work` in a child until the step; the number of the signal that ended it, 0 when it came to its end."""
    pid = os.fork()
    if pid == 0:
        connection.connection = None  # the parent's; the child opens its own
        try:
            if step in STEPS:
                module, name = STEPS[step]
                setattr(module, name, die)
            work(source)
            os._exit(0)
        finally:
            os._exit(99)
    return os.waitpid(pid, 0)[1]
