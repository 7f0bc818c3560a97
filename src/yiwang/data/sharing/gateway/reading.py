"""What a call asks for, checked against the grant, as one parameterised statement over its serving table.

Names in a statement come from the grant and the table only; values always travel as parameters.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from psycopg import sql

from yiwang.data.sharing.gateway.cells import CELL
from yiwang.data.sharing.gateway.refusals import Refusal
from yiwang.data.sharing.gateway.store import MARK, Entry
from yiwang.kernel.crypto import CryptoProblem, decrypt, encrypt, macs
from yiwang.kernel.crypto.masks import in_form

LONGEST_VALUE, MOST_FIELDS, MOST_BODY, SMALLEST_PAGE = 400, 200, 64 * 1024, 50
OWN = ("fields", "limit", "after")
BIGGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wish:
    """`key` are values of the table's key fields in their order, or None for a page of the table."""

    fields: tuple[str, ...]
    key: tuple[Any, ...] | None
    limit: int
    after: tuple[Any, ...]


def _query(query: bytes) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=50,
                          errors="strict")  # fmt: skip
    except ValueError as error:
        raise Refusal("query", "请求参数无法解析：须为 UTF-8 的百分号编码，至多 50 项。") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal("query", "同一参数给了两次。")
    return found


def _body(body: bytes) -> dict[str, str]:
    if len(body) > MOST_BODY:
        raise Refusal("size")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal("query", "请求体不是 JSON。") from error
    if not isinstance(found, dict):
        raise Refusal("query", "请求体须为 JSON 对象。")
    if isinstance(found.get("fields"), list) and all(isinstance(each, str) for each in found["fields"]):
        found["fields"] = ",".join(found["fields"])
    if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in found.values()):
        raise Refusal("query", "参数值须为文字或整数。")
    return {name: str(value) for name, value in found.items()}


def wish(entry: Entry, method: str, query: bytes, body: bytes) -> Wish:
    """The wish of a call, or a refusal that names what is wrong with it."""
    if method == "POST":
        if query:
            raise Refusal("query", "POST 的参数只放在请求体里。")
        given = _body(body)
    else:
        if body:
            raise Refusal("query", "GET 不带请求体。")
        given = _query(query)
    unknown = [name for name in given if name not in OWN and name not in entry.keys]
    if unknown:
        raise Refusal("query", f"没有参数“{unknown[0][:40]}”：只能按键字段（{'、'.join(entry.keys)}）查询。")
    fields = _fields(entry, given.get("fields"))
    asked = [name for name in entry.keys if name in given]
    if not asked:
        return _page(entry, fields, given)
    if len(asked) != len(entry.keys):
        raise Refusal("query", f"按键查询须给齐键字段：{'、'.join(entry.keys)}。")
    if "limit" in given or "after" in given:
        raise Refusal("query", "按键查询不分页。")
    return Wish(fields, tuple(value(entry.types[name], name, given[name]) for name in entry.keys), 0, ())


def _fields(entry: Entry, asked: str | None) -> tuple[str, ...]:
    if asked is None:
        return entry.shown
    names = asked.split(",")
    if len(names) > MOST_FIELDS or len(set(names)) != len(names):
        raise Refusal("query", "fields 中字段过多或重复。")
    outside = [name for name in names if name not in entry.shown]
    if outside:
        raise Refusal("field", f"字段“{outside[0][:40]}”不在授权范围内。")
    return tuple(names)


def _page(entry: Entry, fields: tuple[str, ...], given: Mapping[str, str]) -> Wish:
    if not entry.page_rows:
        raise Refusal("listing")
    text = given.get("limit", str(min(entry.page_rows, SMALLEST_PAGE)))
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise Refusal("query", "limit 须为正整数。")
    if int(text) > entry.page_rows:
        raise Refusal("size", f"limit 超过授权的每页 {entry.page_rows} 行。")
    return Wish(fields, None, int(text), _after(entry, given.get("after", "")))


def _after(entry: Entry, text: str) -> tuple[Any, ...]:
    if not text:
        return ()
    try:
        found = json.loads(decrypt(text, _context(entry)))
    except CryptoProblem as error:
        raise Refusal("query", "after 不是上一页给出的标记。") from error
    if len(found) != len(entry.keys):
        raise Refusal("query", "after 是换键以前的标记，请从头读取。")
    return tuple(value(entry.types[name], name, one) for name, one in zip(entry.keys, found, strict=True))


def _context(entry: Entry) -> str:
    return f"sharing.after.{entry.grant_id}"


def after(entry: Entry, values: tuple[Any, ...]) -> str:
    """The mark of a page's last row. Sealed: its key may be masked in this grant, or not granted at all."""
    return encrypt(json.dumps([str(one) for one in values], ensure_ascii=False), _context(entry))


def value(kind: str, name: str, text: str) -> Any:
    """A parameter of the column's own type; text of another shape is refused, never handed on."""
    if len(text) > LONGEST_VALUE or "\x00" in text or not text.isprintable():
        raise Refusal("query", f"“{name}”的值过长或含控制字符。")
    return _typed(kind, name, text)


