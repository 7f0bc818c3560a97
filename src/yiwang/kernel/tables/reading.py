"""What the engine process does with a received file: look at it, and read its rows, all text as received."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow

from yiwang.kernel.lake.process.connections import Connection, literal
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.tables import bulk, delimited, layout, profile, templates
from yiwang.kernel.tables.guards import Kind, check_extent, kind_of, letters_of
from yiwang.kernel.tables.headers import Expected, Mapped, Match, explain
from yiwang.kernel.tables.refusals import Unreadable
from yiwang.kernel.tables.words import masked
from yiwang.kernel.tables.workbooks import Sheet, Workbook

LOOKED, SHOWN = 200, 5
BULK_BYTES = 16 << 20
ROW, PARSED = "_row", "parsed.parquet"
# What is left in `task.kept`.
RECEIVED, BOOK = "received", "workbook"


def look(
    task: Task, path: str, name: str, expected: list[dict[str, Any]], sheet: str = "", template: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """expected[{name,title,synonyms,remembered,required}] → kind, encoding, sheets[{name,visible,hits}], sheet, row, depth, width,
    columns[{column,letters,title,field,how,likeness}], certain, missing, said[], notes[], sample[[text]].

    `sample` is masked: it is for the mapping page.
    """
    file, wanted = Path(path), _expected(expected)
    kind = kind_of(file, name)
    if kind == "text":
        dialect = delimited.dialect_of(file, whole=file.stat().st_size <= BULK_BYTES)
        rows = list(delimited.lines(file, dialect, LOOKED))
        header = layout.find_header(rows, wanted)
        found: dict[str, Any] = {"encoding": dialect.said, "sheets": [], "sheet": "", "notes": []}
    else:
        chosen, header, found = _choose(workbook(task, file, kind), wanted, sheet)
        rows = chosen.rows
        found["notes"] += templates.notes(file, kind, template)
    if header is None:
        raise Unreadable("表格里没有找到表头和数据，没有读取。第一行应是表头，数据从下一行开始；可下载模板对照。")
    return {"kind": kind, **found, **_described(header, rows, wanted)}


def read(
    task: Task, path: str, name: str, sheet: str, row: int, depth: int, width: int, columns: dict[str, str],
    titles: dict[str, str], fields: list[str], bulk_bytes: int = BULK_BYTES,
) -> dict[str, Any]:  # fmt: skip
    """columns{column: field}, titles{field: title}, fields[all names, in order] → rows, skipped{why: n},
    skipped_rows[{row,why,text}], said[], lost[{row,field}], unreadable, bulk, profile[…].

    Leaves `received` for the session's next run: a connection with a view of that name, every field as text, blank is
    null; with `_row` (row on the sheet, from 1) and `__row` (from 0, without a gap).
    """
    file = Path(path)
    kind: Kind = kind_of(file, name)
    given = {
        "sheet": sheet, "row": row, "depth": depth, "width": width, "columns": columns, "titles": titles, "fields": fields,
    }  # fmt: skip
    large = kind == "text" and file.stat().st_size > bulk_bytes
    if large:
        with tempfile.TemporaryDirectory(dir=task.folder) as scratch:
            connection, result = bulk.load(task, file, given, Path(scratch))
    else:
        connection, result = _small(task, file, kind, given)
    task.kept[RECEIVED] = connection
    if not result["rows"]:
        raise Unreadable("表头下面没有数据行，没有读取。请核对是否选对了工作表、数据是否在表头下方。")
    return {**result, "bulk": large, "profile": profile.of(connection, fields)}


def keep(task: Task) -> int:
    """Write what `read` left as parsed.parquet into the folder, with `_row`; rows written."""
    connection: Connection = task.kept[RECEIVED]
    target = literal(str(task.folder / PARSED))
    rows = "SELECT * EXCLUDE (__row) FROM received"
    return connection.run(f"COPY ({rows}) TO {target} (FORMAT parquet, COMPRESSION lz4_raw)")


def parse(task: Task, **params: Any) -> dict[str, Any]:
    """`read` and `keep`."""
    answer = read(task, **params)
    keep(task)
    return answer


def workbook(task: Task, path: Path, kind: Kind) -> Workbook:
    """The workbook, opened and read once a session."""
    known: Workbook | None = task.kept.get(BOOK)
    if known is None or known.path != path:
        known = task.kept[BOOK] = Workbook(path, kind)
    return known


def _expected(given: list[dict[str, Any]]) -> list[Expected]:
    return [
        Expected(
            item["name"], item["title"], tuple(item.get("synonyms", ())), tuple(item.get("remembered", ())),
            bool(item.get("required")),
        )
        for item in given
    ]  # fmt: skip


def _choose(
    book: Workbook, expected: list[Expected], wanted: str
) -> tuple[Sheet, layout.Header | None, dict[str, Any]]:
    """The sheet whose header meets most fields; a visible one first; the person's own choice before all."""
    seen: list[tuple[Sheet, layout.Header | None]] = []
    for name, _visible in book.sheets():
        sheet = book.sheet(name, LOOKED)
        seen.append((sheet, layout.find_header(sheet.rows, expected)))
    if not seen:
        raise Unreadable("文件里没有工作表，没有读取。请核对后重新上传。")
    if wanted and not any(sheet.name == wanted for sheet, _ in seen):
        raise Unreadable(f"文件里没有名为“{wanted}”的工作表。")
    ranked = sorted(
        seen, key=lambda pair: (pair[0].name == wanted, _hits(pair[1]), pair[0].visible, _filled(pair[0])), reverse=True
    )
    chosen, header = ranked[0]
    notes = []
    if len(seen) > 1 and chosen is not seen[0][0]:
        notes.append(f"按表头选用了工作表“{chosen.name}”，而不是第一张“{seen[0][0].name}”。")
    if not chosen.visible:
        notes.append(f"工作表“{chosen.name}”是隐藏的；其表头与模板相符，已读取。")
    same = [sheet.name for sheet, other in seen if sheet is not chosen and _hits(other) == _hits(header) > 0]
    if same:
        notes.append(f"工作表“{'、'.join(same)}”的表头也与模板相符，但一次只读取一张；如需报送请分开上传。")
    sheets = [{"name": sheet.name, "visible": sheet.visible, "hits": _hits(other)} for sheet, other in seen]
    return chosen, header, {"encoding": "", "sheets": sheets, "sheet": chosen.name, "notes": notes}


