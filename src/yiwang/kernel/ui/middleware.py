"""Headers that keep a page to our own scripts, and refusals turned into sentences."""

import logging
import secrets
from collections.abc import Callable
from urllib.parse import quote

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.ui.errors import explain, refused

log = logging.getLogger("yiwang.ui")
GetResponse = Callable[[HttpRequest], HttpResponse]


class ContentSecurityMiddleware:
    """Only our own scripts and styles run, none inline without the nonce of this response."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
            "img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
        )
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class SentenceMiddleware(MiddlewareMixin):
    """A `Refused` from any view becomes its sentence; a database that is too busy says so. It holds no NUL either."""

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        nul = "%00" in f"{quote(request.path_info)}?{request.GET.urlencode()}&{request.POST.urlencode()}"
        return explain(request, 400, "提交的内容含有空字符（NUL），没有做任何改动。请去掉后重新提交。") if nul else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refused):
            return refused(request, exception)
        if isinstance(exception, OperationalError):
            log.error("database refused a request to %s", request.path, exc_info=exception)
            return explain(request, 503, "系统繁忙，本次操作没有保存。请稍等几秒后重试。", "锁等待超时或数据库不可用")
        return None
