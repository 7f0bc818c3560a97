"""Invented rows for any resource, with planted errors whose truth is kept. Runs in the engine process.

Nobody in these rows exists: identity numbers have a valid check digit (GB 11643-1999) over an area code that is not
given out, codes of organisations a valid one (GB 32100-2015) over serial numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import engine_type
from yiwang.kernel.tables.words import name, quoted

SHARE = 10_000
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "明华建国秀英志强晓丽文博雨桐海燕永刚思远佳宁立新春梅俊杰雅琴振东"
PLACES = ("望江街道解放路", "青枫街道人民路", "柳荫街道和平巷", "石桥街道工业路", "南湖街道湖滨路", "河西街道滨河路")
# Which items say who a record is about and what it is, how many records a person has, and the office of each matter.
SUBJECT, MATTERS_IN, OFFICE_IN, RECORDS = {"id_number", "person_name"}, ("kind", "status", "result"), "handler", 8
OFFICES = {
    "新办": "审批一科",
    "变更": "审批一科",
    "延续": "审批二科",
    "注销": "审批二科",
    "补证": "档案科",
    "查阅": "档案科",
}
# Planted: what is wrong, which column it needs, and its SQL over the good value and the row number.
PLANTS = {
    "key_empty": ("key", "NULL"),
    "key_twice": ("key", "{before}"),
    "identity_wrong": ("id_number", "substr({good}, 1, 17) || CASE WHEN right({good}, 1) = '0' THEN '1' ELSE '0' END"),
    "date_impossible": ("date", "'2025-02-30'"),
}


def _checked_identity(i: str = "i", h: str = "h") -> str:
    """17 digits and their check digit."""
    body = f"('119901' || strftime(DATE '1950-01-01' + ({h} % 25000)::INT, '%Y%m%d') || lpad(({i} % 1000)::VARCHAR, 3, '0'))"
    weights = [2 ** (17 - place) % 11 for place in range(17)]
    total = " + ".join(f"substr({body}, {place}, 1)::INT * {weight}" for place, weight in enumerate(weights, 1))
    return f"{body} || substr('10X98765432', ({total}) % 11 + 1, 1)"


def _checked_organisation() -> str:
    """17 characters and their check character."""
    body = "('91990101MA' || upper(lpad(to_base(i % 31381059609, 10), 7, '0')))"
    weights = [3**place % 31 for place in range(17)]
    total = " + ".join(
        f"(instr('{ALPHABET}', substr({body}, {place}, 1)) - 1) * {weight}" for place, weight in enumerate(weights, 1)
    )
    return f"{body} || substr('{ALPHABET}', (31 - ({total}) % 31) % 31 + 1, 1)"


def _pick(words: Sequence[str], over: str) -> str:
    return f"[{', '.join(map(quoted, words))}][1 + ({over}) % {len(words)}]"


def _person(h: str = "h") -> str:
    return f"{_pick(list(SURNAMES), h)} || {_pick(list(GIVEN), f'{h} // 64')} || {_pick(list(GIVEN), f'{h} // 4096')}"


def _handling(items: Sequence[Mapping[str, Any]], seed: int) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Values of a table of what was done for people, some records a person, each kind of matter in one office; and slips
    in it that the rest of the table gives away: (column, SQL of the wrong value)."""
    names = {item["name"] for item in items}
    known: dict[str, str] = {}
    slips: list[tuple[str, str]] = []
    if names >= SUBJECT:
        person, h = f"(i // {RECORDS})", f"(hash(i // {RECORDS}, {seed + 3}) % 1000000007)::BIGINT"
        known |= {"id_number": _checked_identity(person, h), "person_name": _person(h)}
        slips += [("person_name", f"left({known['person_name']}, 2) || '萬'"), ("person_name", "''")]
    matter = next((name for name in MATTERS_IN if name in names), "")
    if matter and OFFICE_IN in names:
        place = "h // 16"
        known |= {matter: _pick(list(OFFICES), place), OFFICE_IN: _pick(list(OFFICES.values()), place)}
        slips.append((OFFICE_IN, _pick(list(OFFICES.values()), f"{place} + 2")))
    return known, slips


def good(item: Mapping[str, Any]) -> str:
    """SQL of a believable value, from the row number i and its hash h."""
    known = {
        "id_number": _checked_identity(), "uscc": _checked_organisation(), "person_name": _person(),
        "phone": "'139' || lpad((h % 100000000)::VARCHAR, 8, '0')", "division_code": "'110101'",
        "address": f"{_pick(PLACES, 'h')} || (h % 900 + 1)::VARCHAR || '号'", "sex": "['男', '女'][1 + h % 2]",
        "longitude": "(116.3 + h % 3000 / 10000.0)::DECIMAL(9, 4)::VARCHAR", "latitude": "(39.8 + h % 2000 / 10000.0)::DECIMAL(9, 4)::VARCHAR",
        "subject_name": f"'示例' || {_pick(list(GIVEN), 'h')} || {_pick(list(GIVEN), 'h // 64')} || '有限公司' || (i % 97)::VARCHAR",
    }  # fmt: skip
    kinds = {
        "integer": "(h % 500)::VARCHAR", "decimal": "round(h % 10000000 / 100.0, 2)::VARCHAR", "boolean": "['是', '否'][1 + h % 2]",
        "date": _dates(), "timestamp": "strftime(TIMESTAMP '2025-01-01' + to_seconds(h % 25000000), '%Y-%m-%d %H:%M:%S')",
    }  # fmt: skip
    if item["is_key"]:
        return "'DJ' || lpad(i::VARCHAR, 9, '0')"
    if item["name"] in known:
        return known[item["name"]]
    return kinds.get(item["data_type"], f"{quoted(item['title'])} || (h % 300)::VARCHAR")


