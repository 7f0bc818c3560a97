"""From columns as received to columns as declared: declared repairs, words for “nothing”, conversion of types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from yiwang.data.governance.terms.plans import ROW, SOURCE_ROW, WORD, Plan, quoted
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, parse, staged
from yiwang.kernel.lake.expressions.tree import Call, Column, Literal, Node, Operation
from yiwang.kernel.lake.process.task import Database
from yiwang.kernel.lake.terms import engine_type
from yiwang.standards import typed

# A field's text as received, its text as the type's own reader has it, its value; whether the text could not be read.
RAW, READ, TYPED, UNREAD = "__raw_", "__read_", "__typed_", "__unread_"
# Whether a field is right as it was received, so that nothing need be repaired; what is not, and that repaired; whether the
# repaired one is right.
SETTLED, LEFT, MENDED, FITS = "__settled_", "__left_", "__mended_", "__fits_"
# The texts as received of a row in which any was changed, in the order of the bits that say which; NULL in all others.
OLDS = "__olds"


@dataclass(frozen=True)
class Cleaned:
    """sql: one SELECT with the row number, every field, its text as received, whether that could not be read, and words
    __c0… that have the bit of each field whose value changed. changing: field received as text → type, in the order of
    those bits. known: what rules ask of a field → its column that tells it already."""

    sql: str
    kept: tuple[str, ...]
    changing: Mapping[str, str]
    known: Mapping[Node, str]

    @property
    def words(self) -> int:
        return max(1, -(-len(self.changing) // WORD))

    @property
    def marks(self) -> list[str]:
        return [f"__c{word}" for word in range(self.words)]

    def changed(self, name: str) -> str:
        """Whether the field's value was changed."""
        place = list(self.changing).index(name)
        return f"__c{place // WORD} >> {place % WORD} & 1 = 1"

    def old(self, name: str) -> str:
        """The text as received where it was changed, NULL where the value says what was written."""
        if name not in self.changing:
            return "NULL::VARCHAR"
        return f"CASE WHEN {self.changed(name)} THEN {OLDS}[{list(self.changing).index(name) + 1}] END"

    def olds(self) -> str:
        """The column `OLDS`: one list of a row that was changed costs far less than a column for each field."""
        if not self.changing:
            return f"NULL::VARCHAR[] AS {OLDS}"
        same = " AND ".join(f"{mark} = 0" for mark in self.marks)
        raw = ", ".join(quoted(RAW + name) for name in self.changing)
        return f"CASE WHEN {same} THEN NULL ELSE [{raw}] END AS {OLDS}"


def received(connection: Database) -> dict[str, str]:
    """Column → engine type, of view `received`."""
    return {str(row[0]): str(row[1]) for row in connection.rows("DESCRIBE received")}


def settling(field: str, plan: Plan) -> Call | None:
    """What a rule asks of a field and all the field's repairs leave alone. Where it is TRUE of what was received, which
    is nearly everywhere, the repairs need not be looked at, nor the rule again."""
    repairs = [_functions(each["expression"], field) for each in plan["repairs"] if each["field"] == field]
    looked_up = any(each["values"] for each in plan["repairs"] if each["field"] == field)
    if looked_up or not repairs or None in repairs or plan["columns"][field] != "text":
        return None
    used = {name for names in repairs for name in names or ()}
    rules = (condition(rule["expression"], plan["columns"]) for rule in plan["rules"] if rule["kind"] == "row")
    asked = (node for rule in rules for node in rule.root.walk() if isinstance(node, Call))
    column = Column(field, "text")
    return next((node for node in asked if node.arguments == (column,) and used <= set(node.function.leaves)), None)


def _functions(repair: str, field: str) -> set[str] | None:
    """The functions of a repair that are put over the field one after the other; None when it is anything else."""
    try:
        node, names = parse(repair, {field: "text"}).root, set()
    except Invalid:  # it looks at other fields too
        return None
    while isinstance(node, Call) and len(node.arguments) == 1:
        names.add(node.function.name)
        node = node.arguments[0]
    return names if isinstance(node, Column) else None


