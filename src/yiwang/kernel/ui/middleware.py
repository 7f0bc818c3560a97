"""Headers that keep a page to our own scripts, and refusals turned into sentences."""

import logging
import secrets
from collections.abc import Callable

from django.db import DataError, OperationalError
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
    """A `Refused` from any view becomes its sentence; a database that is too busy, or can't hold a value, says so."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refused):
            return refused(request, exception)
        if isinstance(exception, OperationalError):
            log.error("database refused a request to %s", request.path, exc_info=exception)
            return explain(request, 503, "系统繁忙，本次操作没有保存。请稍等几秒后重试。", "锁等待超时或数据库不可用")
        if isinstance(exception, DataError):
            log.error("database can't hold what was sent to %s", request.path, exc_info=exception)
            return explain(
                request, 422, "提交的内容含有不能保存的字符（如空字符）或过大的数，没有做任何改动。请检查后重新提交。"
            )
        return None
