"""The working calendar: the days of a year as the clocks see them, and how the next notice is published."""

from calendar import monthcalendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar import queries, services
from yiwang.kernel.calendar.models import CalendarVersion
from yiwang.kernel.calendar.notices import LONGEST, Reading, read
from yiwang.kernel.calendar.resources import CALENDAR
from yiwang.kernel.calendar.terms import Change, DayKind
from yiwang.kernel.calendar.workdays import FIRST, LAST, Override, WorkCalendar
from yiwang.kernel.pages.forms import attempt
from yiwang.kernel.ui.render import actor_of, page

CODE, SHOWN = "cn", 30
# 全国年节及纪念日放假办法第二条: a notice for a whole year has them all.
FESTIVALS = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")


class NoticeForm(forms.Form):
    year = forms.IntegerField(label="年份", min_value=FIRST.year, max_value=LAST.year)
    source = forms.CharField(label="依据（通知文号）", max_length=200, help_text="如：国办发明电〔2025〕7号")
    text = forms.CharField(
        label="通知正文", max_length=LONGEST, widget=forms.Textarea({"rows": 8}),
        help_text="粘贴通知原文即可。也可自写，如：三月三：4月19日至20日放假。4月21日上班。取消一日的安排写“4月21日恢复常规”。",
    )  # fmt: skip
    whole = forms.BooleanField(
        label="这是该年全年的放假安排（公布后，该年的期限不再是暂定）", required=False, initial=True
    )


@dataclass(frozen=True)
class Line:
    """One day that would change: what it is now, what it becomes, and what looks odd about it."""

    item: Override
    now: str
    then: str
    odd: str


def _lines(current: WorkCalendar, reading: Reading, year: int) -> Iterator[Line]:
    for item in reading.overrides:
        if current.agrees(item):
            continue
        weekend = item.date.isoweekday() >= 6
        odd = "周一至周五，本来就上班" if item.change == Change.WORK and not weekend else ""
        odd = odd if item.date.year in (year, year - 1) else "不在所填年份"
        yield Line(item, current.kind(item.date).label, Change(item.change).label, odd)


def _months(calendar: WorkCalendar, year: int) -> list[tuple[int, list[list[Any]]]]:
    """Twelve months of weeks, Monday first; a day is (date, kind, name), a place outside the month None."""

    def cell(month: int, day: int) -> tuple[date, DayKind, str] | None:
        at = date(year, month, day) if day else None
        return (at, calendar.kind(at), calendar.name(at)) if at else None

    return [
        (month, [[cell(month, day) for day in week] for week in monthcalendar(year, month)]) for month in range(1, 13)
    ]


def calendar_page(request: HttpRequest) -> HttpResponse:
    """The year asked for; with permission also the form of the next notice, looked through before it is published."""
    now = timezone.localdate()
    current, may = queries.load(CODE), actor_of(request).can(CALENDAR.code, "publish")
    year = _year(request.GET.get("year", ""), now.year)
    missing = next((each for each in (now.year, now.year + 1) if each not in current.years), None)
    form = NoticeForm(request.POST or None, initial={"year": missing or now.year, "whole": missing is not None})
    context: dict[str, Any] = {"form": form, "may": may, "missing": missing}
    if request.method == "POST":
        actor_of(request).require(CALENDAR.code, "publish")
        reading = attempt(form, _read)
        if reading is not None and "publish" in request.POST and attempt(form, lambda data: _publish(request, data)):
            return HttpResponseRedirect(f"/calendar/?year={form.cleaned_data['year']}")
        if reading is not None and "edit" not in request.POST:
            year = form.cleaned_data["year"]
            context |= {"lines": list(_lines(current, reading, year)), "unclear": reading.unread, "looked": True}
            said = " ".join(item.name for item in reading.overrides)
            context["absent"] = [name for name in FESTIVALS if name not in said] if form.cleaned_data["whole"] else []
    context |= {
        "year": year, "years": (year - 1, year + 1), "months": _months(current, year), "provisional": year not in current.years,
        "versions": CalendarVersion.objects.filter(code=CODE).select_related("recomputation").prefetch_related("changes").order_by("-number")[:SHOWN],
    }  # fmt: skip
    return page(request, "pages/calendar.html", context, title="工作日历")


def _year(asked: str, otherwise: int) -> int:
    known = asked.isascii() and asked.isdigit() and len(asked) == 4 and FIRST.year < int(asked) < LAST.year
    return int(asked) if known else otherwise


def _read(data: dict[str, Any]) -> Reading:
    found = read(data["text"], data["year"], data["source"])
    if not found.overrides:
        raise Invalid(
            "没有读到任何一天的安排，请写成“2月15日至23日放假。2月14日上班。”的样子。",
        )
    return found


def _publish(request: HttpRequest, data: dict[str, Any]) -> CalendarVersion:
    years = [data["year"]] if data["whole"] else []
    return services.publish(actor_of(request), CODE, _read(data).overrides, data["source"], years=years)