def _hits(header: layout.Header | None) -> int:
    return header.hits if header else 0


def _filled(sheet: Sheet) -> int:
    return sum(any(row) for row in sheet.rows)


def _described(header: layout.Header, rows: Sequence[Sequence[str]], expected: list[Expected]) -> dict[str, Any]:
    mapped = header.mapped
    width = max(map(len, rows), default=0)
    data = [row for row in rows[header.first_data :] if any(cell.strip() for cell in row)]
    return {
        "row": header.row,
        "depth": header.depth,
        "width": width,
        "columns": [_column(column, ways, mapped) for column, ways in sorted(header.ways.items())],
        "certain": mapped.certain,
        "missing": [item.name for item in mapped.missing],
        "said": explain(mapped) if expected else [],
        "sample": [[masked(cell.strip()) for cell in row] for row in data[:SHOWN]],
    }


def _column(column: int, ways: tuple[str, ...], mapped: Mapped) -> dict[str, Any]:
    found = mapped.matches.get(column, Match(column, "", "", 0.0))
    return {
        "column": column, "letters": letters_of(column), "title": ways[0], "field": found.name, "how": found.how,
        "likeness": found.likeness,
    }  # fmt: skip


def _small(task: Task, path: Path, kind: Kind, params: dict[str, Any]) -> tuple[Connection, dict[str, Any]]:
    """Files that fit into memory row by row."""
    said: list[str] = []
    if kind == "text":
        lines = list(delimited.lines(path, delimited.dialect_of(path)))
        check_extent(len(lines), max(map(len, lines), default=0))
        width = max(map(len, lines), default=0)
        lines = [line + [""] * (width - len(line)) for line in lines]
        sheet = Sheet("", True, lines)
    else:
        sheet = workbook(task, path, kind).sheet(params["sheet"])
        said = _sheet_notes(sheet)
    columns = {int(column): field for column, field in params["columns"].items()}
    ways = {column: tuple(dict.fromkeys(_titles(sheet, params, column))) for column in range(1, params["width"] + 1)}
    header = layout.Header(
        params["row"], params["depth"], {column: titles for column, titles in ways.items() if titles}, Mapped(), 0
    )
    bare = [sheet.bare(index) for index in range(len(sheet.rows))] if sheet.filled else sheet.rows
    data, skips = layout.data_rows(sheet.rows, bare, header, sorted(columns))
    lost = _lost(sheet, columns, data)
    return _received(task, data, columns, params["fields"]), {
        "rows": len(data), "skipped": skips.counts,
        "skipped_rows": [{"row": each.row, "why": each.why, "text": each.text} for each in skips.rows],
        "said": said, "lost": lost, "unreadable": 0,
    }  # fmt: skip


