"""研判页：热点、疑似重复、群体诉求、疑难诉求、地点分布。"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from yiwang.city.insight import queries, services
from yiwang.city.insight.queries import Place
from yiwang.city.insight.registers import REPEAT, TOPIC
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.measures.periods import parse
from yiwang.kernel.ui.charts import bar, tiles
from yiwang.kernel.ui.posted import numbers, one_number
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

TABS = (
    ("topics", "热点"),
    ("repeats", "疑似重复"),
    ("events", "群体诉求"),
    ("hard", "疑难诉求"),
    ("places", "地点分布"),
)
MOST_PLACES = 20


def _period(data: dict[str, str]) -> tuple[date, date]:
    """Both days included; the last ninety days where none is said."""
    today = timezone.localdate()
    since, until = data.get("since") or f"{today - timedelta(days=90)}", data.get("until") or f"{today}"
    found = parse(f"{since}~{until}")
    return found.start, found.stop - timedelta(days=1)


def _picture(places: list[Place]) -> SafeString:
    """A schematic map where a place with requests has a tile, bars where none has."""
    if not any(each.tile and each.number for each in places):
        return bar([(each.name, each.number) for each in places if each.number], title="诉求按文中地点", unit="件")
    cells = [(each.name, each.number, *each.tile, each.url) for each in places if each.tile]
    return tiles(cells, title="诉求按文中地点（示意图，颜色越深件数越多）", unit="件")


def _places(actor: Actor, since: date, until: date) -> dict[str, Any]:
    found = queries.places(actor, since, until)
    counted = [each for each in found if each.number][:MOST_PLACES]
    chart = _picture([*counted, *(each for each in found if not each.number)])
    return {"places": counted, "total": sum(each.number for each in counted), "chart": chart}


LISTS: dict[str, tuple[str, Callable[[Actor], Any]]] = {
    "topics": ("latest", queries.latest_topics),
    "repeats": ("pairs", queries.pending_repeats),
    "events": ("events", queries.groups),
    "hard": ("hard", queries.hard_cases),
}


def overview(request: HttpRequest) -> HttpResponse:
    """One tab at a time; every list is scoped to the reader."""
    actor, tab = actor_of(request), request.GET.get("tab", "")
    tab = tab if tab in dict(TABS) else "topics"
    since, until = _period(request.GET.dict())
    context = {"tab": tab, "tabs": TABS, "since": since, "until": until}
    if tab == "places":
        context |= _places(actor, since, until)
    else:
        name, read = LISTS[tab]
        context[name] = read(actor)
    return page(request, "insight/overview.html", context, title="诉求研判")


def _to(tab: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('insight')}?tab={tab}")


@require_POST
def run_topics(request: HttpRequest) -> HttpResponse:
    services.compute_topics(actor_of(request), *_period(request.POST.dict()))
    return _to("topics")


@require_POST
def find(request: HttpRequest) -> HttpResponse:
    services.find_repeats(actor_of(request), *_period(request.POST.dict()))
    return _to("repeats")


@require_POST
def judge(request: HttpRequest) -> HttpResponse:
    finding, confirmed = one_number(request, "finding"), request.POST.get("confirmed") == "1"
    services.judge_repeat(actor_of(request), finding, confirmed=confirmed)
    return _to("repeats")


@require_POST
def group(request: HttpRequest) -> HttpResponse:
    """The ticked requests of a topic become one event of many people."""
    chosen, said = numbers(request, "request"), request.POST
    services.group(actor_of(request), chosen, said.get("title", ""), said.get("summary", ""))
    return _to("events")


def moved(request: HttpRequest) -> HttpResponse:
    """Bookmarks of the page's former address."""
    asked = request.GET.urlencode()
    return HttpResponseRedirect(f"{reverse('insight')}{'?' if asked else ''}{asked}")


URLS = (
    route("insight/", overview, "insight", needs(REPEAT.code, "judge")),
    route("insight/topics/", run_topics, "insight_topics", needs(TOPIC.code, "run")),
    route("insight/repeats/", find, "insight_repeats", needs(REPEAT.code, "find")),
    route("insight/judge/", judge, "insight_judge", needs(REPEAT.code, "judge")),
    route("insight/group/", group, "insight_group", needs(TOPIC.code, "run")),
    route("hotline/insight/", moved, "insight_moved", needs(REPEAT.code, "judge")),
)
