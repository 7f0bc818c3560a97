"""What a file's own values suggest as rules, each with its evidence; nothing is in force before a person agrees."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from yiwang.data.governance.jobs import corrections, dependencies, mending
from yiwang.data.governance.terms import MOST_VALUES
from yiwang.data.governance.terms.plans import literal, quoted
from yiwang.kernel.lake.functions import named
from yiwang.kernel.lake.process.task import Task
from yiwang.standards import functions  # noqa: F401 - registers the library
from yiwang.standards.functions.writing import date_or_null, is_null_word, number_or_null

MOST = 20_000
# (table, its key) → values of the key.
References = dict[tuple[str, str], set[str]]
# A rule is proposed when this share of the values that are there fulfil it.
HOLDS = 0.9
# template, function, words of a title that point to it.
CHECKS = (
    ("cn_id", "cn_id_ok", ("身份", "证件")), ("uscc", "uscc_ok", ("统一社会信用", "信用代码")), ("division", "division_ok", ("区划",)),
    ("mobile", "mobile_ok", ("手机",)), ("phone", "phone_ok", ("电话", "联系")), ("email", "email_ok", ("邮箱", "邮件")),
    ("plate", "plate_ok", ("车牌", "号牌")), ("org_code", "org_code_ok", ("机构代码",)), ("bank_card", "bank_card_ok", ("银行卡", "账号")),
    ("person_name", "person_name_ok", ("姓名", "法定代表人", "联系人")),
)  # fmt: skip
CHECKSUMS = frozenset({"cn_id", "uscc", "org_code", "bank_card"})
# Evidence that is itself a value of the table.
EXTREMES = frozenset({"smallest", "largest", "low", "high"})
WHYS = {
    "unit": "单位写法不一", "float": "整数写成了小数", "escape": "转义符号未还原", "empty": "用文字代替空值", "spilled": "内容串到邻列",
    "dependency": "与同组其他行不一致", "typo": "疑似错字",
}  # fmt: skip


def profile(
    task: Task, path: str, columns: dict[str, str], titles: dict[str, str], known: dict[str, tuple[str, list[str]]],
    sealed: list[str],
) -> list[dict[str, Any]]:  # fmt: skip
    """[{template, params, evidence, support, values}]. columns: field → declared type. known: table → (its key, its
    files), to look for references in. sealed: fields whose values may lie in `values` only, which are kept sealed."""
    database = task.connect([path, *(file for _, files in known.values() for file in files)])
    names = [name for name in columns if name in database.names(f"SELECT * FROM read_parquet({literal(path)})")]
    listed = ", ".join(f"coalesce(CAST({quoted(name)} AS VARCHAR), '')" for name in names)
    sampled = f"read_parquet({literal(path)}) USING SAMPLE reservoir({MOST} ROWS) REPEATABLE (7)"
    rows = database.rows(f"SELECT {listed} FROM {sampled}")
    references = {}
    for table, (key, files) in known.items():
        listing = ", ".join(map(literal, files))
        keys = database.rows(
            f"SELECT DISTINCT CAST({quoted(key)} AS VARCHAR) FROM read_parquet([{listing}]) LIMIT {10 * MOST}"
        )
        references[table, key] = {str(row[0]) for row in keys}
    database.close()
    texts = {name: [str(row[place]) for row in rows] for place, name in enumerate(names)}
    return suggest(texts, titles, references, frozenset(sealed))


def suggest(
    table: mending.Table, titles: dict[str, str] | None = None, references: References | None = None,
    sealed: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:  # fmt: skip
    """Proposals for a table of texts; empty text is nothing."""
    found: list[dict[str, Any]] = []
    for field, values in table.items():
        present = [value for value in values if not is_null_word(value)]
        if present:
            found += _column(field, (titles or {}).get(field, field), values, present)
            found += _referential(field, present, references or {})
    depends = dependencies.discover(table)
    found += [
        _proposal("dependency", {"fields": list(each.determinants), "dependent": each.dependent}, each.confidence,
                  {"rows": each.rows, "groups": each.groups, "confidence": each.confidence})
        for each in depends
    ]  # fmt: skip
    return [kept for each in found if (kept := _unsaid(each, sealed))] + _mends(table, depends)


def _unsaid(found: dict[str, Any], sealed: frozenset[str]) -> dict[str, Any] | None:
    """A proposal without values of sealed fields; nothing is left of one that consists of them."""
    if found["params"].get("field") not in sealed:
        return found
    said = {name: value for name, value in found["evidence"].items() if name not in EXTREMES}
    return None if found["template"] == "options" else {**found, "evidence": said}


def _proposal(template: str, params: dict[str, Any], support: float, evidence: dict[str, Any]) -> dict[str, Any]:
    return {"template": template, "params": params, "support": round(support, 6), "evidence": evidence}


def _share(values: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(value)) for value in values) / len(values)


def _column(field: str, title: str, values: list[str], present: list[str]) -> list[dict[str, Any]]:
    counted = Counter(present)
    filled = len(present) / len(values)
    evidence = {"rows": len(values), "present": len(present), "distinct": len(counted)}
    found = []
    if filled >= 0.98:
        found.append(_proposal("required", {"field": field}, filled, evidence))
    if len(counted) >= 0.999 * len(present) and len(present) >= 20 and filled >= HOLDS:
        found.append(_proposal("unique", {"fields": [field]}, len(counted) / len(present), evidence))
    if special := _standard(field, title, present, evidence):
        return [*found, special]
    return found + (_values(field, present, counted, evidence) or _typed(field, present, evidence))


def _standard(field: str, title: str, present: list[str], evidence: dict[str, Any]) -> dict[str, Any] | None:
    """A function of a standard, by values and name: values alone convince for a checksum, a name lowers the bar."""
    for template, name, words in CHECKS:
        function = named(name)
        share = _share(present, function) if function else 0.0
        named_so = any(word in title for word in words)
        if share >= (0.5 if named_so else 0.9 if template in CHECKSUMS else 0.97) and (
            named_so or template != "person_name"
        ):
            return _proposal(template, {"field": field}, share, {**evidence, "fits": share, "named": named_so})
    return None


def _values(field: str, present: list[str], counted: Counter[str], evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """A closed set of values."""
    usual = [value for value, count in counted.most_common() if count >= max(3, 0.002 * len(present))]
    share = sum(counted[value] for value in usual) / len(present)
    if (
        not 2 <= len(usual) <= 30
        or share < HOLDS
        or len(present) < 50
        or any("," in value or "，" in value for value in usual)
    ):
        return []
    return [_proposal("options", {"field": field, "values": usual}, share, {**evidence, "values": len(usual)})]


def _typed(field: str, present: list[str], evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Dates, numbers with their range, else the shape of the text."""
    dates = _share(present, lambda value: date_or_null(value) is not None and not value.isdigit())
    if dates >= HOLDS:
        return [_proposal("is_date", {"field": field}, dates, {**evidence, "fits": dates})]
    numbers = sorted(number for value in present if (number := number_or_null(value)) is not None)
    if len(numbers) >= HOLDS * len(present):
        low, high = (numbers[int(share * (len(numbers) - 1))] for share in (0.001, 0.999))
        seen = {**evidence, "smallest": numbers[0], "largest": numbers[-1], "low": low, "high": high}
        return [_proposal("is_number", {"field": field}, len(numbers) / len(present), seen)]
    return _shaped(field, present, evidence)


