"""A compiled report: blocks of spans, each figure knowing its measure, its fraction and its rows. Plain JSON."""

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
    organisation: str
    dated: str
    blocks: list[Block]
    notes: list[Note]

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "notes": [vars(note) for note in self.notes]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Document":
        return cls(**{**data, "notes": [Note(**note) for note in data["notes"]]})


def text(content: str, *, strong: bool = False) -> Span:
    return {"kind": "text", "text": content, "strong": strong}


def figure(content: str, note: int, url: str) -> Span:
    return {"kind": "figure", "text": content, "note": note, "url": url}
