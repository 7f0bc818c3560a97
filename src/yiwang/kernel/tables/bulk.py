"""Large delimited files, read by DuckDB. Rows that are no data are looked for in what was read, and cut only then."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.tables import delimited, layout
from yiwang.kernel.tables.headers import Mapped
from yiwang.kernel.tables.refusals import Unreadable
from yiwang.kernel.tables.words import masked, name, quoted

SCIENTIFIC = re.compile(r"^\d(\.\d+)?[Ee]\+1[4-9]$")
# Each next way reads what the one before refused: short rows, then line breaks in quotes, then rows of wrong width.
WAYS = (
    "strict_mode=true",
    "strict_mode=true, null_padding=true",
    "strict_mode=true, null_padding=true, parallel=false, ignore_errors=true, store_rejects=true",
)
TAIL = 60
# One of these is in every word for a total.
TOTAL_SIGNS = ("计", "total")


def load(task: Task, path: Path, params: dict[str, Any], scratch: Path) -> tuple[Connection, dict[str, Any]]:
    """The rows as table `received_rows` in the order of the file, without those that are no data, and view `received`
    with `__row` (place from 0) and `_row` (row on the sheet) besides the fields."""
    dialect = delimited.dialect_of(path, whole=False)
    loaded = _Loaded(task, path, params, scratch, dialect)
    with ThreadPoolExecutor(1) as pool:
        marked = pool.submit(_marks, path)
        rejected = loaded.load()
        ends, scientific = marked.result()
    if loaded.text != path:
        ends, scientific = _marks(loaded.text)
    blank = ends != loaded.first + loaded.con.value("SELECT count(*) FROM received_rows") and _has_blank(loaded.text)
    result = loaded.cut(scientific)
    if rejected:
        result["skipped"]["列数不符"] = len(rejected)
        result["skipped_rows"] += [
            {"row": line, "why": "列数不符", "text": masked(words[: layout.KEPT_TEXT])}
            for line, words in rejected[: layout.KEPT_ROWS]
        ]
    if blank:
        result["said"].append("文件里有空行；下面所说的行号按记录计，不含空行。")
    return loaded.con, {**result, "unreadable": len(rejected)}


def _blocks(path: Path) -> Iterator[bytes]:
    """Read, not mapped: a mapped file counts against the process's limit of memory."""
    with path.open("rb") as stream:
        while block := stream.read(delimited.BLOCK):
            yield block


def _marks(path: Path) -> tuple[int, bool]:
    """(line ends, a missing last one counted; numbers in scientific notation, perhaps). One sign is found ten times as fast as
    two."""
    ends, scientific, tail = 0, False, b"\n"
    for block in _blocks(path):
        ends += block.count(b"\n")
        if not scientific and b"+" in block:
            scientific = b"E+" in tail + block[:1] or b"E+" in block
        tail = block[-1:]
    return ends + (tail != b"\n"), scientific


def _has_blank(path: Path) -> bool:
    """Whether there are blank lines, which DuckDB passes over without counting. Looked for when lines and records differ in
    number: as many of both leave no room for one."""
    tail = b""
    for block in _blocks(path):
        head = tail + block[:2]
        if any(part in block or part in head for part in (b"\n\n", b"\n\r\n")):
            return True
        tail = block[-2:]
    return False


