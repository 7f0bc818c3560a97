"""What a batch looks like, by column. Large batches are profiled by a sample, and the profile says so."""

from pathlib import Path
from typing import Any

from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.tables.words import NULL_WORDS, masked, name, quoted

SAMPLED_ABOVE, SAMPLE = 200_000, 50_000
KINDS = {
    "identity": ("公民身份号码", r"[0-9]{17}[0-9Xx]"),
    "old_identity": ("15 位身份号码", r"[0-9]{15}"),
    "phone": ("手机号码", r"1[3-9][0-9]{9}"),
    "date": ("日期", r"[12][0-9]{3}[-/.年](0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12][0-9]|3[01])日?( .*)?|[12][0-9]{3}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"),
    "serial_date": ("疑似表格日期序列值", r"[234][0-9]{4}"),
    "integer": ("整数", r"[-+]?[0-9]+"),
    "decimal": ("小数", r"[-+]?[0-9]*\.[0-9]+([Ee][-+]?[0-9]+)?"),
}  # fmt: skip


def of(con: Connection, path: Path, fields: list[str]) -> list[dict[str, Any]]:
    """[{field, rows, sampled, filled, null_words{word: n}, distinct, shortest, longest, least, most, kind, kind_share, masked[]}]"""
    source = f"read_parquet({quoted(str(path))})"
    total = con.rows(f"SELECT count(*) FROM {source}")[0][0]  # noqa: S608
    if total > SAMPLED_ABOVE:
        step = total // SAMPLE
        con.run(
            f"CREATE OR REPLACE TEMP TABLE looked_at AS SELECT {', '.join(map(name, fields))} "  # noqa: S608
            f"FROM read_parquet({quoted(str(path))}, file_row_number=true) WHERE file_row_number % {step} = 0"
        )
        source = "looked_at"
    return [_column(con, source, field, total) for field in fields]


def _column(con: Connection, source: str, field: str, total: int) -> dict[str, Any]:
    words = ", ".join(quoted(word) for word in NULL_WORDS)
    tests = ", ".join(f"count(*) FILTER (WHERE regexp_full_match(v, {quoted(test)}))" for _, test in KINDS.values())
    rows = con.rows(
        f"WITH t AS (SELECT trim({name(field)}) AS v FROM {source}) "  # noqa: S608
        "SELECT count(*), count(v), approx_count_distinct(v), min(length(v)), max(length(v)), min(v), max(v), "
        f"count(*) FILTER (WHERE lower(v) IN ({words})), {tests} FROM t"
    )[0]
    seen, filled, distinct, shortest, longest, least, most, nulls = rows[:8]
    real = filled - nulls
    kinds = dict(zip(KINDS, rows[8:], strict=True))
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
