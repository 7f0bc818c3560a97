"""Web requests never start an engine: they queue a job (`kernel.jobs`) and show its progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from yiwang.kernel.access.actors import Refused

_serving: ContextVar[bool] = ContextVar("serving a web request", default=False)


@contextmanager
def serving() -> Iterator[None]:
    """While a web request is being answered."""
    token = _serving.set(True)
    try:
        yield
    finally:
        _serving.reset(token)


def refuse_in_a_request() -> None:
    if _serving.get():
        raise Refused(
            "数据计算不在网页请求里进行，没有执行。请提交后台任务后查看进度。", rule="计算与网页分离", code="engine"
        )


class NoEngineMiddleware:
    """Marks every request, so that a page which would compute fails in its first test."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with serving():
            return self.get_response(request)
