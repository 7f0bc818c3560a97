"""Large delimited files, parsed by DuckDB. Rows that are no data are looked for in what was written, and cut only then."""

import re
from pathlib import Path
from typing import Any

import duckdb

from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import FIRST_ROW
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


def parse(task: Task, path: Path, params: dict[str, Any], out: Path, scratch: Path) -> dict[str, Any]:
    dialect = delimited.dialect_of(path)
    text = delimited.transcode(path, dialect.encoding, scratch / "text.csv")
    header_ends = params["row"] - 1 + params["depth"]
    width = _width(text, dialect.delimiter, header_ends)
    columns = {int(column): field for column, field in params["columns"].items()}
    con = Connection(task, [str(path), str(text)], ordered=True)
    rejected = _copy(con, text, dialect.delimiter, max(width, max(columns)), columns, params, out)
    result = _cut(con, text, out, columns, params, scratch)
    if rejected:
        result["skipped"]["列数不符"] = len(rejected)
        result["skipped_rows"] += [
            {"row": line, "why": "列数不符", "text": masked(words[: layout.KEPT_TEXT])}
            for line, words in rejected[: layout.KEPT_ROWS]
        ]
    if _has_blank_lines(text):
        result["said"].append("文件里有空行；下面所说的行号按记录计，不含空行。")
    return {**result, "unreadable": len(rejected)}


def _width(path: Path, delimiter: str, records: int) -> int:
    lines = list(delimited.lines(path, delimited.Dialect("utf-8", delimiter), records))
    return max(map(len, lines), default=0)


def _has_blank_lines(path: Path) -> bool:
    """DuckDB passes over them without counting."""
    return _has(path, b"\n\n") or _has(path, b"\n\r\n")


def _copy(
    con: Connection, path: Path, delimiter: str, width: int, columns: dict[int, str],
    params: dict[str, Any], out: Path,
) -> list[tuple[int, str]]:  # fmt: skip
    """CSV → Parquet with the fields' names; returns the rows DuckDB could not read at the last try.

    Counting the rows while they are written would halve the speed: the file says where it begins instead.
    """
    names = ", ".join(f"{quoted(f'c{index}')}: 'VARCHAR'" for index in range(1, width + 1))
    places = {field: column for column, field in columns.items()}
    chosen = ", ".join(
        f"c{places[field]} AS {name(field)}" if field in places else f"CAST(NULL AS VARCHAR) AS {name(field)}"
        for field in params["fields"]
    )
    first = params["row"] + params["depth"] - 1
    problem: Exception | None = None
    for way in WAYS:
        source = (
            f"read_csv({quoted(str(path))}, auto_detect=false, header=false, skip={first}, delim={quoted(delimiter)}, "
            f"quote='\"', escape='\"', max_line_size={4 << 20}, columns={{{names}}}, {way})"
        )
        try:
            con.rows(
                f"COPY (SELECT {chosen} FROM {source}) TO {quoted(str(out))} "  # noqa: S608
                f"(FORMAT parquet, COMPRESSION lz4_raw, KV_METADATA {{{FIRST_ROW}: '{first + 1}'}})"
            )
        except duckdb.Error as error:
            problem = error
            continue
        return (
            con.rows("SELECT line, any_value(csv_line) FROM reject_errors GROUP BY line ORDER BY line")
            if way == WAYS[-1]
            else []
        )
    raise Unreadable(
        f"文件不是规整的分隔文本，没有读取（{str(problem).splitlines()[0][:200]}）。请用表格软件重新保存后上传。"
    )


