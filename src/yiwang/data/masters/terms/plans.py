"""What travels to the engine process and back, as JSON."""

from typing import Any, TypedDict


class LinkSource(TypedDict):
    """`ref`, `seen`, `where`, `truth` and `select` are rendered SQL over the files' columns; "" where there is none."""

    files: dict[str, Any]
    ref: str
    seen: str
    where: str
    truth: str
    select: dict[str, str]


class LinkPlan(TypedDict):
    """`number`: SQL of the valid number over the fields, else NULL. most_block: k; most_pairs: pairs altogether."""

    sources: list[LinkSource]
    fields: list[dict[str, str]]
    number: str
    probabilistic: bool
    most_block: int
    most_pairs: int
    review: float


class LinkAnswer(TypedDict):
    """Counts of a resolution; `junk` are blocking values left out: {columns, value (masked), rows}."""

    records: int
    exact: int
    probable: int
    considered: int
    junk: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
