"""What goes wrong becomes a sentence: what happened, which rule, what to do. Never a stack trace."""

import logging
import sys
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.ui.render import base_context, fragment, page

log = logging.getLogger("yiwang.ui")
HEADINGS = {
    400: "请求无法识别", 403: "没有权限", 404: "没有找到", 405: "不支持这种访问方式", 409: "已有变化",
    422: "内容需要修改", 500: "系统出现故障", 503: "系统繁忙",
}  # fmt: skip


def explain(request: HttpRequest, status: int, message: str, rule: str = "", errors: Any = None) -> HttpResponse:
    """The sentence as a message in the corner for htmx, else as a page."""
    heading = HEADINGS.get(status, "操作未完成")
    context: dict[str, Any] = {
        "status": status, "heading": heading, "message": message, "rule": rule,
        "errors": errors or {},
    }  # fmt: skip
    if getattr(request, "htmx", False):
        response = fragment(request, "ui/toast.html", context, status=status)
        response["HX-Retarget"], response["HX-Reswap"] = "#toasts", "beforeend"
        return response
    if status >= 500:
        # No shell here: the menu needs the database, which may be what failed.
        bare = {**base_context(request, heading), **context, "base": "ui/public.html"}
        return HttpResponse(render_to_string("ui/error.html", bare, request), status=status)
    signed_in = base_context(request, "")["actor"].person_id is not None
    context["base"] = "ui/shell.html" if signed_in else "ui/public.html"
    return page(request, "ui/error.html", context, title=heading, status=status)


def refused(request: HttpRequest, problem: Refused) -> HttpResponse:
    status = 404 if problem.code == "absent" else problem.status
    errors = problem.errors if isinstance(problem, Invalid) else {}
    rule = problem.rule
    if isinstance(problem, Conflict) and not rule:
        rule = "请刷新页面，核对最新情况后再办理。"
    return explain(request, status, problem.message, rule, errors)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return explain(request, 400, "服务器无法识别这次请求，没有做任何改动。请返回上一页重试。")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, Refused):
        return refused(request, exception)
    return explain(request, 403, str(exception) or "您没有访问该页面的权限。如工作需要，请向本单位系统管理员申请。")


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The CSRF check failed: usually a page left open over a sign-out."""
    return explain(request, 403, "页面已过期或不是从本系统提交，操作未执行。请刷新页面后重新提交。", "跨站请求防护")


def absent(request: HttpRequest, exception: Exception) -> HttpResponse:
    return explain(request, 404, "没有找到这个页面或记录，或者它不在您的数据范围内。请核对地址，或从菜单重新进入。")


def failed(request: HttpRequest) -> HttpResponse:
    """Last resort. A refusal raised by a middleware arrives here too, since only views pass process_exception."""
    problem = sys.exc_info()[1]
    if isinstance(problem, Refused):
        return refused(request, problem)
    return explain(request, 500, "系统出现故障，本次操作没有保存。故障已记录，请稍后重试；仍不成功请联系系统管理员。")
