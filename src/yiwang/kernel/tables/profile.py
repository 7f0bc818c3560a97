"""What a batch looks like, by column. Large batches are profiled by a sample, and the profile says so."""

from typing import Any

from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.tables.words import NULL_WORDS, masked, name, quoted

SAMPLED_ABOVE, SAMPLE = 200_000, 50_000
# name, pattern, and what is seen sooner of every text the pattern fits.
KINDS = {
    "identity": ("公民身份号码", r"[0-9]{17}[0-9Xx]", "strlen(v) = 18"),
    "old_identity": ("15 位身份号码", r"[0-9]{15}", "strlen(v) = 15"),
    "phone": ("手机号码", r"1[3-9][0-9]{9}", "strlen(v) = 11"),
    "date": ("日期", r"[12][0-9]{3}[-/.年](0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12][0-9]|3[01])日?( .*)?|[12][0-9]{3}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])",
             "v >= '1' AND v < '3'"),
    "serial_date": ("疑似表格日期序列值", r"[234][0-9]{4}", "strlen(v) = 5"),
    "integer": ("整数", r"[-+]?[0-9]+", "v < ':'"),
    "decimal": ("小数", r"[-+]?[0-9]*\.[0-9]+([Ee][-+]?[0-9]+)?", "v < ':' AND contains(v, '.')"),
}  # fmt: skip


def of(con: Connection, fields: list[str]) -> list[dict[str, Any]]:
    """Of table `received`, which has `__row`:
    [{field, rows, sampled, filled, null_words{word: n}, distinct, shortest, longest, least, most, kind, kind_share, masked[]}]"""
    source, total = "received", con.value("SELECT count(*) FROM received")
    if total > SAMPLED_ABOVE:
        source = "looked_at"
        con.run(
            f"CREATE OR REPLACE TEMP TABLE looked_at AS SELECT {', '.join(map(name, fields))} "  # noqa: S608
            f"FROM received WHERE __row % {total // SAMPLE} = 0"
        )
    counted = {row[0]: row[1:] for row in con.rows(" UNION ALL ".join(_counts(source, field) for field in fields))}
    return [_column(con, source, field, total, counted[field]) for field in fields]


def _counts(source: str, field: str) -> str:
    words = ", ".join(quoted(word) for word in NULL_WORDS)
    tests = ", ".join(
        f"count(CASE WHEN {sooner} THEN nullif(regexp_full_match(v, {quoted(test)}), FALSE) END)"
        for _, test, sooner in KINDS.values()
    )
    return (
        f"SELECT {quoted(field)}, count(*), count(v), approx_count_distinct(v), min(length(v)), max(length(v)), min(v), max(v), "  # noqa: S608
        f"count(*) FILTER (WHERE lower(v) IN ({words})), {tests} FROM (SELECT trim({name(field)}) AS v FROM {source})"
    )


def _column(con: Connection, source: str, field: str, total: int, counted: tuple[Any, ...]) -> dict[str, Any]:
    words = ", ".join(quoted(word) for word in NULL_WORDS)
    seen, filled, distinct, shortest, longest, least, most, nulls = counted[:8]
    real = filled - nulls
    kinds = dict(zip(KINDS, counted[8:], strict=True))
    kind = next((code for code in KINDS if real and kinds[code] >= real * 0.8), "text")
    return {
        "field": field, "rows": total, "sampled": seen if seen < total else 0, "filled": filled, "null_words": _nulls(con, source, field, words) if nulls else {},
        "distinct": min(distinct, filled), "shortest": shortest or 0, "longest": longest or 0,
        "least": masked(least), "most": masked(most), "kind": kind,
        "kind_name": KINDS[kind][0] if kind in KINDS else "文本", "kind_share": round(kinds.get(kind, 0) / real, 4) if real else 0,
        "masked": _sample(con, source, field, words),
    }  # fmt: skip


def _nulls(con: Connection, source: str, field: str, words: str) -> dict[str, int]:
    rows = con.rows(
        f"SELECT trim({name(field)}), count(*) FROM {source} WHERE lower(trim({name(field)})) IN ({words}) "  # noqa: S608
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
    )
    return dict(rows)


def _sample(con: Connection, source: str, field: str, words: str) -> list[str]:
    rows = con.rows(
        f"SELECT DISTINCT v FROM (SELECT trim({name(field)}) AS v FROM {source} LIMIT 200) "  # noqa: S608
        f"WHERE v <> '' AND lower(v) NOT IN ({words}) ORDER BY v LIMIT 3"
    )
    return [masked(value) for (value,) in rows]
