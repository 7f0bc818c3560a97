"""From a declaration to what the engine runs: checked against the tables as they are now, refused in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from yiwang.data.masters.models import Design
from yiwang.data.masters.terms import FieldKind
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.expressions import Expression, condition, parse, selection
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.standards import functions  # noqa: F401 - registers the library

RULE = "库的设计须与来源一致"
RESERVED = {"ref", "source", "seen", "truth", "exact_number", "numbered", "unique_id", "uid"}
NUMBERS = {
    "cn_id": "CASE WHEN cn_id_ok(cn_id_upgrade({0})) THEN cn_id_upgrade({0}) END",
    "uscc": "CASE WHEN uscc_ok(upper(trim({0}))) THEN upper(trim({0})) END",
}
MOST_BLOCK, MOST_PAIRS = 100, 20_000_000
ACCEPT, REVIEW = 0.95, 0.3


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def refuse(message: str, place: str = "content") -> Invalid:
    return Invalid(message, errors={place: [message]}, rule=RULE)


@dataclass(frozen=True)
class Input:
    """A source of a design with its table as it is now; `values`: output name → expression over its columns."""

    alias: str
    title: str
    table: LakeTable
    snapshot: Snapshot
    values: Mapping[str, Expression]
    where: Expression | None
    raw: Mapping[str, Any]

    @property
    def types(self) -> dict[str, str]:
        return {name: lake_type(expression.type) for name, expression in self.values.items()}

    def edges(self, name: str) -> list[dict[str, Any]]:
        """Lineage of one of its values."""
        expression = self.values[name]
        return [
            {"source": self.table, "source_column": column, "transform": expression.text}
            for column in sorted(expression.columns)
        ]


@dataclass(frozen=True)
class Joined:
    """A join, ready: SQL over the inputs' names, columns of the output, lineage."""

    sql: str
    inputs: tuple[Input, ...]
    columns: list[dict[str, str]]
    key: list[str]
    edges: list[dict[str, Any]] = field(default_factory=list)


def rendered(expression: Expression) -> str:
    """SQL as of today; `pinned` builds anew every day what asks for it."""
    return expression.duckdb(timezone.localdate())


def lake_type(name: str) -> str:
    """The type of a column that holds an expression's value."""
    return {"number": "decimal(18,4)", "null": "text", "pattern": "text"}.get(name, name)


def source_of(spec: Mapping[str, Any]) -> Input:
    """Check one source: the table is there, published, and has every column that the design names."""
    alias, title = str(spec["alias"]), str(spec.get("title") or spec["alias"])
    table = LakeTable.objects.select_related("current", "organisation").filter(name=spec["table"]).first()
    if table is None:
        raise refuse(f"来源“{title}”的湖表 {spec['table']} 不存在，设计不能使用。请核对表名，或先完成该资源的归集。")
    snapshot = lake.current(table)
    if snapshot is None:
        raise refuse(f"来源“{title}”（{table.title}）还没有发布过数据，不能构建。请待其归集发布后再建。")
    types = {column["name"]: column["type"] for column in snapshot.columns}
    values = {name: _expression(title, name, text, types) for name, text in spec["fields"].items()}
    where = _expression(title, "范围", spec["where"], types, boolean=True) if spec.get("where") else None
    for place in ("seen", "truth"):
        if spec.get(place) and spec[place] not in types:
            raise refuse(
                f"来源“{title}”（{table.title}）没有字段“{spec[place]}”。请改用现有字段，或请提供单位补上该列。"
            )
    return Input(alias, title, table, snapshot, values, where, spec)


def _expression(title: str, name: str, text: str, types: Mapping[str, str], *, boolean: bool = False) -> Expression:
    try:
        return condition(text, types) if boolean else parse(text, types)
    except Invalid as problem:
        raise refuse(f"来源“{title}”的“{name}”不能由“{text}”得出：{problem.message}") from None


def inputs_of(content: Mapping[str, Any]) -> tuple[Input, ...]:
    if not content.get("sources"):
        raise refuse("设计里没有来源。请至少写一个来源。")
    found = tuple(source_of(spec) for spec in content["sources"])
    aliases = [each.alias for each in found]
    if len(set(aliases)) < len(aliases):
        raise refuse("来源的简称重复。请给每个来源不同的简称。")
    return found


def joined(content: Mapping[str, Any]) -> Joined:
    """A library that is a join. Names of all sources are different, so a condition can only mean one column."""
    inputs = inputs_of(content)
    types: dict[str, str] = {}
    parts = []
    for position, each in enumerate(inputs):
        if twice := sorted(set(types) & set(each.values)):
            raise refuse(f"来源“{each.title}”的字段名与前面的来源重复：{'、'.join(twice)}。请另取名字。")
        types |= each.types
        parts.append(_part(position, each, types))
    columns, edges = [], []
    shown: dict[str, Expression] = {}
    for output in content["fields"]:
        expression = _output(output, types)
        kind = str(output.get("type") or lake_type(expression.type))
        columns.append({"name": output["name"], "title": output.get("title") or output["name"], "type": kind})
        shown[str(output["name"])] = expression
        edges += _edges(output["name"], expression, inputs)
    key = list(content.get("key") or [])
    if missing := [name for name in key if name not in {column["name"] for column in columns}]:
        raise refuse(f"主键不在输出字段里：{'、'.join(missing)}。请改正后再保存。")
    sql = selection(shown, f"(SELECT * FROM {' '.join(parts)}) AS joined", as_of=timezone.localdate())
    return Joined(sql, inputs, columns, key, edges)


