"""Home: what waits, what is due first, where to go."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from yiwang.kernel.messages import queries as messages
from yiwang.kernel.pages.boxes import BOXES, Filters, box_rows, counts, others, page_of, reach_in
from yiwang.kernel.pages.figures import put_forward
from yiwang.kernel.pages.menu import duty_entries, wing_groups
from yiwang.kernel.ui.render import actor_of, page

SHOWN, SHORTCUTS, NOTES = 10, 8, 5
COUNTED = ("watched", "copied")


def _greeting(hour: int) -> str:
    return "早上好" if hour < 11 else "中午好" if hour < 14 else "下午好" if hour < 18 else "晚上好"


def home(request: HttpRequest) -> HttpResponse:
    actor, now = actor_of(request), timezone.localtime()
    todo = box_rows(request, "todo")
    rows, _ = page_of(todo, BOXES[0], Filters(), SHOWN, reach_in(request))
    known, lying = counts(request, now), others(request, COUNTED)
    entries = [entry for group in wing_groups(actor, request.path) for entry in group.entries]
    context = {
        "greeting": _greeting(now.hour), "today": now.strftime("%Y年%-m月%-d日"), "waiting": known["todo"], "colours": known,
        "others": [(box, lying[box.code]) for box in BOXES if box.code in COUNTED], "rows": rows, "shortcuts": (entries or duty_entries(actor))[:SHORTCUTS],
        "headlines": put_forward(actor), "notes": list(messages.unread(actor)[:NOTES]), "empty": "没有待办事项，今天可以从容一些。",
    }  # fmt: skip
    return page(request, "pages/home.html", context, title="首页")