def repaired(field: str, plan: Plan, texts: set[str], received: Column) -> Node:
    """What stands for a field `received` as text: its declared repairs in turn, then nothing for words that mean it.

    A repair is written over the field itself: `cn_id_upgrade(zero_for_o(id))`.
    """
    value: Node = received
    for repair in plan["repairs"]:
        if repair["field"] != field or repair["values"]:
            continue
        found = parse(repair["expression"], dict.fromkeys(texts, "text"))
        if found.type != "text":
            raise Invalid(f"“{field}”的修复应得到文本，这里得到的是别的类型；转换类型由平台按目录进行。")
        value = _replace(found.root, field, value)
        # What a repair cannot read stays as it was written, so that the rule shows it.
        value = Operation("coalesce", (value, received), "text")
    nothing = typed.call("is_null_word", received)
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
    if cleaned.changing.get(field, "text") == "text":
        return "TRUE"
    return f"({quoted(field)} IS NOT NULL OR NOT {quoted(UNREAD + field)})"


def original(plan: Plan) -> str:
    """The rows as received with their numbers, limited to the sample that is wanted."""
    return f"(SELECT * FROM received WHERE {ROW} < {int(plan['sample'])})" if plan["sample"] else "received"


def numbers(plan: Plan, have: Mapping[str, str]) -> list[str]:
    return [ROW, *([SOURCE_ROW] if SOURCE_ROW in have and SOURCE_ROW not in plan["columns"] else [])]


def cast(name: str, kind: str, have: Mapping[str, str]) -> str:
    """The value of a field that was not received as text."""
    return f"CAST({quoted(name) if name in have else 'NULL'} AS {engine_type(kind)})"


def prepare(connection: Database, plan: Plan, as_of: date, rows: str = "") -> Cleaned:
    """Of `rows`, a FROM item (all that were received). Texts are repaired first, then read, then compared: what one step made
    the next one names, for an engine computes an expression as often as it is written."""
    have = received(connection)
    columns = plan["columns"]
    texts = {name: columns[name] for name in columns if have.get(name) == "VARCHAR"}
    kept_numbers = numbers(plan, have)
    others = [f"{cast(name, kind, have)} AS {quoted(name)}" for name, kind in columns.items() if name not in texts]
    settled = {name: call for name in texts if (call := settling(name, plan)) is not None}
    source = _looked(rows or original(plan), have, settled, as_of)
    mended_texts = _repaired(plan, list(texts), [*kept_numbers, *others], source, settled, as_of)
    read = _read(_looked_up(connection, mended_texts, plan, texts), texts, settled, as_of)
    mended = {repair["field"] for repair in plan["repairs"]}
    changes = [
        typed.changed_sql(quoted(RAW + name), kind, quoted(name), quoted(READ + name), quoted(TYPED + name))
        if kind != "text" or name in mended
        else f"{quoted(RAW + name)} IS NOT NULL AND {quoted(name)} IS NULL"  # a word for nothing is all that changes it
        for name, kind in texts.items()
    ]
    words = [
        " + ".join(
            f"CASE WHEN {each} THEN {1 << place} ELSE 0 END" for place, each in enumerate(changes[at : at + WORD])
        )
        for at in range(0, max(1, len(changes)), WORD)
    ]
    marks = [f"({each or '0'})::BIGINT AS __c{number}" for number, each in enumerate(words)]
    values = [f"{quoted(TYPED + name)} AS {quoted(name)}" if name in texts else quoted(name) for name in columns]
    unread = [
        f"{quoted(name)} IS NOT NULL AND {quoted(TYPED + name)} IS NULL AS {quoted(UNREAD + name)}"
        for name, kind in texts.items() if kind != "text"
    ]  # fmt: skip
    raw = [quoted(RAW + name) for name in texts]
    kept = [*kept_numbers, *columns, *(f"__c{number}" for number in range(len(words)))]
    fits = [quoted(FITS + name) for name in settled]
    return Cleaned(
        f"SELECT {', '.join([*kept_numbers, *values, *unread, *raw, *fits, *marks])} FROM ({read}) AS read", tuple(kept), texts,
        {call: FITS + name for name, call in settled.items()},
    )  # fmt: skip


