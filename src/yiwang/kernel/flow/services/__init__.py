"""The verbs of cases: actor first, one transaction, idempotent by `key`, re-checked under the case's lock."""

from yiwang.kernel.flow.services.cases import act, open_case
from yiwang.kernel.flow.services.course import send_back
from yiwang.kernel.flow.services.seats import (
    add_seat,
    answer,
    assign,
    claim,
    co_handle,
    copy,
    delegate,
    read,
    recall,
    release,
    remove_seat,
    transfer,
)  # fmt: skip

__all__ = [
    "act", "add_seat", "answer", "assign", "claim", "co_handle", "copy", "delegate", "open_case", "read", "recall",
    "release", "remove_seat", "send_back", "transfer",
]  # fmt: skip