def _dates() -> str:
    """The ways officers write a date; all of them can be read."""
    day = "(DATE '2024-01-01' + (h % 700)::INT)"
    return (
        f"CASE WHEN h % 40 = 0 THEN strftime({day}, '%Y/%m/%d') WHEN h % 40 = 1 THEN strftime({day}, '%Y年%m月%d日') "
        f"WHEN h % 40 = 2 THEN '无' ELSE strftime({day}, '%Y-%m-%d') END"
    )


def plan(items: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """(plant, column, SQL) for what these items allow."""
    columns = {
        "key": next((item["name"] for item in items if item["is_key"]), ""),
        "id_number": next((item["name"] for item in items if item["name"] == "id_number"), ""),
        "date": next((item["name"] for item in items if item["data_type"] == "date"), ""),
    }
    return [(plant, columns[needs], text) for plant, (needs, text) in PLANTS.items() if columns[needs]]


def brought(task: Task, tables: list[dict[str, Any]], seed: int) -> list[int]:
    """Good rows of several tables at once, `{n}.parquet` each. tables[{items, columns{name: type}, rows}]; the rows of each."""
    connection, made = task.connect(), []
    for number, table in enumerate(tables):
        columns = ", ".join(
            f"{_read(f'({good(item)})', table['columns'][item['name']])} AS {name(item['name'])}"
            for item in table["items"]
        )
        made.append(
            connection.run(
                f"COPY (SELECT {columns} FROM (SELECT i, (hash(i, {seed + number}) % 1000000007)::BIGINT AS h "  # noqa: S608
                f"FROM range(1, {int(table['rows']) + 1}) t(i))) TO {quoted(str(task.folder / f'{number}.parquet'))} (FORMAT parquet)"
            )
        )
    connection.close()
    return made


def _read(value: str, kind: str) -> str:
    """The written value as the column's type."""
    if kind == "boolean":
        return f"({value} = '是')"
    if kind == "date":
        return f"TRY_CAST(regexp_replace(replace(replace(replace({value}, '年', '-'), '月', '-'), '日', ''), '/', '-', 'g') AS DATE)"
    return value if kind == "text" else f"CAST({value} AS {engine_type(kind)})"


def write(
    task: Task, out: str, items: list[dict[str, Any]], rows: int, seed: int, bad: int, start: int = 0, slips: int | None = None,
) -> dict[str, int]:  # fmt: skip
    """A CSV in the folder, `bad` rows of 10,000 with one planted error each; the truth: {plant: rows}. With `slips`, what
    was done for people (`_handling`), so many rows of 10,000 with a slip; with 0 of them the same rows as they should be."""
    connection = task.connect()
    known, wrongs = ({}, []) if slips is None else _handling(items, seed)
    plants = plan(items)
    connection.run(
        f"CREATE TEMP TABLE made AS SELECT i, h, CASE WHEN hash(i, {seed + 1}) % {SHARE} < {bad} "  # noqa: S608
        f"THEN hash(i, {seed + 2}) % {len(plants)} ELSE 99 END AS plant "
        f"FROM (SELECT i + {start} AS i, (hash(i + {start}, {seed}) % 1000000007)::BIGINT AS h FROM range(1, {rows + 1}) t(i))"
    )
    columns = []
    for item in items:
        value = f"({known.get(item['name']) or good(item)})"
        for number, (column, wrong) in enumerate(wrongs):
            if column == item["name"]:
                value = f"(CASE WHEN hash(i, {seed + 4}) % {SHARE} < {slips} AND i % {len(wrongs)} = {number} THEN {wrong} ELSE {value} END)"
        for number, (_, column, text) in enumerate(plants):
            if column == item["name"]:
                wrong = text.format(good=value, before="'DJ' || lpad((i - 1)::VARCHAR, 9, '0')")
                value = f"(CASE WHEN plant = {number} THEN {wrong} ELSE {value} END)"
        columns.append(f"{value} AS {name(item['title'])}")
    connection.run(
        f"COPY (SELECT {', '.join(columns)} FROM made ORDER BY i) TO {quoted(str(task.folder / out))} (FORMAT csv, HEADER true)"  # noqa: S608
    )
    counted = dict(connection.rows("SELECT plant, count(*) FROM made WHERE plant < 99 GROUP BY plant"))
    connection.close()
    return {plant: int(counted.get(number, 0)) for number, (plant, _, _) in enumerate(plants)}
