"""What the platform says of itself: flows with their drawings, help, state of health."""

import shutil
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.clocks.queries import limits_in_force
from yiwang.kernel.clocks.queries import parked as parked_timers
from yiwang.kernel.clocks.terms import Unit
from yiwang.kernel.flow.bpmn import export
from yiwang.kernel.flow.drawing import svg
from yiwang.kernel.flow.models import FlowVersion
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.jobs.queries import alive, failing_loops
from yiwang.kernel.messages.queries import parked as parked_deliveries
from yiwang.kernel.pages.menu import ADMINISTRATORS, domains
from yiwang.kernel.ui.charts import picture
from yiwang.kernel.ui.prose import heading, prose
from yiwang.kernel.ui.render import actor_of, page

LOW_SPACE = 2 * 1024**3


def flows(request: HttpRequest) -> HttpResponse:
    versions = FlowVersion.objects.filter(valid_until=None).order_by("name")
    lines = [(version, flow_of(version.pk)) for version in versions]
    return page(request, "pages/flows.html", {"lines": lines}, title="流程")


def flow(request: HttpRequest, version_id: int) -> HttpResponse:
    version = get_object_or_404(FlowVersion, pk=version_id)
    declared = flow_of(version.pk)
    context = {
        "version": version, "flow": declared,
        "limits": limits_in_force((rule.limit for rule in declared.clocks), timezone.localdate()), "drawing": picture(svg(version.pk)),
        "units": {**dict(Unit.choices), "month": "个月"},
        "editions": FlowVersion.objects.filter(code=version.code).order_by("-id"),
    }  # fmt: skip
    return page(request, "pages/flow.html", context, title=version.name)


def flow_bpmn(request: HttpRequest, version_id: int) -> HttpResponse:
    version = get_object_or_404(FlowVersion, pk=version_id)
    name = f"{version.code}-{version.digest[:8]}.bpmn"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(export(version), content_type="application/xml; charset=utf-8", headers=headers)


HANDBOOK = settings.ROOT / "docs" / "handbook"


def chapters() -> list[tuple[str, str]]:
    """(slug, heading) of every page of the handbook that this installation has."""
    found = [(path.stem, heading(path.read_text(encoding="utf-8"))) for path in sorted(HANDBOOK.glob("*.md"))]
    return [(slug, title) for slug, title in found if slug != "README"]


def help_page(request: HttpRequest) -> HttpResponse:
    return page(request, "pages/help.html", {"domains": domains(), "chapters": chapters()}, title="使用帮助")


def chapter(request: HttpRequest, slug: str) -> HttpResponse:
    """One page of the handbook, as the repository has it."""
    if slug not in dict(chapters()):
        raise Refused("手册没有这一页。请从使用帮助中选择。", rule="岗位手册", code="absent")

    def address(target: str) -> str:
        name = target.removesuffix(".md")
        return f"/help/{name}/" if name in dict(chapters()) else "/help/"

    text = (HANDBOOK / f"{slug}.md").read_text(encoding="utf-8")
    return page(request, "pages/chapter.html", {"text": prose(text, address)}, title=f"手册：{heading(text)}")


@dataclass(frozen=True)
class Finding:
    """One line of the health page: what was looked at, whether it is well, what to do if not."""

    name: str
    well: bool
    value: str
    advice: str = ""


def findings() -> list[Finding]:
    workers = list(alive())
    loops = failing_loops()
    timers, deliveries = parked_timers().count(), parked_deliveries()
    free = shutil.disk_usage(settings.VAR if settings.VAR.exists() else settings.ROOT).free
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))")
        version, used = cursor.fetchone()
    return [
        Finding("数据库", True, f"PostgreSQL {version}，占用 {used}"),
        Finding("后台执行进程", bool(workers), f"{len(workers)} 个在线", "导入、计时和消息已停顿，请启动 worker。"),
        Finding("后台循环", not loops, "；".join(f"{name}：{error}" for name, error in loops.items()) or "无错误",
                "请查看 worker 日志，排除原因后会自动继续。"),
        Finding("搁置的计时器", not timers, f"{timers} 个", "多次触发失败，请查明原因后人工处理。"),
        Finding("搁置的消息", not deliveries, f"{deliveries} 条", "多次发送失败，请检查短信、邮件通道后重发。"),
        Finding("磁盘剩余", free > LOW_SPACE, f"{free / 1024**3:.1f} GB", "空间不足 2 GB，请清理或扩容。"),
    ]  # fmt: skip


def system(request: HttpRequest) -> HttpResponse:
    if not actor_of(request).duties & ADMINISTRATORS:
        raise Refused("运行状态只限系统、安全、审计管理员查看。", rule="三员分立")
    return page(request, "pages/system.html", {"findings": findings()}, title="运行状态")
