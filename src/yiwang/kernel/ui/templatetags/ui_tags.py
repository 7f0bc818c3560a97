"""Tags every template uses: {% load ui_tags %}."""

import hashlib
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from yiwang.kernel.calendar.fields import last_day, written

register = template.Library()
SHANGHAI = ZoneInfo("Asia/Shanghai")
SHAPES = {
    "minute": "%Y-%m-%d %H:%M",
    "second": "%Y-%m-%d %H:%M:%S",
    "date": "%Y-%m-%d",
    "day": "%m-%d",
    "clock": "%H:%M",
    "near": "%m-%d %H:%M",
}
COLOURS = {"green": "正常", "yellow": "临期", "red": "超期", "grey": "已停钟", "": ""}


@cache
def _digest(path: str) -> str:
    found = finders.find(path)
    return hashlib.sha256(Path(str(found)).read_bytes()).hexdigest()[:10] if found else "0"


@register.simple_tag
@cache
def asset(path: str) -> str:
    """A static file with the digest of its content, so that a new release is never mixed with an old cache."""
    return f"{static(path)}?v={_digest(path)}"


@register.simple_tag
@lru_cache(maxsize=1000)
def icon(name: str, label: str = "") -> SafeString:
    """A picture of our own sprite; without a label it is decoration and hidden from screen readers."""
    href = f"{asset('ui/icons.svg')}#{name or 'dot'}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


@register.simple_tag
@lru_cache(maxsize=1000)
def menu_group(group: Any) -> SafeString:
    """A part of the side menu (a MenuGroup). Kept: who sees the same entries, with the same marks, gets the same text."""
    return render_to_string("ui/menu_group.html", {"group": group})


@register.simple_tag
def badge(label: object, tone: str = "") -> SafeString:
    return format_html('<span class="badge {}">{}</span>', tone, label) if label not in (None, "") else SafeString("")


@register.filter
def moment(value: object, style: str = "minute") -> str:
    """A time in Asia/Shanghai. Styles: minute, second, date, day, clock, short (the year only when it is another)."""
    if isinstance(value, datetime):
        aware = timezone.make_aware(value, SHANGHAI) if timezone.is_naive(value) else value
        return _shaped(aware.astimezone(SHANGHAI), style)
    if isinstance(value, date):
        return value.strftime(SHAPES["day" if style == "day" else "date"])
    return ""


def _shaped(local: datetime, style: str) -> str:
    if style == "short":
        style = "near" if local.year == timezone.localtime().year else "date"
    return local.strftime(SHAPES[style])


def _limit(local: datetime) -> str:
    """A limit that ends with a day ends at 24:00 of that day, not at 00:00 of the next (民法典 203)."""
    day = last_day(local)
    return _shaped(day, "short").removesuffix("23:59").rstrip() + " 24:00" if day else _shaped(local, "short")


@register.simple_tag
def due(at: datetime | None, colour: str = "", provisional: bool = False) -> SafeString:
    """The deadline chip: shape and words, not colour alone."""
    if at is None:
        return SafeString("")
    local = at.astimezone(SHANGHAI)
    return format_html(
        '<span class="due {}" title="{}">{}<span class="hidden-visually">{}</span>{}</span>',
        colour, _shaped(local, "second"), _limit(local), COLOURS.get(colour, ""), "（暂定）" if provisional else "",
    )  # fmt: skip


@register.filter
def limit(at: datetime | None) -> str:
    """The end of a limit in full: 2026-12-04 24:00."""
    return written(at) if at else ""


@register.filter
def span(minutes: float | int | None) -> str:
    """A stretch of minutes in words officers use: 3天4小时, 25分钟."""
    if minutes is None:
        return ""
    whole = round(abs(minutes))
    days, rest = divmod(whole, 1440)
    hours, left = divmod(rest, 60)
    parts = [f"{days}天" if days else "", f"{hours}小时" if hours else "", f"{left}分钟" if left and not days else ""]
    return ("-" if minutes < 0 else "") + ("".join(parts) or "0分钟")


@register.filter
def size(value: int | None) -> str:
    amount = float(value or 0)
    for unit in ("B", "KB", "MB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """mapping[key] for keys held in a variable; nothing when absent."""
    return mapping.get(key, "") if hasattr(mapping, "get") else ""


@register.filter
def widget_kind(field: Any) -> str:
    """Tells ui/field.html how to lay a Django bound field out."""
    kind = getattr(field.field.widget, "input_type", "")
    return "hidden" if field.is_hidden else str(kind or type(field.field.widget).__name__.lower())


@register.filter
def percent(share: float | None) -> str:
    """A share between 0 and 1 as officers read it; nothing known is a dash, never 0%."""
    return "—" if share is None else f"{share:.1%}"
