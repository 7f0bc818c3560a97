"""URLs of every register, made once when the URL table is read."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import require_http_methods

from yiwang.kernel.registers import exchange, pages
from yiwang.kernel.registers.declarations import Register
from yiwang.kernel.registers.registry import all_registers
from yiwang.kernel.ui.routes import View, needs, route


def _of(register: Register) -> list[URLPattern]:
    guard = register.guard.code

    def at(pattern: str, view: Callable[..., Any], name: str, verb: str, *methods: str) -> URLPattern:
        bound: View = require_http_methods(methods or ("GET", "HEAD"))(_bind(view, register))
        return route(pattern, bound, f"register-{register.code}-{name}", needs(guard, verb))

    found = [
        at("", pages.list_page, "list", "view"),
        at("<int:pk>/", pages.detail_page, "detail", "view"),
        at("pick/<str:field>/", pages.pick, "pick", "view"),
        at("views/", pages.save_view, "save-view", "view", "POST"),
        at("views/<int:pk>/remove/", pages.remove_view, "remove-view", "view", "POST"),
    ]
    if "add" in register.writes:
        found.append(at("new/", pages.form_page, "new", "add", "GET", "POST"))
    if "change" in register.writes:
        found.append(at("<int:pk>/change/", pages.form_page, "change", "change", "GET", "POST"))
    found += [
        at(f"<int:pk>/act/{action.code}/", partial(pages.action_page, code=action.code), f"act-{action.code}",
           action.permission, "GET", "POST")
        for action in register.actions
    ]  # fmt: skip
    found += [
        at(f"bulk/{action.code}/", partial(pages.bulk_page, code=action.code), f"bulk-{action.code}",
           action.permission, "POST")
        for action in register.actions if action.bulk
    ]  # fmt: skip
    if register.export:
        found.append(at("export/", exchange.export, "export", "export"))
    if register.importing is not None:
        found += [
            at("import/", exchange.import_page, "import", "import", "GET", "POST"),
            at("import/template/", exchange.template, "template", "import"),
            at("import/<int:pk>/", exchange.import_run, "import-run", "import", "GET", "POST"),
        ]
    if register.attachments:
        found.append(at("<int:pk>/attach/", exchange.attach, "attach", "change", "POST"))
    found.append(at("jobs/<int:pk>/", exchange.job_page, "job", "view"))
    return found


def _bind(view: Callable[..., Any], register: Register) -> View:
    def bound(request: Any, **kwargs: Any) -> Any:
        return view(request, register, **kwargs)

    bound.__name__ = getattr(view, "__name__", "act")
    return bound


# In folders: a request tries the registers one by one, then the pages of one, not hundreds of pages of all.
urlpatterns: list[URLPattern | URLResolver] = [
    path("r/", include([path(f"{register.code}/", include(_of(register))) for register in all_registers()]))
]
