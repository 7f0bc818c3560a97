"""From columns as received to columns as declared: declared repairs, words for “nothing”, conversion of types."""

from dataclasses import dataclass
from datetime import date

from yiwang.data.governance.terms.plans import ROW, SOURCE_ROW, Plan, literal, quoted
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import parse, staged
from yiwang.kernel.lake.expressions.rendering import Renderer
from yiwang.kernel.lake.expressions.tree import Call, Column, Literal, Node, Operation
from yiwang.kernel.lake.functions import named
from yiwang.kernel.lake.process.task import Database
from yiwang.kernel.lake.terms import engine_type

TRUE_WORDS = ("是", "有", "真", "Y", "y", "1", "true", "TRUE", "True", "√")
FALSE_WORDS = ("否", "无", "没有", "假", "N", "n", "0", "false", "FALSE", "False", "×")
NUMBERS = r"-?[0-9]{1,18}(?:[.]0{1,8})?"


@dataclass(frozen=True)
class Cleaned:
    """sql: one SELECT with the row number, every field, and `__old_<field>` where a value changed.
    changing: fields received as text."""

    sql: str
    kept: tuple[str, ...]
    changing: tuple[str, ...]


def _call(name: str, *arguments: Node) -> Node:
    function = named(name)
    if function is None:
        raise ValueError(f"function {name} is not registered")
    return Call(function, arguments, function.returns)


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
    nothing = _call("is_null_word", Column(field, "text"))
    return Operation("case", (nothing, Literal(None, "null"), value), "text")


def _replace(node: Node, field: str, value: Node) -> Node:
    if isinstance(node, Column):
        return value if node.name == field else node
    if isinstance(node, Call):
        return Call(node.function, tuple(_replace(part, field, value) for part in node.arguments), node.type)
    if isinstance(node, Operation):
        return Operation(node.sign, tuple(_replace(part, field, value) for part in node.arguments), node.type)
    return node


def readable(field: str) -> str:
    """Whether what was received as text could be read as the declared type, or meant nothing."""
    old = quoted(f"__old_{field}")
    nothing = Renderer(DUCKDB).render(_call("is_null_word", Column(f"__old_{field}", "text")))
    return f"({quoted(field)} IS NOT NULL OR {old} IS NULL OR {nothing})"


def prepare(connection: Database, plan: Plan, as_of: date) -> Cleaned:
    have = received(connection, plan)
    texts = {name for name, kind in have.items() if kind == "VARCHAR" and name in plan["columns"]}
    values = {name: repaired(name, plan, texts) for name in plan["columns"] if name in texts}
    nodes: dict[str, list[Node]] = {}
    for name, value in values.items():
        nodes[name] = [value, *_readers(plan["columns"][name], value)]
    listed = ", ".join(map(literal, plan["paths"]))
    limit = f" LIMIT {int(plan['sample'])}" if plan["sample"] else ""
    source = (
        f"(SELECT *, file_row_number AS {ROW} FROM read_parquet([{listed}], file_row_number = true){limit}) AS received"
    )
    sql, renderer = staged([node for group in nodes.values() for node in group], DUCKDB, source, as_of=as_of)
    out = [ROW]
    kept = [ROW]
    if SOURCE_ROW in have and SOURCE_ROW not in plan["columns"]:
        out.append(SOURCE_ROW)
        kept.append(SOURCE_ROW)
    for name, kind in plan["columns"].items():
        kept.append(name)
        if name not in have:
            out.append(f"NULL::{engine_type(kind)} AS {quoted(name)}")
        elif name not in texts:
            out.append(f"CAST({quoted(name)} AS {engine_type(kind)}) AS {quoted(name)}")
        else:
            pieces = [renderer.render(node) for node in nodes[name]]
            typed = _typed(kind, *pieces)
            out.append(f"{typed} AS {quoted(name)}")
            written = pieces[0] if kind == "text" else f"CAST({typed} AS VARCHAR)"
            out.append(
                f"CASE WHEN {quoted(name)} IS DISTINCT FROM {written} THEN {quoted(name)} END AS {quoted(f'__old_{name}')}"
            )
            kept.append(f"__old_{name}")
    missing = [f"NULL::VARCHAR AS {quoted(f'__old_{name}')}" for name in plan["columns"] if name not in texts]
    kept += [f"__old_{name}" for name in plan["columns"] if name not in texts]
    return Cleaned(f"SELECT {', '.join([*out, *missing])} FROM {sql}", tuple(kept), tuple(values))


def _readers(kind: str, value: Node) -> list[Node]:
    if kind == "date":
        return [_call("date_or_null", value)]
    if kind == "integer" or kind.startswith("decimal"):
        return [_call("number_text", value)]
    return [_call("norm_text", value)] if kind in ("boolean", "timestamp") else []


def _typed(kind: str, text: str, read: str = "") -> str:
    """The declared type's value, NULL when the text is none; `read` is the text as the kind's own reader has it."""
    if kind == "date":
        return read
    if kind == "integer":
        whole = f"regexp_full_match({read}, {literal(NUMBERS)})"
        return f"CASE WHEN {whole} THEN TRY_CAST(regexp_replace({read}, '[.]0+$', '') AS BIGINT) END"
    if kind.startswith("decimal"):
        return f"TRY_CAST({read} AS {engine_type(kind)})"
    if kind == "timestamp":
        return f"TRY_CAST(replace({read}, '/', '-') AS TIMESTAMP)"
    if kind == "boolean":
        true, false = (", ".join(map(literal, words)) for words in (TRUE_WORDS, FALSE_WORDS))
        return f"CASE WHEN {read} IN ({true}) THEN TRUE WHEN {read} IN ({false}) THEN FALSE END"
    return text
