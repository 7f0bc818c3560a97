"""A block of facts on a detail or case page, as domains hand it over."""

from dataclasses import dataclass

from django.utils.safestring import SafeString


@dataclass(frozen=True)
class Fact:
    label: str
    value: object
    url: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """`html` takes what ui rendered (a chart, a fragment); plain text in it is escaped by the template."""

    title: str
    facts: tuple[Fact, ...] = ()
    html: SafeString | str = ""