def _titles(sheet: Sheet, params: dict[str, Any], column: int) -> list[str]:
    block = sheet.rows[params["row"] - 1 : params["row"] - 1 + params["depth"]]
    return [row[column - 1] for row in block if column <= len(row) and row[column - 1].strip()]


def _sheet_notes(sheet: Sheet) -> list[str]:
    said = []
    if sheet.hidden:
        rows = "、".join(map(str, sheet.hidden[:10]))
        said.append(
            f"有 {len(sheet.hidden)} 行是隐藏的（第 {rows} 行{'等' if len(sheet.hidden) > 10 else ''}），已一并读入。"
        )
    if sheet.merges:
        said.append(f"有 {len(sheet.merges)} 处合并单元格，合并范围内各行按同一内容读取。")
    if sheet.errors:
        said.append(f"有 {sheet.errors} 格是公式错误值（如 #N/A），按原样读入，请在原表改正。")
    return said


def _lost(sheet: Sheet, columns: dict[int, str], data: list[tuple[int, list[str]]]) -> list[dict[str, Any]]:
    """Cells of data whose number has more digits than a spreadsheet keeps, or that was saved in scientific notation."""
    rows = {row for row, _ in data} if sheet.lost else set()
    found = [{"row": row, "field": columns[column]} for row, column in sheet.lost if column in columns and row in rows]
    if sheet.name:
        return found
    return [
        {"row": row, "field": field}
        for row, line in data
        for column, field in columns.items()
        if "E+" in line[column - 1].upper() and bulk.SCIENTIFIC.match(line[column - 1].strip())
    ]


def _received(task: Task, data: list[tuple[int, list[str]]], columns: dict[int, str], fields: list[str]) -> Connection:
    places = {field: column - 1 for column, field in columns.items()}
    cells = list(zip(*(line for _, line in data), strict=True))
    arrays: list[pyarrow.Array] = [pyarrow.array([row for row, _ in data], pyarrow.int32())]
    arrays += [
        pyarrow.array(cells[places[field]] if field in places and cells else [None] * len(data), pyarrow.string())
        for field in fields
    ]
    connection = Connection(task, ordered=True)
    connection.register("given", pyarrow.Table.from_arrays(arrays, names=[ROW, *fields]))
    connection.run("CREATE TEMP TABLE received_rows AS SELECT _row, nullif(COLUMNS(* EXCLUDE (_row)), '') FROM given")
    connection.run("CREATE VIEW received AS SELECT *, rowid AS __row FROM received_rows")
    return connection
