"""Great Expectations and pandera on the rules they have words for; support for other benchmarks.

The checksum of identity numbers is only a shape to them. Each has run once on a hundred rows before its clock starts.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.report import Row


@dataclass(frozen=True)
class Wanted:
    """Rules on a frame of text columns: patterns, longest texts, allowed values; `key` is filled and unique."""

    key: str
    patterns: Mapping[str, str]
    longest: Mapping[str, int]
    among: Mapping[str, tuple[str, ...]]

    @property
    def count(self) -> int:
        return 2 * bool(self.key) + len(self.patterns) + len(self.longest) + len(self.among)


def by_pandera(wanted: Wanted) -> Callable[[Any], None]:
    pandera, errors = importlib.import_module("pandera.pandas"), importlib.import_module("pandera.errors")
    checks: dict[str, list[Any]] = {}
    for name, pattern in wanted.patterns.items():
        checks.setdefault(name, []).append(pandera.Check.str_matches(f"^(?:{pattern})$"))
    for name, most in wanted.longest.items():
        checks.setdefault(name, []).append(pandera.Check.str_length(0, most))
    for name, values in wanted.among.items():
        checks.setdefault(name, []).append(pandera.Check.isin(list(values)))
    schema = pandera.DataFrameSchema({
        name: pandera.Column(checks=checks.get(name, []), nullable=name != wanted.key, unique=name == wanted.key)
        for name in dict.fromkeys((*checks, *([wanted.key] if wanted.key else [])))
    })  # fmt: skip

    def run(frame: Any) -> None:
        try:
            schema.validate(frame, lazy=True)
        except errors.SchemaErrors:
            return

    return run


def by_expectations(wanted: Wanted) -> Callable[[Any], None]:
    gx = importlib.import_module("great_expectations")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    suite, words = gx.ExpectationSuite(name="s"), gx.expectations
    listed = [
        words.ExpectColumnValuesToMatchRegex(column=name, regex=f"^(?:{pattern})$")
        for name, pattern in wanted.patterns.items()
    ]
    listed += [
        words.ExpectColumnValueLengthsToBeBetween(column=name, max_value=most) for name, most in wanted.longest.items()
    ]
    listed += [
        words.ExpectColumnValuesToBeInSet(column=name, value_set=list(values)) for name, values in wanted.among.items()
    ]
    if wanted.key:
        listed += [
            words.ExpectColumnValuesToNotBeNull(column=wanted.key),
            words.ExpectColumnValuesToBeUnique(column=wanted.key),
        ]
    for each in listed:
        suite.add_expectation(each)
    return lambda frame: batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite)


PEERS = (("pandera", "pandera", by_pandera), ("Great Expectations", "great_expectations", by_expectations))


def rows(wanted: Wanted, frame: Any) -> list[Row]:
    """One line of the report each: judging alone, on a frame already in memory, nothing repaired or written."""
    found = []
    for title, module, make in PEERS:
        what = f"peer: {title}, {wanted.count} rules on {len(frame):,} rows already in memory, judging alone"
        if importlib.util.find_spec(module) is None:
            found.append(Row(what, "not installed"))
            continue
        run = make(wanted)
        run(frame.head(100))  # imports its back ends
        begun = time.perf_counter()
        run(frame)
        found.append(Row(what, f"{time.perf_counter() - begun:.1f} s"))
    return found