def shape(text: str) -> str:
    """A regular expression of classes: AB-12 → [A-Z]{2}-\\d{2}."""
    out: list[tuple[str, int]] = []
    for sign in text:
        kind = r"\d" if sign in "0123456789" else "[A-Z]" if "A" <= sign <= "Z" else "[a-z]" if "a" <= sign <= "z" else (
            r"\p{Han}" if "\u4e00" <= sign <= "\u9fff" else f"\\{sign}" if not sign.isalnum() and sign.isascii() and ord(sign) > 31 else "")  # fmt: skip
        if not kind:
            return ""
        out = [*out[:-1], (kind, out[-1][1] + 1)] if out and out[-1][0] == kind else [*out, (kind, 1)]
    return "".join(kind if count == 1 else f"{kind}{{{count}}}" for kind, count in out)


def _shaped(field: str, present: list[str], evidence: dict[str, Any]) -> list[dict[str, Any]]:
    shapes = Counter(shape(value) for value in present)
    chosen = [(pattern, count) for pattern, count in shapes.most_common(3) if pattern and count >= 0.05 * len(present)]
    share = sum(count for _, count in chosen) / len(present)
    if share < HOLDS or len(present) < 20:
        return []
    return [
        _proposal(
            "pattern",
            {"field": field, "pattern": "|".join(pattern for pattern, _ in chosen)},
            share,
            {**evidence, "fits": share},
        )
    ]


def _referential(field: str, present: list[str], references: References) -> list[dict[str, Any]]:
    distinct = set(present)
    return [
        _proposal("referential", {"fields": [field], "reference": table, "other_fields": [key]}, len(distinct & keys) / len(distinct),
                  {"distinct": len(distinct), "found": len(distinct & keys)})
        for (table, key), keys in references.items() if len(distinct) >= 3 and len(distinct & keys) >= 0.95 * len(distinct)
    ]  # fmt: skip


def _mends(table: mending.Table, depends: list[dependencies.Dependency]) -> list[dict[str, Any]]:
    """One proposal per field, kind of mistake and fields that give it away, with its table of values apart."""
    known = [(each.determinants, each.dependent, each.confidence) for each in depends]
    proposals = []
    for found in corrections.corrections(table, mending.mend(table, known), known):
        kept = found.values[:MOST_VALUES]
        values = [[*each.where, each.old, each.new, each.cells] for each in kept]
        cells = sum(each.cells for each in kept)
        evidence = {"why": WHYS[found.why], "cells": cells, "values": len(values)}
        support = 1 - cells / max(1, len(table[found.field]))
        params = {"field": found.field, "why": found.why, "by": list(found.by)}
        proposals.append({**_proposal("mend", params, support, evidence), "values": values})
    return proposals
