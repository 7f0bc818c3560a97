"""Run an act in a process of its own that kills itself with SIGKILL after the n-th statement, before the commit.

Usage: killed.py <case id> <person id> <post id> <organisation id> <action> <statement> <key>
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402 - after setup

from yiwang.kernel.access.actors import Actor  # noqa: E402
from yiwang.kernel.flow import services  # noqa: E402


def main() -> None:
    case_id, person, post, unit = map(int, sys.argv[1:5])
    action, last, key = sys.argv[5], int(sys.argv[6]), sys.argv[7]
    actor = Actor(person, None, "甲", post_ids=(post,), primary_post_id=post, organisation_id=unit)
    count = 0

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        answer = execute(sql, params, many, context)
        count += 1
        if count >= last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    with connection.execute_wrapper(watch):
        services.act(actor, case_id, action, key=key)
    # Committed, but the answer never reaches the one who asked.
    os.kill(os.getpid(), signal.SIGKILL)


main()
