"""研判：疑似重复、群体诉求、热点、疑难、地点分布。"""

from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from yiwang.city.hotline import queries
from yiwang.city.hotline.pages.posted import numbers, one_number
from yiwang.city.hotline.services import insight
from yiwang.city.hotline.terms import TILES
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.ui.charts import bar, tiles
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

TABS = (
    ("topics", "热点"),
    ("repeats", "疑似重复"),
    ("events", "群体诉求"),
    ("hard", "疑难诉求"),
    ("places", "地点分布"),
)


def _day(text: str | None, default: date, label: str) -> date:
    if not text:
        return default
    found = parse_date(text)
    if found is None:
        raise Invalid(f"{label}不是有效日期，应为 2026-01-31 这样的格式。")
    return found


def _period(data: dict[str, str]) -> tuple[date, date]:
    today = timezone.localdate()
    since, until = (
        _day(data.get("since"), today - timedelta(days=90), "开始日期"),
        _day(data.get("until"), today, "结束日期"),
    )
    if since > until:
        raise Invalid("开始日期不能晚于结束日期。")
    return since, until


def _picture(places: list[tuple[str, int, str]]) -> SafeString:
    """A schematic map where the places have a tile, bars where they have none."""
    found = {name: (number, f"/r/hotline.request/?{query}" if query else "") for name, number, query in places}
    if not found.keys() & TILES.keys():
        return bar([(name, number) for name, number, _ in places], title="诉求按文中地点", unit="件")
    cells = [(name, found.get(name, (0, ""))[0], *spot, found.get(name, (0, ""))[1]) for name, spot in TILES.items()]
    return tiles(cells, title="诉求按文中地点（示意图，颜色越深件数越多）", unit="件")


def overview(request: HttpRequest) -> HttpResponse:
    """One tab at a time; every list is scoped to the reader."""
    actor, tab = actor_of(request), request.GET.get("tab", "topics")
    since, until = _period(request.GET.dict())
    context = {"tab": tab, "tabs": TABS, "since": since, "until": until}
    if tab == "repeats":
        context["findings"] = queries.pending_repeats(actor).order_by("-similarity")[:50]
    elif tab == "hard":
        context["hard"] = queries.hard_cases(actor)[:50]
    elif tab == "events":
        context["events"] = queries.events(actor)[:50]
    elif tab == "places":
        start, stop = insight.window(since, until)
        rows = queries.by_district(actor, start, stop)[:20]
        period = {"received_at.from": since.isoformat(), "received_at.to": until.isoformat()}
        links = [
            (name, number, urlencode({"district": name, **period}) if name != queries.NOWHERE else "")
            for name, number in rows
        ]
        context |= {"places": links, "total": sum(number for _, number in rows), "chart": _picture(links)}
    else:
        context |= {"tab": "topics", "run": queries.latest_topics(actor)}
    return page(request, "hotline/insight.html", context, title="诉求研判")


@require_POST
def run_topics(request: HttpRequest) -> HttpResponse:
    insight.compute_topics(actor_of(request), *_period(request.POST.dict()))
    return HttpResponseRedirect(f"{reverse('hotline_insight')}?tab=topics")


@require_POST
def find(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    start, stop = insight.window(*_period(request.POST.dict()))
    insight.find_repeats(actor, queries.requests(actor).filter(received_at__gte=start, received_at__lt=stop))
    return HttpResponseRedirect(f"{reverse('hotline_insight')}?tab=repeats")


@require_POST
def judge(request: HttpRequest) -> HttpResponse:
    insight.judge_repeat(
        actor_of(request), one_number(request, "finding"), confirmed=request.POST.get("confirmed") == "1"
    )
    return HttpResponseRedirect(f"{reverse('hotline_insight')}?tab=repeats")


@require_POST
def group(request: HttpRequest) -> HttpResponse:
    """A topic, or the ticked requests, become one event of many people."""
    chosen = numbers(request, "request")
    insight.group_event(actor_of(request), chosen, request.POST.get("title", ""), request.POST.get("summary", ""))
    return HttpResponseRedirect(f"{reverse('hotline_insight')}?tab=events")


INSIGHT_URLS = (
    route("hotline/insight/", overview, "hotline_insight", needs("hotline.repeat", "judge")),
    route("hotline/insight/topics/", run_topics, "hotline_run_topics", needs("hotline.topic", "run")),
    route("hotline/insight/repeats/", find, "hotline_find_repeats", needs("hotline.repeat", "find")),
    route("hotline/insight/judge/", judge, "hotline_judge", needs("hotline.repeat", "judge")),
    route("hotline/insight/group/", group, "hotline_group", needs("hotline.event", "add")),
)
