"""试算：换一个办法版本重算某月，只供比较。"""

from django.http import HttpRequest, HttpResponse

from yiwang.kernel.access import doors
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route
from yiwang.office.appraisal import queries


def what_if(request: HttpRequest, pk: int, version_id: int) -> HttpResponse:
    """A month under another version beside the one pinned to it; nothing is stored."""
    actor = actor_of(request)
    period = doors.row(actor, "appraisal.period", pk, "deduct")
    version = doors.row(actor, "appraisal.version", version_id)
    context = {"period": period, "version": version, "rows": queries.compared(period, version)}
    return page(request, "appraisal/what_if.html", context, title=f"{period} 试算")


URLS = (
    route(
        "appraisal/<int:pk>/what-if/<int:version_id>/",
        what_if,
        "appraisal_what_if",
        needs("appraisal.period", "deduct"),
    ),
)
