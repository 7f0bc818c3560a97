"""一个资源的数据历史与回退；返还对账单按月看。"""

from datetime import date

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries
from yiwang.data.collection.services import publishing
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.measures.periods import month_of, parse
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

STATEMENT = "collection.statement"


def history(request: HttpRequest, resource: int) -> HttpResponse:
    actor = actor_of(request)
    facts = catalog.resource(actor, resource)
    context = {
        "facts": facts, "publications": queries.publications(actor, facts), "packages": queries.packages(actor).filter(resource_id=resource)[:30],
        "may_roll_back": queries.packages(actor, "rollback").filter(resource_id=resource).exists(),
    }  # fmt: skip
    return page(request, "collection/history.html", context, title=f"{facts.name}·数据历史")


@require_POST
def roll_back(request: HttpRequest, resource: int) -> HttpResponse:
    number = request.POST.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Invalid("没有指明要回退到哪一号快照，未作更改。")
    publishing.rollback(actor_of(request), resource, int(number), request.POST.get("reason", "")[:500])
    return HttpResponseRedirect(reverse("collection_history", args=[resource]))


def _month(text: str) -> date:
    return month_of(parse(text or f"{timezone.localdate():%Y-%m}").start).start


def statement(request: HttpRequest) -> HttpResponse:
    """The month's reconciliation with what came back from above, to print or take along."""
    month = _month(request.GET.get("month", ""))
    found = queries.month_of_statements(actor_of(request), month)
    context = {
        "month": month,
        "statements": found.select_related("organisation", "package"),
        "totals": queries.totals(found),
    }
    return page(request, "collection/statement.html", context, title=f"{month:%Y 年 %m 月}返还对账单")


HISTORY_URLS = (
    route("collection/resource/<int:resource>/", history, "collection_history", needs(queries.PACKAGE)),
    route(
        "collection/resource/<int:resource>/rollback/",
        roll_back,
        "collection_rollback",
        needs(queries.PACKAGE, "rollback"),
    ),
    route("collection/statement/", statement, "collection_statement", needs(STATEMENT)),
)