def _cut(
    con: Connection, text: Path, out: Path, columns: dict[int, str], params: dict[str, Any], scratch: Path
) -> dict[str, Any]:
    """Find total rows, repeated headers, blank rows and notes; write the table again only if there are any."""
    fields = [field for _, field in sorted(columns.items())]
    shown = ", ".join(map(name, fields))
    first = params["row"] + params["depth"]
    numbered = f"read_parquet({quoted(str(out))}, file_row_number = true)"
    source = f"(SELECT CAST(file_row_number + {first} AS INTEGER) AS _row, * EXCLUDE (file_row_number) FROM {numbered})"  # noqa: S608
    width, total = len(fields), con.rows(f"SELECT count(*) FROM {numbered}")[0][0]  # noqa: S608
    titles = params.get("titles", {})
    found = con.rows(f"SELECT file_row_number FROM {numbered} WHERE {_suspect(fields, titles)}")  # noqa: S608
    tail = f"file_row_number >= {max(0, total - TAIL)}"
    also = f" OR file_row_number IN ({', '.join(str(row) for (row,) in found)})" if found else ""
    suspects = con.rows(
        f"SELECT file_row_number + {first}, {shown} FROM {numbered} WHERE {tail}{also} ORDER BY file_row_number"  # noqa: S608
    )
    lines = [["" if cell is None else cell for cell in row[1:]] for row in suspects]
    ways: dict[int, tuple[str, ...]] = {index: (titles.get(field, field),) for index, field in enumerate(fields, 1)}
    header = layout.Header(0, 1, ways, Mapped(), 0)
    data, skips = layout.data_rows(lines, lines, header, range(1, width + 1))
    kept = {place - 1 for place, _ in data}
    gone = [suspects[place][0] for place in range(len(suspects)) if place not in kept]
    rows = [layout.Skipped(suspects[each.row - 1][0], each.why, each.text) for each in skips.rows]
    lost = _lost(con, source, fields) if _has(text, b"E+") else []
    if gone:
        _rewrite(con, source, out, gone, scratch)
        lost = [each for each in lost if each["row"] not in set(gone)]
    return {
        "rows": total - len(gone), "skipped": skips.counts,
        "skipped_rows": [{"row": each.row, "why": each.why, "text": each.text} for each in rows],
        "said": [], "lost": lost,
    }  # fmt: skip


def _suspect(fields: list[str], titles: dict[str, str]) -> str:
    """SQL of what may be no data: a total, a repeated header, a row that is blank where it begins. Cheap looks first."""
    first = f"coalesce({', '.join(map(name, fields[:3]))})"
    words = ", ".join(quoted(word) for word in sorted(layout.TOTALS))
    marked = " OR ".join(f"contains({first}, {quoted(sign)})" for sign in TOTAL_SIGNS)
    heads = "".join(f" OR {name(field)} = {quoted(titles[field])}" for field in fields[:2] if titles.get(field))
    total = f"trim({first}) IN ({words}) OR regexp_matches(trim({first}), '(合计|小计|总计|共计)$')"
    return f"({marked}) AND ({total}) OR coalesce({', '.join(map(name, fields))}) IS NULL{heads}"


def _has(path: Path, part: bytes) -> bool:
    """Whether the bytes occur anywhere. Read in blocks: a mapped file counts against the process's limit of memory."""
    tail = b""
    with path.open("rb") as stream:
        while block := stream.read(delimited.BLOCK):
            if part in block or part in tail + block[: len(part)]:
                return True
            tail = block[-len(part) :]
    return False


def _rewrite(con: Connection, source: str, out: Path, gone: list[int], scratch: Path) -> None:
    con.rows("CREATE TEMP TABLE gone AS SELECT unnest(?) AS _row", [gone])
    clean = scratch / "clean.parquet"
    con.rows(
        f"COPY (SELECT * FROM {source} WHERE _row NOT IN (SELECT _row FROM gone)) TO {quoted(str(clean))} "  # noqa: S608
        "(FORMAT parquet, COMPRESSION snappy)"
    )
    clean.replace(out)


def _lost(con: Connection, source: str, fields: list[str]) -> list[dict[str, Any]]:
    found = []
    for field in fields:
        rows = con.rows(
            f"SELECT _row FROM {source} WHERE contains({name(field)}, 'E+') "  # noqa: S608
            f"AND regexp_full_match({name(field)}, '[0-9](\\.[0-9]+)?E\\+1[4-9]') ORDER BY _row LIMIT 1000"
        )
        found += [{"row": row, "field": field} for (row,) in rows]
    return found