def _looked(source: str, have: Iterable[str], settled: Mapping[str, Call], as_of: date) -> str:
    """The rows as received, and of fields that may be settled whether they are and what is left of them."""
    if not settled:
        return f"{source} AS received"
    sql, renderer = staged(list(settled.values()), DUCKDB, f"{source} AS received", as_of=as_of)
    looks = [f"{renderer.render(call)} AS {quoted(SETTLED + name)}" for name, call in settled.items()]
    left = ", ".join(
        f"CASE WHEN {quoted(SETTLED + name)} THEN NULL ELSE {quoted(name)} END AS {quoted(LEFT + name)}"
        for name in settled
    )
    return f"(SELECT *, {left} FROM (SELECT {', '.join([*map(quoted, have), *looks])} FROM {sql})) AS looked"


def _repaired(
    plan: Plan, texts: list[str], rest: list[str], source: str, settled: Mapping[str, Call], as_of: date
) -> str:
    """Every text as its repairs leave it, and as it was received."""
    values = {name: repaired(name, plan, set(texts), Column(LEFT * (name in settled) + name, "text")) for name in texts}
    sql, renderer = staged(list(values.values()), DUCKDB, source, as_of=as_of)
    out = []
    for name, value in values.items():
        mended = renderer.render(value)
        if name in settled:
            rest = [*rest, quoted(SETTLED + name), f"{mended} AS {quoted(MENDED + name)}"]
            mended = f"CASE WHEN {quoted(SETTLED + name)} THEN {quoted(name)} ELSE {mended} END"
        out.append(f"{mended} AS {quoted(name)}")
    return (
        f"SELECT {', '.join([*rest, *(f'{quoted(name)} AS {quoted(RAW + name)}' for name in texts), *out])} FROM {sql}"
    )


def _looked_up(connection: Database, repaired: str, plan: Plan, texts: Mapping[str, str]) -> str:
    """Values written otherwise by a table, each table over what the ones before left. The values are no part of the
    statement, which an error would quote."""
    for number, repair in enumerate(plan["repairs"]):
        if not repair["values"] or repair["field"] not in texts or not set(repair["by"]) <= texts.keys():
            continue
        field, keys = quoted(repair["field"]), [f"k{place}" for place in range(len(repair["by"]))]
        names, lists = [*keys, "old", "made"], list(map(list, zip(*repair["values"], strict=True)))
        made = ", ".join(f"unnest(?::VARCHAR[]) AS {name}" for name in names)
        connection.run(f"CREATE OR REPLACE TEMP TABLE __values_{number} AS SELECT {made}", lists)
        same = [f"{quoted(RAW + name)} = v.{key}" for name, key in zip(repair["by"], keys, strict=True)]
        same.append(f"coalesce(r.{field}, '') = v.old")
        repaired = (
            f"SELECT r.* REPLACE (coalesce(v.made, r.{field}) AS {field}) FROM ({repaired}) AS r LEFT JOIN "
            f"__values_{number} AS v ON {' AND '.join(same)}"
        )
    return repaired


def _read(repaired: str, texts: Mapping[str, str], settled: Mapping[str, Call], as_of: date) -> str:
    """The declared type's value of every text besides it, and whether what was repaired is right now."""
    readers = {name: typed.reader(kind, Column(name, "text")) for name, kind in texts.items()}
    # A reader of times is needed for odd writings only, so nothing of it is computed beforehand.
    nodes = [node for name, node in readers.items() if node is not None and texts[name] != "timestamp"]
    again = {name: Call(call.function, (Column(MENDED + name, "text"),), call.type) for name, call in settled.items()}
    sql, renderer = staged([*nodes, *again.values()], DUCKDB, f"({repaired}) AS repaired", as_of=as_of)
    out = ["*"]
    for name, call in again.items():
        out.append(
            f"CASE WHEN {quoted(SETTLED + name)} THEN TRUE ELSE {renderer.render(call)} END AS {quoted(FITS + name)}"
        )
    for name, kind in texts.items():
        node = readers[name]
        read = "" if node is None else renderer.render(node)
        out.append(f"{typed.value_sql(kind, quoted(name), read)} AS {quoted(TYPED + name)}")
        if kind.startswith("decimal"):
            out.append(f"{read} AS {quoted(READ + name)}")
    return f"SELECT {', '.join(out)} FROM {sql}"