class _Loaded:
    """A delimited file on its way into a table."""

    def __init__(
        self, task: Task, path: Path, params: dict[str, Any], scratch: Path, dialect: delimited.Dialect
    ) -> None:
        self.path, self.params, self.dialect = path, params, dialect
        self.columns = {int(column): field for column, field in params["columns"].items()}
        self.first = params["row"] + params["depth"] - 1
        self.copy = scratch / "text.csv"
        self.text = delimited.transcode(path, dialect.encoding, self.copy)
        self.con = Connection(task, [str(path), str(self.copy)], ordered=True)

    def load(self) -> list[tuple[int, str]]:
        """Fill the table; returns the rows DuckDB could not read at the last try."""
        problem: duckdb.Error | None = None
        for way in WAYS:
            if problem is not None and way == WAYS[1] and self._otherwise():
                return self.load()
            try:
                rows = f"SELECT {self._chosen()} FROM {self._source(way)}"  # noqa: S608
                self.con.run(f"CREATE OR REPLACE TEMP TABLE received_rows AS {rows}")
            except duckdb.Error as error:
                problem = error
                continue
            if way != WAYS[-1]:
                return []
            return self.con.rows("SELECT line, any_value(csv_line) FROM reject_errors GROUP BY line ORDER BY line")
        raise Unreadable(
            f"文件不是规整的分隔文本，没有读取（{str(problem).splitlines()[0][:200]}）。请用表格软件重新保存后上传。"
        )

    def _otherwise(self) -> bool:
        """The encoding was told from the beginning of the file; what cannot be read is looked at to its end."""
        whole = delimited.dialect_of(self.path)
        if whole == self.dialect:
            return False
        self.dialect = whole
        self.text = delimited.transcode(self.path, whole.encoding, self.copy)
        return True

    def _source(self, way: str) -> str:
        names = ", ".join(f"{quoted(f'c{index}')}: 'VARCHAR'" for index in range(1, self._width() + 1))
        return (
            f"read_csv({quoted(str(self.text))}, auto_detect=false, header=false, skip={self.first}, "
            f"delim={quoted(self.dialect.delimiter)}, quote='\"', escape='\"', max_line_size={4 << 20}, "
            f"columns={{{names}}}, {way})"
        )

    def _width(self) -> int:
        """Of the header, or what the mapping names."""
        head = delimited.lines(self.text, delimited.Dialect("utf-8", self.dialect.delimiter), self.first)
        return max(max(map(len, head), default=0), *self.columns)

    def _chosen(self) -> str:
        places = {field: column for column, field in self.columns.items()}
        return ", ".join(
            f"c{places[field]} AS {name(field)}" if field in places else f"CAST(NULL AS VARCHAR) AS {name(field)}"
            for field in self.params["fields"]
        )

    def cut(self, scientific: bool) -> dict[str, Any]:
        """Find total rows, repeated headers, blank rows and notes, and take them out."""
        fields = [field for _, field in sorted(self.columns.items())]
        first, width = self.first + 1, len(fields)
        total = self.con.value("SELECT count(*) FROM received_rows")
        titles = self.params.get("titles", {})
        shown = ", ".join(map(name, fields))
        suspects = self.con.rows(
            f"SELECT rowid + {first}, {shown} FROM received_rows "  # noqa: S608
            f"WHERE rowid >= {total - TAIL} OR {_suspect(fields, titles)} ORDER BY rowid"
        )
        lines = [["" if cell is None else cell for cell in row[1:]] for row in suspects]
        ways: dict[int, tuple[str, ...]] = {index: (titles.get(field, field),) for index, field in enumerate(fields, 1)}
        header = layout.Header(0, 1, ways, Mapped(), 0)
        data, skips = layout.data_rows(lines, lines, header, range(1, width + 1))
        kept = {place - 1 for place, _ in data}
        gone = [suspects[place][0] for place in range(len(suspects)) if place not in kept]
        rows = [layout.Skipped(suspects[each.row - 1][0], each.why, each.text) for each in skips.rows]
        self._take_out([row - first for row in gone], total)
        lost = _lost(self.con, fields) if scientific else []
        return {
            "rows": total - len(gone), "skipped": skips.counts,
            "skipped_rows": [{"row": each.row, "why": each.why, "text": each.text} for each in rows],
            "said": [], "lost": lost,
        }  # fmt: skip

    def _take_out(self, gone: list[int], total: int) -> None:
        """Without these rows, and without a gap in `__row`: rows at the end are deleted, for others the table is made anew."""
        number = f"CAST(rowid + {self.first + 1} AS INTEGER) AS _row"
        if gone and min(gone) == total - len(gone):
            self.con.run("DELETE FROM received_rows WHERE rowid >= ?", [min(gone)])
        elif gone:
            self.con.run("CREATE TEMP TABLE gone AS SELECT unnest(?) AS place", [gone])
            self.con.run(
                f"CREATE TEMP TABLE rest AS SELECT {number}, * FROM received_rows WHERE rowid NOT IN (SELECT place FROM gone)"  # noqa: S608
            )
            self.con.run("DROP TABLE received_rows")
            self.con.run("ALTER TABLE rest RENAME TO received_rows")
            number = "_row"
        fields = ", ".join(map(name, self.params["fields"]))
        self.con.run(f"CREATE VIEW received AS SELECT {fields}, {number}, rowid AS __row FROM received_rows")  # noqa: S608


def _suspect(fields: list[str], titles: dict[str, str]) -> str:
    """SQL of what may be no data: a total, a repeated header, a row that is blank where it begins. Cheap looks first."""
    first = f"coalesce({', '.join(map(name, fields[:3]))})"
    # A list of words would be joined, for every row.
    total = quoted(f"^({'|'.join(sorted(layout.TOTALS))})$|(合计|小计|总计|共计)$")
    marked = " OR ".join(f"contains({first}, {quoted(sign)})" for sign in TOTAL_SIGNS)
    heads = "".join(f" OR {name(field)} = {quoted(titles[field])}" for field in fields[:2] if titles.get(field))
    return f"({marked}) AND regexp_matches(trim({first}), {total}) OR coalesce({', '.join(map(name, fields))}) IS NULL{heads}"


def _lost(con: Connection, fields: list[str]) -> list[dict[str, Any]]:
    found = []
    for field in fields:
        rows = con.rows(
            f"SELECT _row FROM received WHERE contains({name(field)}, 'E+') "  # noqa: S608
            f"AND regexp_full_match({name(field)}, '[0-9](\\.[0-9]+)?E\\+1[4-9]') ORDER BY _row LIMIT 1000"
        )
        found += [{"row": row, "field": field} for (row,) in rows]
    return found
