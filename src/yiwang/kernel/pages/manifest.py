"""What a domain tells the platform about itself; `site/domains.py` lists the domains."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from yiwang.kernel.access.roles import RoleSpec

__all__ = ["Domain", "MenuItem", "PublicItem", "RoleSpec"]


@dataclass(frozen=True)
class MenuItem:
    """A line of the side menu; shown to who has `requires` = (resource, verb)."""

    label: str
    url: str
    requires: tuple[str, str]
    group: str = ""
    icon: str = ""


@dataclass(frozen=True)
class PublicItem:
    """A page for everybody, listed on the public home."""

    label: str
    url: str
    about: str


@dataclass(frozen=True)
class Domain:
    """The manifest of a domain. All parts are objects declared in the domain's own rooms."""

    code: str
    name: str
    basis: tuple[str, ...]
    wing: str
    menu: tuple[MenuItem, ...] = ()
    roles: tuple[RoleSpec, ...] = ()
    flows: tuple[Any, ...] = ()
    registers: tuple[Any, ...] = ()
    measures: tuple[Any, ...] = ()
    # Codes of the measures that the home page shows to who may see them.
    headlines: tuple[str, ...] = ()
    reports: tuple[Any, ...] = ()
    case_kinds: tuple[Any, ...] = ()
    urls: tuple[Any, ...] = ()
    public: tuple[PublicItem, ...] = ()
    api: Any = None
    jobs: tuple[Any, ...] = ()
    # What the audit pages call the actions of its services' ledger entries, and facts that are no columns of the target.
    words: tuple[tuple[str, str], ...] = ()
    demo: Callable[..., Any] | None = None
    demo_after: tuple[str, ...] = field(default=())
