"""A compiled report: blocks of spans, each figure knowing its measure, its fraction and its rows. Plain JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Span = dict[str, Any]
Block = dict[str, Any]
Cell = dict[str, str]


@dataclass(frozen=True)
class Note:
    """A figure as the appendix lists it."""

    number: int
    code: str
    version: int
    name: str
    text: str
    fraction: str
    definition: str
    period: str
    url: str


@dataclass(frozen=True)
class Document:
    title: str
    period: str
    blocks: list[Block]
    notes: list[Note]

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "period": self.period,
            "blocks": self.blocks,
            "notes": [vars(note) for note in self.notes],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Document":
        return cls(data["title"], data["period"], data["blocks"], [Note(**note) for note in data["notes"]])


def text(content: str, *, strong: bool = False) -> Span:
    return {"kind": "text", "text": content, "strong": strong}


def figure(content: str, note: int, url: str) -> Span:
    return {"kind": "figure", "text": content, "note": note, "url": url}


def spans(blocks: list[Block]) -> Iterator[Span]:
    for block in blocks:
        yield from block.get("spans", ())
        for item in block.get("lines", ()):
            yield from item
