"""What travels to the engine process and back, as JSON."""

from typing import Any, TypedDict


class LinkSource(TypedDict):
    """`select`: SQL over the files, named s0, s1… in their order, of `ref` and where known `seen`, `truth` and fields."""

    files: dict[str, Any]
    select: str


class LinkPlan(TypedDict):
    """`numbers`: SQL over `raw` (ref, source, seen, truth, the fields) of all that and `exact_number`, valid or NULL.

    numbered: a valid number decides alone. most_block: k; most_pairs: pairs altogether.
    """

    sources: list[LinkSource]
    fields: list[dict[str, str]]
    numbers: str
    numbered: bool
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
