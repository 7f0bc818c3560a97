"""What can be staged or compared: plain descriptions that travel to the engine process as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any


@dataclass(frozen=True)
class Files:
    """Parquet files, by absolute path. With `columns` ([{id, name, type}]) they are read by field id."""

    paths: tuple[str, ...]
    columns: tuple[Mapping[str, Any], ...] = ()

    def described(self) -> dict[str, Any]:
        return {"paths": list(self.paths), "columns": [dict(column) for column in self.columns]}

    def reads(self) -> list[str]:
        return list(self.paths)


@dataclass(frozen=True)
class Query:
    """One SELECT in DuckDB's dialect over named inputs. Whoever lets others write the text checks it first."""

    sql: str
    inputs: Mapping[str, Files] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        return {"sql": self.sql, "inputs": {name: files.described() for name, files in self.inputs.items()}}

    def reads(self) -> list[str]:
        return [path for files in self.inputs.values() for path in files.paths]


@dataclass(frozen=True)
class Made:
    """What a function of ours returns inside the engine process: `function(task, **params)` → Arrow table or reader."""

    function: str
    params: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        return {"function": self.function, "params": dict(self.params)}

    def reads(self) -> list[str]:
        return list(self.files)


Source = Files | Query | Made


def source(given: "Source | str | PathLike[str] | Iterable[str | PathLike[str]]") -> Source:
    """A path or several are Parquet files."""
    if isinstance(given, Files | Query | Made):
        return given
    if isinstance(given, str | PathLike):
        return Files((str(given),))
    return Files(tuple(str(path) for path in given))
