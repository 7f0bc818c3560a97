"""All measures of the platform, by code."""

from collections.abc import Iterable

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.measures.declarations import Measure

_measures: dict[str, Measure] = {}


def register_measure(measure: Measure) -> Measure:
    known = _measures.get(measure.code)
    if known is not None and known is not measure:
        raise ValueError(f"measure {measure.code} declared twice")
    _measures[measure.code] = measure
    return measure


def all_measures() -> list[Measure]:
    return sorted(_measures.values(), key=lambda measure: measure.code)


def measure_of(code: str) -> Measure:
    found = _measures.get(code)
    if found is None:
        raise Invalid(f"没有指标 {code}。指标清单见“指标”页。")
    return found


def register_measures(measures: Iterable[Measure]) -> None:
    for measure in measures:
        register_measure(measure)