def _typed(kind: str, name: str, text: str) -> Any:
    try:
        if kind == "integer":
            number = int(text) if text.lstrip("-").isdecimal() and text.isascii() else BIGGEST + 1
            if abs(number) > BIGGEST:
                raise ValueError(text)
            return number
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        if kind == "date":
            return date.fromisoformat(text)
        if kind == "timestamp":
            return datetime.fromisoformat(text)
        if kind.startswith("decimal"):
            amount = Decimal(text)
            if not amount.is_finite():
                raise ValueError(text)
            return amount
    except (ValueError, InvalidOperation) as error:
        raise Refusal("query", f"“{name}”的值与字段类型（{kind}）不符。") from error
    return text


def _names(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def filter_column(grant_id: int) -> str:
    """Where a table says whether a row is within a grant whose filter concerns sealed columns."""
    return f"_g{grant_id}"


def _filtered(entry: Entry) -> tuple[sql.Composable, list[str]]:
    if filter_column(entry.grant_id) in entry.types:
        return sql.SQL(" AND {}").format(sql.Identifier(filter_column(entry.grant_id))), []
    # The only text that is not a name or a parameter: compiled from a parsed expression when the grant was given.
    return sql.SQL(f" AND ({entry.filter_sql})" if entry.filter_sql else ""), list(entry.filter_values)


def _chosen(entry: Entry) -> sql.Composed:
    """Keys first, then what is shown; of a sealed table the cell that holds the rest."""
    if entry.sealed is None:
        return _names(entry.keys + entry.shown)
    return _names((*entry.keys, *(name for name in entry.shown if name not in entry.sealed.sealed), CELL))


def opened(entry: Entry, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows as asked for, keys first. Raises CryptoProblem when a cell is not what was put there."""
    if entry.sealed is None:
        return rows
    hidden, width = entry.sealed.sealed, len(entry.keys)
    plain = [name for name in entry.shown if name not in hidden]
    made = []
    for row in rows:
        cell = entry.sealed.open(row[:width], row[-1])
        found = {name: text if text is None else _typed(entry.types[name], name, text)
                 for name, text in cell.items()}  # fmt: skip
        found |= dict(zip(plain, row[width:-1], strict=True))
        found |= {name: row[place] for place, name in enumerate(entry.keys) if name not in hidden}
        made.append(tuple(found[name] for name in entry.keys + entry.shown))
    return made


def stored_key(entry: Entry, key: tuple[Any, ...]) -> tuple[Any, ...]:
    """A key as the table has it."""
    if entry.sealed is None:
        return key
    named = zip(entry.keys, key, strict=True)
    return tuple(entry.sealed.key(name, str(one)) if name in entry.sealed.sealed else one for name, one in named)


def _stored_type(entry: Entry, name: str) -> str:
    return "text" if entry.sealed is not None and name in entry.sealed.sealed else entry.types[name]


def _parameter(text: str) -> sql.Composable:
    return sql.SQL(text)


CASTS = {"integer": "bigint", "date": "date", "timestamp": "timestamp", "boolean": "boolean"}


def cast_of(kind: str) -> str:
    return "numeric" if kind.startswith("decimal") else CASTS.get(kind, "text")


def lookup(entry: Entry, keys: list[tuple[Any, ...]]) -> tuple[sql.Composed, list[Any]]:
    """All rows of several keys at once; the key's columns come first in each row."""
    arrays = sql.SQL(", ").join(_parameter(f"%s::{cast_of(_stored_type(entry, name))}[]") for name in entry.keys)
    within, values = _filtered(entry)
    if len(entry.keys) == 1:
        condition = sql.SQL("{} = ANY({})").format(sql.Identifier(entry.keys[0]), arrays)
    else:
        condition = sql.SQL("({}) IN (SELECT * FROM unnest({}))").format(_names(entry.keys), arrays)
    text = sql.SQL("SELECT {} FROM {} WHERE {}{}").format(
        _chosen(entry), sql.Identifier("serving", entry.table), condition, within
    )
    asked = [stored_key(entry, key) for key in keys]
    return text, [*(list(column) for column in zip(*asked, strict=True)), *values]


def page(entry: Entry, asked: Wish) -> tuple[sql.Composed, list[Any]]:
    """One page by key, with one row more to know whether there is another."""
    beyond: sql.Composable = sql.SQL("TRUE")
    if asked.after:
        marks = sql.SQL(", ").join(_parameter(f"%s::{cast_of(_stored_type(entry, name))}") for name in entry.keys)
        beyond = sql.SQL("({}) > ({})").format(_names(entry.keys), marks)
    within, values = _filtered(entry)
    text = sql.SQL("SELECT {} FROM {} WHERE {}{} ORDER BY {} LIMIT %s").format(
        _chosen(entry), sql.Identifier("serving", entry.table), beyond, within, _names(entry.keys)
    )
    return text, [*(stored_key(entry, asked.after) if asked.after else ()), *values, asked.limit + 1]


def shown(entry: Entry, asked: Wish, rows: list[tuple[Any, ...]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows as they leave, masked, and the marks of objections that concern the fields shown."""
    width = len(entry.keys)
    places = [(name, width + entry.shown.index(name), entry.masks.get(name)) for name in asked.fields]
    left = [
        {name: row[at] if kind is None or row[at] is None else in_form(kind, str(row[at])) for name, at, kind in places}
        for row in rows
    ]
    marks: dict[str, Any] = {}
    if entry.marks:
        for position, row in enumerate(rows):
            digests = macs("|".join(str(one) for one in row[:width]).encode(), MARK)
            found = next((entry.marks[each] for each in digests if each in entry.marks), {})
            visible = {name: text for name, text in found.items() if name in asked.fields}
            if visible:
                marks[str(position)] = visible
    return left, marks
