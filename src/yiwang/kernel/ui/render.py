"""Pages and fragments: a template inside the shell, with who is signed in, the menu and the marks of the site."""

import html
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from yiwang.kernel.access.actors import ANONYMOUS, Actor


@dataclass(frozen=True)
class MenuEntry:
    label: str
    url: str
    icon: str = ""
    count: int | None = None
    hot: bool = False
    current: bool = False
    group: str = ""


@dataclass(frozen=True)
class MenuGroup:
    title: str
    entries: tuple[MenuEntry, ...]


Contributor = Callable[[HttpRequest], dict[str, Any]]
_contributors: list[Contributor] = []


def contribute(contributor: Contributor) -> None:
    """Rooms above add their parts of the shell here (menu, unread count) when the platform starts."""
    if contributor not in _contributors:
        _contributors.append(contributor)


def actor_of(request: HttpRequest) -> Actor:
    """Who acts; nobody when the people room put nobody there (public pages, early failures)."""
    actor: Actor = getattr(request, "actor", ANONYMOUS)
    return actor


def base_context(request: HttpRequest, title: str) -> dict[str, Any]:
    """What every template may rely on; costs no query."""
    theme = request.COOKIES.get("theme", "")
    return {
        "title": title,
        "actor": actor_of(request),
        "post_name": actor_of(request).post_name,
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "city": settings.CITY_NAME,
        "demo": settings.DEMO_CITY,
        "theme": theme if theme in ("light", "dark") else "",
        "nav": "closed" if request.COOKIES.get("nav") == "closed" else "",
    }


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, title: str, status: int = 200
) -> HttpResponse:
    """A whole page; `template` extends ui/shell.html or ui/public.html."""
    full = base_context(request, title)
    if actor_of(request).person_id is not None:
        for contributor in _contributors:
            full.update(contributor(request))
    return HttpResponse(render_to_string(template, {**full, **(context or {})}, request), status=status)


def fragment(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A part of a page for htmx: no shell, no menu, never cached."""
    body = render_to_string(template, {**base_context(request, ""), **(context or {})}, request)
    return HttpResponse(body, status=status, headers={"Cache-Control": "no-store"})


def written_cells(cells: Iterable[tuple[str, str]]) -> SafeString:
    """Table cells of (class of our own, text): five hundred of them in a template were half of a list page's cost."""
    return SafeString(
        "".join(
            f'<td class="{look}">{html.escape(text)}</td>' if look else f"<td>{html.escape(text)}</td>"
            for look, text in cells
        )
    )


def written_options(choices: Iterable[tuple[object, object]], chosen: Collection[str]) -> SafeString:
    """Options of a select box: two hundred of them in Django's templates took longer than the rest of a list page."""
    return SafeString(
        "".join(
            f'<option value="{html.escape(str(value))}"{" selected" if str(value) in chosen else ""}>'
            f"{html.escape(str(label))}</option>"
            for value, label in choices
        )
    )
