"""What the listed domains say of themselves."""

from importlib import import_module

from yiwang.kernel.pages.manifest import Domain
from yiwang.site.domains import DOMAINS


def manifests() -> list[Domain]:
    """The manifest of every domain: `DOMAIN` in its `domain.py`."""
    return [import_module(f"{name}.domain").DOMAIN for name in DOMAINS]
