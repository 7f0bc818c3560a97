"""The check at start: a URL that does not say who may open it is an error."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.urls import URLPattern, URLResolver, get_resolver


def patterns(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """Every URL of the platform with its full pattern."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, prefix + str(entry.pattern))
        else:
            yield prefix + str(entry.pattern), entry


def every_url_has_a_requirement(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    return [
        Error(
            f"网址 {pattern} 没有声明谁可以访问（requirement）。",
            hint="用 kernel.ui.routes.route 声明网址。默认拒绝：未声明的网址一律打不开。",
            id="people.E001",
        )
        for pattern, entry in patterns()
        if getattr(entry.callback, "requirement", None) is None
    ]
