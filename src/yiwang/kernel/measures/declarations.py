"""What a measure is. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Literal

from django.db.models import Q


@dataclass(frozen=True)
class Dimension:
    """A way to split a figure: `path` is the key, `name` the path of its words (empty: the key or its choice label).

    `words`: what keys are called that neither a path nor choices name, e.g. stages of a flow.
    """

    label: str
    path: str
    name: str = ""
    words: Mapping[str, str] = default(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Measure:
    """A figure over the rows of one resource.

    kind: count    rows that fulfil `numerator`
          rate     rows of `denominator` that also fulfil `numerator`, over rows of `denominator`; pooled
          monthly  mean of the monthly rates of the period (each month weighs the same); never called a pooled rate
          sum      Decimal sum of `field` over `numerator`
          mean     sum of `field` over rows with a value, by their number
          share    sum of `field` over sum of `over`, of the same rows: those of `numerator` that have both; pooled
          distinct different values of `field`, e.g. people
    time_field: the instant that puts a row into a period. recorded_field: when the platform learnt of the row.
    scale: what a sum or mean is divided by for display (3600: seconds as hours).
    """

    code: str
    name: str
    definition: str
    version: int
    unit: str
    resource: str
    time_field: str
    kind: Literal["count", "rate", "monthly", "sum", "mean", "share", "distinct"] = "count"
    numerator: Q = default(default_factory=Q)
    denominator: Q | None = None
    field: str = ""
    over: str = ""
    scale: int = 1
    recorded_field: str = "created_at"
    dimensions: Mapping[str, Dimension] = default(default_factory=dict)
    basis: str = ""
    better: Literal["", "high", "low"] = ""

    def __post_init__(self) -> None:
        if self.kind in ("rate", "monthly") and self.denominator is None:
            raise ValueError(f"measure {self.code}: a rate needs its denominator")
        if self.kind in ("sum", "mean", "share", "distinct") and not self.field:
            raise ValueError(f"measure {self.code}: {self.kind} needs a field")
        if (self.kind == "share") != bool(self.over):
            raise ValueError(f"measure {self.code}: a share, and only a share, is over another field")
        if not self.definition:
            raise ValueError(f"measure {self.code}: 口径 is missing")

    @property
    def is_rate(self) -> bool:
        return self.kind in ("rate", "monthly", "share")


@dataclass(frozen=True)
class ReportSpec:
    """A report a domain offers: Markdown with marks such as {{ figure hotline.received }} (see cockpit.reports)."""

    code: str
    name: str
    text: str
    span: Literal["month", "year"] = "month"
    basis: str = ""
