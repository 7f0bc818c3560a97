"""What the engine process is told and answers: JSON both ways, so nothing here may import an engine."""

from typing import Any, TypedDict

from yiwang.kernel.lake.dialects import DUCKDB

# Rules per word of the bit mask; a word is a BIGINT.
WORD = 60
quoted, literal = DUCKDB.identifier, DUCKDB.text
ROW, SOURCE_ROW = "__row", "_row"


class RulePlan(TypedDict):
    """expression: of kind row and cross-table. params: see `templates`. blocks: a bad row is kept back."""

    id: int
    kind: str
    expression: str
    params: dict[str, Any]
    blocks: bool
    threshold: float


class RepairPlan(TypedDict):
    """By expression, or by `values`: [what the fields of `by` hold as received…, value, new value]; nothing is ""."""

    field: str
    expression: str
    by: list[str]
    values: list[list[str]]


class Plan(TypedDict):
    """paths: Parquet files; none: what the session has read. columns: field → declared type; those a file lacks are NULL. references: name → described
    `Files`. as_of: ISO day. previous_rows: of the last run, -1 when there was none. latest: field that says which of
    several rows with one key is the newest, or "". sample: look only at so many rows (0: all).
    ids: field → number of the lake table's column, written into the valid file so that it can be staged as it is."""

    paths: list[str]
    columns: dict[str, str]
    repairs: list[RepairPlan]
    rules: list[RulePlan]
    references: dict[str, Any]
    as_of: str
    previous_rows: int
    latest: str
    sample: int
    ids: dict[str, int]


class RuleAnswer(TypedDict):
    """failed: rows whose condition is FALSE; unknown: neither TRUE nor FALSE. measure: the figure a rule about the
    whole table found. examples: [{row, values}], at most three."""

    id: int
    failed: int
    unknown: int
    passed: bool
    measure: float | None
    examples: list[dict[str, Any]]


class Answer(TypedDict):
    """valid rows are in `valid`, rows kept back in `quarantine` (with mask words), changed cells in `repairs`
    (row, field, old, new); file names below the task's folder."""

    rows: int
    valid: int
    bad: int
    warned: int
    repaired: int
    repaired_rows: int
    rules: list[RuleAnswer]
    valid_path: str
    quarantine_path: str
    repairs_path: str