def _part(position: int, each: Input, types: Mapping[str, str]) -> str:
    values = ", ".join(
        f"CAST({quoted(name)} AS {_sql_type(expression)}) AS {quoted(name)}" for name, expression in each.values.items()
    )
    given = selection(each.values, quoted(f"s{position}"), where=each.where, as_of=timezone.localdate())
    select = f"(SELECT {values} FROM ({given}) AS given) AS {quoted(f't{position}')}"
    if position == 0:
        return select
    if not each.raw.get("on"):
        raise refuse(f"来源“{each.title}”没有联接条件。请写明怎样与前面的来源对上，例如 证件号 = 参保证件号。")
    on = _expression(each.title, "联接条件", each.raw["on"], types, boolean=True)
    kind = {"left": "LEFT", "inner": "INNER"}.get(str(each.raw.get("join", "left")))
    if kind is None:
        raise refuse(f"来源“{each.title}”的联接方式只能是 left（保留前面的全部行）或 inner（只留对上的行）。")
    return f"{kind} JOIN {select} ON {rendered(on)}"


def _sql_type(expression: Expression) -> str:
    return {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP",
            "boolean": "BOOLEAN"}.get(expression.type, "VARCHAR")  # fmt: skip


def _output(output: Mapping[str, Any], types: Mapping[str, str]) -> Expression:
    text = str(output.get("expression") or output["name"])
    try:
        return parse(text, types)
    except Invalid as problem:
        raise refuse(f"输出字段“{output['name']}”不能由“{text}”得出：{problem.message}") from None


def _edges(column: str, expression: Expression, inputs: tuple[Input, ...]) -> list[dict[str, Any]]:
    found = []
    for each in inputs:
        for name in sorted(expression.columns & set(each.values)):
            for edge in each.edges(name):
                transform = edge["transform"] if expression.text == name else f"{edge['transform']} → {expression.text}"
                found.append({**edge, "column": column, "transform": transform})
    return found


def entity_plan(content: Mapping[str, Any]) -> tuple[tuple[Input, ...], list[dict[str, str]]]:
    """An entity library's sources and fields ({name, title, kind})."""
    fields = [{"name": each["name"], "title": each.get("title") or each["name"], "kind": FieldKind(each["kind"]).value}
              for each in content.get("fields", ())]  # fmt: skip
    names = {each["name"] for each in fields}
    if not fields or names & RESERVED:
        raise refuse(f"主记录至少要有一个字段，且不能用内部名字：{'、'.join(sorted(RESERVED))}。")
    if content.get("number") and (
        content["number"] not in NUMBERS or not any(e["kind"] == FieldKind.NUMBER for e in fields)
    ):
        raise refuse(
            "精确匹配的号码只能是 cn_id（公民身份号码）或 uscc（统一社会信用代码），且须有一个“证件号码”类字段。"
        )
    inputs = inputs_of(content)
    for each in inputs:
        if unknown := sorted(set(each.values) - names - {"key"}):
            raise refuse(f"来源“{each.title}”映射到了主记录没有的字段：{'、'.join(unknown)}。")
        if "key" not in each.values:
            raise refuse(f"来源“{each.title}”没有写明行的主键（key）。没有主键就不能追溯到行。")
    return inputs, fields


def link_plan(content: Mapping[str, Any], inputs: tuple[Input, ...], fields: list[dict[str, str]]) -> dict[str, Any]:
    """What the engine needs, see `plans.LinkPlan`."""
    number = next((each["name"] for each in fields if each["kind"] == FieldKind.NUMBER), "")
    valid = NUMBERS[content["number"]].format(quoted(number)) if content.get("number") else "NULL"
    raw = {
        "ref": "text",
        "source": "integer",
        "seen": "text",
        "truth": "text",
        **{each["name"]: "text" for each in fields},
    }
    return {
        "sources": [
            {"files": lake.source(each.snapshot).described(), "select": _given(position, each)}
            for position, each in enumerate(inputs)
        ],
        "numbers": selection(
            {name: _column(name, kind) for name, kind in raw.items()} | {"exact_number": parse(valid, raw)}, "raw"
        ),
        "fields": [{"name": each["name"], "kind": each["kind"]} for each in fields], "numbered": bool(content.get("number")),
        "probabilistic": bool(content.get("probabilistic", True)), "most_block": int(content.get("most_block", MOST_BLOCK)),
        "most_pairs": int(content.get("most_pairs", MOST_PAIRS)), "review": float(content.get("review", REVIEW)),
    }  # fmt: skip


def _column(name: str, kind: str) -> Expression:
    return parse(quoted(name), {name: kind})


def _given(position: int, each: Input) -> str:
    """A source's rows as ref, seen, truth and the fields."""
    types = {column["name"]: column["type"] for column in each.snapshot.columns}
    places = {
        place: _column(each.raw[place], types[each.raw[place]]) for place in ("seen", "truth") if each.raw.get(place)
    }
    values = {("ref" if name == "key" else name): expression for name, expression in each.values.items()} | places
    return selection(values, quoted(f"s{position}"), where=each.where, as_of=timezone.localdate())


def check(design: Design) -> None:
    """Refuses a design that could not be built now."""
    if design.library.entity == "none":
        joined(design.content)
    else:
        entity_plan(design.content)
