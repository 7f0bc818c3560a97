"""How rows with items of level 3 and up lie in a serving table: one sealed cell a row, keys as keyed digests.

Everything else of the row is a column of its own. The gateway opens the cell of the rows it answers with, nothing else.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from yiwang.kernel.crypto.cells import Cells

# Of the platform, not of the data: item names are letters first.
CELL, BATCH, NULL, ABSENT = "_sealed", 1 << 20, r"\N", "~"
Columns = Sequence[tuple[str, str]]


def stored(columns: Columns, keys: Sequence[str], sealed: frozenset[str]) -> list[tuple[str, str]]:
    """The columns as the table has them: sealed ones are gone into the cell, sealed keys are digests."""
    if not sealed:
        return list(columns)
    kept = [(name, "text" if name in sealed else kind) for name, kind in columns if name not in sealed or name in keys]
    return [*kept, (CELL, "text")]


class Rows:
    """Seals the rows of one table and opens them again. `resource` and the stored key bind a cell to its row."""

    def __init__(self, resource: int, keys: Sequence[str], sealed: frozenset[str], key_name: str = "") -> None:
        self.keys, self.sealed, self.resource = tuple(keys), sealed, resource
        self.cells = Cells(key_name)

    def key(self, name: str, text: str) -> str:
        """A key value as it is stored."""
        return self.cells.place(text, f"serving:{self.resource}:{name}") if name in self.sealed else text

    def _context(self, stored_key: Iterable[str]) -> str:
        return "\0".join(("serving", str(self.resource), *stored_key))

    def seal(self, names: Sequence[str], row: Sequence[str]) -> list[str]:
        """A row of texts (`\\N` is null) in the order of `stored`."""
        values = dict(zip(names, row, strict=True))
        stored_key = {name: self.key(name, values[name]) for name in self.keys}
        content = {name: None if values[name] == NULL else values[name] for name in names if name in self.sealed}
        cell = self.cells.seal(json.dumps(content, ensure_ascii=False), self._context(stored_key.values()))
        kept = [stored_key.get(name, values[name]) for name in names if name not in self.sealed or name in self.keys]
        return [*kept, cell]

    def open(self, stored_key: Iterable[Any], cell: str) -> dict[str, str | None]:
        found: dict[str, str | None] = json.loads(self.cells.open(cell, self._context(map(str, stored_key))))
        return found


class Sealing:
    """Makes the stored form of exported rows; `digest` is that of all rows passed through, as the table's own."""

    def __init__(self, rows: Rows, columns: Columns) -> None:
        self.rows, self.names = rows, [name for name, _ in columns]
        self.count = self.total = 0

    def chunks(self, lines: Iterable[str]) -> Iterator[bytes]:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for line in csv.reader(lines):
            made = self.rows.seal(self.names, line)
            self._count(made)
            writer.writerow(made)
            if text.tell() >= BATCH:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()
        yield text.getvalue().encode()

    def _count(self, row: list[str]) -> None:
        joined = "|".join(ABSENT if value == NULL else value for value in row)
        self.count += 1
        self.total += int(hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()[:15], 16)

    @property
    def digest(self) -> str:
        return f"{self.count}:{self.total}"
