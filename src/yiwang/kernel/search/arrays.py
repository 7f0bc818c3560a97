"""numpy, scipy.sparse and the word cutter, each loaded when first used.

Importing them is a fifth of the start of every process, and few processes ever read a text (docs/adr/0007-start-up.md).
The array types are names for the reader: scipy's matrices are not typed either.
"""

from importlib import import_module
from typing import Any


class _Late:
    """A module that is imported with the first thing asked of it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


np: Any = _Late("numpy")
sparse: Any = _Late("scipy.sparse")
rjieba: Any = _Late("rjieba")

Floats = Any
Integers = Any
Codes = Any
Sparse = Any
