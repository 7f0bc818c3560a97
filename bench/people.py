"""A generated register of persons with planted dirt, written by DuckDB; support for other benchmarks."""

import duckdb

from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.standards.functions.persons import remainder_sql

TEXT = ("no", "name", "id_number", "sex", "joined", "phone", "division", "amount", "email", "address")
TYPED = {"joined": "date", "amount": "decimal(18,2)"}
RULES = (
    "no IS NOT NULL", "name IS NOT NULL AND length(name) BETWEEN 2 AND 50", "cn_id_ok(id_number)", "sex IN ('男', '女')", "joined IS NOT NULL",
    "joined <= today()", "phone IS NULL OR phone_ok(phone)", "division_ok(division)", "amount >= 0", "email IS NULL OR email_ok(email)",
    "id_number IS NULL OR NOT cn_id_ok(id_number) OR cn_id_sex(id_number) = sex", "id_number IS NULL OR cn_id_birth(id_number) < joined",
    "matches(no, '\\d+')", "address IS NULL OR NOT is_null_word(address)",
)  # fmt: skip


def columns(*, typed: bool) -> dict[str, str]:
    return {name: TYPED.get(name, "text") if typed else "text" for name in TEXT}


def sql(rows: int, *, typed: bool) -> str:
    """Dirt: 不详, O for 0, dates with slashes, a full-width telephone, repeated persons."""
    seventeen = (
        "420104 * 100000000000 + strftime(DATE '1950-01-01' + (h % 20000)::INT, '%Y%m%d')::BIGINT * 1000 + h2 % 1000"
    )
    check = f"substr('10X98765432', CAST({remainder_sql(DUCKDB, 'n')} AS INT) + 1, 1)"
    joined = "DATE '2000-01-01' + (i % 9000)::INT"
    dates = (
        joined
        if typed
        else f"CASE WHEN i % 10 = 0 THEN strftime({joined}, '%Y/%m/%d') ELSE strftime({joined}, '%Y-%m-%d') END"
    )
    amount = "(i % 100000 / 100.0)::DECIMAL(18,2)"
    return (
        "SELECT i::VARCHAR AS no, '张三' || (i % 1000) AS name, "
        f"CASE WHEN i % 50 = 0 THEN '不详' WHEN i % 37 = 0 THEN 'O' || n::VARCHAR ELSE n::VARCHAR || {check} END AS id_number, "
        f"CASE WHEN h2 % 2 = 1 THEN '男' ELSE '女' END AS sex, CAST({dates} AS {'DATE' if typed else 'VARCHAR'}) AS joined, "
        "CASE WHEN i % 100 = 3 THEN '无' ELSE '1390000' || (1000 + i % 9000) END AS phone, '420104' AS division, "
        f"{amount if typed else f'CAST({amount} AS VARCHAR)'} AS amount, 'abc' || i || '@x.cn' AS email, "
        "CASE WHEN i % 3 = 0 THEN '' ELSE '硚口区某街道' || i % 500 || '号' END AS address "
        f"FROM (SELECT i, h2, {seventeen} AS n FROM (SELECT i, (hash(i) % 1000000)::BIGINT AS h, (hash(i * 7) % 1000)::BIGINT AS h2 "
        f"FROM range({rows}) AS made(i)))"
    )


def write_people(path: str, rows: int, *, typed: bool, form: str = "parquet") -> None:
    duckdb.sql(f"COPY ({sql(rows, typed=typed)}) TO '{path}' (FORMAT {form})")
