"""How a page gets a URL: every URL says who may open it, or the platform refuses to start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern
from django.urls import path as django_path

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Requirement:
    """Who may open a URL: the public, anybody signed in, or who holds (resource, verb)."""

    public: bool = False
    resource: str = ""
    verb: str = ""


PUBLIC = Requirement(public=True)
SIGNED_IN = Requirement()


def needs(resource: str, verb: str = "view") -> Requirement:
    return Requirement(resource=resource, verb=verb)


def route(pattern: str, view: View, name: str, requires: Requirement) -> URLPattern:
    """A URL with its requirement, checked by the default-deny middleware before the view runs."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    guarded.__name__ = getattr(view, "__name__", name)
    guarded.__doc__ = view.__doc__
    guarded.requirement = requires  # type: ignore[attr-defined]
    guarded.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
    return django_path(pattern, guarded, name=name)
