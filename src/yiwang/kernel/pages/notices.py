"""Messages to the actor, and the actor's background jobs."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.http import url_has_allowed_host_and_scheme

from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.queries import own as own_jobs
from yiwang.kernel.messages import queries, services
from yiwang.kernel.ui.render import actor_of, fragment, page

SHOWN = 50
RUNNING = (Job.State.QUEUED, Job.State.RUNNING)


def notifications(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    if request.method == "POST":
        services.mark_read(actor)
        return HttpResponseRedirect("/notifications/")
    only_unread = request.GET.get("unread") == "1"
    rows = queries.unread(actor) if only_unread else queries.own(actor)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    some = list(rows.order_by("-pk")[: SHOWN + 1])
    following = some[SHOWN - 1].pk if len(some) > SHOWN else None
    context = {"notes": some[:SHOWN], "following": following, "only_unread": only_unread}
    return page(request, "pages/notifications.html", context, title="消息")


def notification(request: HttpRequest, message_id: int) -> HttpResponse:
    """Reading a message marks it and goes where it points, never out of the platform."""
    actor = actor_of(request)
    found = get_object_or_404(queries.own(actor), pk=message_id)
    services.mark_read(actor, [found.pk])
    inside = url_has_allowed_host_and_scheme(found.url, allowed_hosts=None)
    return HttpResponseRedirect(found.url if found.url and inside else "/notifications/")


def jobs(request: HttpRequest) -> HttpResponse:
    """While something runs, the list asks for itself every two seconds."""
    rows = list(own_jobs(actor_of(request)).select_related("result_file")[:SHOWN])
    context = {"jobs": rows, "running": any(row.state in RUNNING for row in rows)}
    if getattr(request, "htmx", False):
        return fragment(request, "pages/jobs_list.html", context)
    return page(request, "pages/jobs.html", context, title="后台任务")
