"""同一地址取得多快；计数各进程共用。"""

from django.http import HttpRequest
from django.utils import timezone

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.people.limits import Limit
from yiwang.kernel.people.services import throttle
from yiwang.kernel.ui.render import actor_of

CALLS, FILES, WORDS, MAILS, LOOKUPS = (
    Limit("open-call", 1200, 10), Limit("open-file", 120, 10), Limit("open-talk", 10, 60), Limit("open-mail", 10, 60),
    Limit("open-track", 60, 10),
)  # fmt: skip


class TooMany(Refused):
    status = 429


def allow(limit: Limit, request: HttpRequest) -> None:
    """Raises TooMany with the time from which it goes on."""
    until = throttle.reserve(limit, actor_of(request).address)
    if until is not None:
        raise TooMany(f"操作过于频繁，请在 {timezone.localtime(until):%H:%M} 以后再试。", rule="防止滥用", code="busy")
