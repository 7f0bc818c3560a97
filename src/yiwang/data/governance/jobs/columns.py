"""From columns as received to columns as declared: declared repairs, words for “nothing”, conversion of types."""

from dataclasses import dataclass
from datetime import date

from yiwang.data.governance.terms.plans import ROW, SOURCE_ROW, WORD, Plan, literal, quoted
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import parse, staged
from yiwang.kernel.lake.expressions.tree import Call, Column, Literal, Node, Operation
from yiwang.kernel.lake.process.task import Database
from yiwang.kernel.lake.terms import FIRST_ROW, engine_type
from yiwang.standards import typed

UNREAD = "__unread_"


@dataclass(frozen=True)
class Cleaned:
    """sql: one SELECT with the row number, every field, whether its text could not be read, and words c0… that have the
    bit of each field whose value changed. changing: fields received as text, in the order of those bits."""

    sql: str
    kept: tuple[str, ...]
    changing: tuple[str, ...]


def received(connection: Database, plan: Plan) -> dict[str, str]:
    """Column → engine type, of the file."""
    listed = ", ".join(map(literal, plan["paths"]))
    return {str(row[0]): str(row[1]) for row in connection.rows(f"DESCRIBE SELECT * FROM read_parquet([{listed}])")}


def repaired(field: str, plan: Plan, texts: set[str]) -> Node:
    """What stands for a field received as text: its declared repairs in turn, then nothing for words that mean it.

    A repair is written over the field itself: `cn_id_upgrade(zero_for_o(id))`.
    """
    value: Node = Column(field, "text")
    for repair in plan["repairs"]:
        if repair["field"] != field:
            continue
        found = parse(repair["expression"], dict.fromkeys(texts, "text"))
        if found.type != "text":
            raise Invalid(f"“{field}”的修复应得到文本，这里得到的是别的类型；转换类型由平台按目录进行。")
        value = _replace(found.root, field, value)
        # What a repair cannot read stays as it was written, so that the rule shows it.
        value = Operation("coalesce", (value, Column(field, "text")), "text")
    nothing = typed.call("is_null_word", Column(field, "text"))
    return Operation("case", (nothing, Literal(None, "null"), value), "text")


def _replace(node: Node, field: str, value: Node) -> Node:
    if isinstance(node, Column):
        return value if node.name == field else node
    if isinstance(node, Call):
        return Call(node.function, tuple(_replace(part, field, value) for part in node.arguments), node.type)
    if isinstance(node, Operation):
        return Operation(node.sign, tuple(_replace(part, field, value) for part in node.arguments), node.type)
    return node


def readable(field: str, cleaned: Cleaned) -> str:
    """Whether what was received as text could be read as the declared type, or meant nothing."""
    return f"({quoted(field)} IS NOT NULL OR NOT {quoted(UNREAD + field)})" if field in cleaned.changing else "TRUE"


def original(plan: Plan) -> str:
    """The file as received with its row numbers, limited to the sample that is wanted."""
    listed = ", ".join(map(literal, plan["paths"]))
    limit = f" WHERE file_row_number < {int(plan['sample'])}" if plan["sample"] else ""
    return f"(SELECT *, file_row_number AS {ROW} FROM read_parquet([{listed}], file_row_number = true){limit})"


def _source_row(connection: Database, plan: Plan, have: dict[str, str]) -> str:
    """SQL of the row's place in the sheet: a column of the file, or counted from what the file says of its first row."""
    if SOURCE_ROW in plan["columns"]:
        return ""
    if SOURCE_ROW in have:
        return SOURCE_ROW
    listed = ", ".join(map(literal, plan["paths"]))
    told = connection.rows(
        f"SELECT decode(value)::BIGINT FROM parquet_kv_metadata([{listed}]) WHERE decode(key) = {literal(FIRST_ROW)}"
    )
    return f"{ROW} + {told[0][0]} AS {SOURCE_ROW}" if told else ""


def prepare(connection: Database, plan: Plan, as_of: date) -> Cleaned:
    have = received(connection, plan)
    texts = {name for name, kind in have.items() if kind == "VARCHAR" and name in plan["columns"]}
    values = {name: repaired(name, plan, texts) for name in plan["columns"] if name in texts}
    readers = {name: typed.reader(plan["columns"][name], value) for name, value in values.items()}
    # A reader of times is needed for odd writings only, so nothing of it is computed beforehand.
    lazy = {name for name in values if plan["columns"][name] == "timestamp"}
    nodes = [
        node for name in values for node in (values[name], None if name in lazy else readers[name]) if node is not None
    ]
    sql, renderer = staged(nodes, DUCKDB, f"{original(plan)} AS received", as_of=as_of)
    numbered = _source_row(connection, plan, have)
    kept = [ROW, *([SOURCE_ROW] if numbered else []), *plan["columns"]]
    out = [ROW, *([numbered] if numbered else [])]
    changes: list[str] = []
    for name, kind in plan["columns"].items():
        if name not in have:
            out.append(f"NULL::{engine_type(kind)} AS {quoted(name)}")
        elif name not in texts:
            out.append(f"CAST({quoted(name)} AS {engine_type(kind)}) AS {quoted(name)}")
        else:
            text, node = renderer.render(values[name]), readers[name]
            read = "" if node is None else renderer.render(node)
            value = typed.value_sql(kind, text, read)
            out += [f"{value} AS {quoted(name)}", f"{text} IS NOT NULL AND {value} IS NULL AS {quoted(UNREAD + name)}"]
            changes.append(typed.changed_sql(quoted(name), kind, text, read, value))
    words = [
        " + ".join(
            f"CASE WHEN {each} THEN {1 << place} ELSE 0 END" for place, each in enumerate(changes[at : at + WORD])
        )
        for at in range(0, max(1, len(changes)), WORD)
    ]
    marks = [f"({each or '0'})::BIGINT AS c{number}" for number, each in enumerate(words)]
    kept += [f"c{number}" for number in range(len(words))]
    return Cleaned(f"SELECT {', '.join([*out, *marks])} FROM {sql}", tuple(kept), tuple(values))
