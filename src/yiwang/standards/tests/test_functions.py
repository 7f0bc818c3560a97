"""Every engine's verdict is the reference's, on a corpus of at least 200 rules."""

import re

import duckdb
import pyarrow as pa
import pytest
from stdnum.cn import ric, uscc

from yiwang.kernel.lake import functions, parity
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, parse, selection, staged
from yiwang.standards import corpus
from yiwang.standards.functions import divisions, organisations, persons

RULES = [condition(text, corpus.COLUMNS) for text in corpus.rules()]
ROWS = corpus.rows(900)
ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    "decimal(18,4)": pa.decimal128(18, 4),
}


@pytest.fixture(scope="module")
def expected() -> list[parity.Verdicts]:
    return parity.by_python(RULES, ROWS, corpus.AS_OF)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    schema = pa.schema([(name, ARROW[kind]) for name, kind in corpus.COLUMNS.items()])
    return pa.Table.from_pylist(ROWS, schema).append_column(parity.NUMBER, pa.array(range(len(ROWS))))


def test_duckdb_judges_as_the_reference(table: pa.Table, expected: list[parity.Verdicts]) -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", table)
        found = parity.by_engine(lambda sql: connection.execute(sql).fetchall(), DUCKDB, "rows", RULES, corpus.AS_OF)
    assert len(RULES) >= 200
    assert parity.differences(RULES, ROWS, expected, found) == []


def test_the_corpus_decides_something(expected: list[parity.Verdicts]) -> None:
    """Each rule has rows that pass; nearly all also have rows that do not."""
    verdicts = list(zip(*expected, strict=True))
    never = [rule.text for rule, column in zip(RULES, verdicts, strict=True) if True not in column]
    always = [rule.text for rule, column in zip(RULES, verdicts, strict=True) if set(column) == {True}]
    assert len(never) <= len(RULES) // 10, never
    assert len(always) <= len(RULES) // 5, always


FULL = str.maketrans("0123456789X-", "０１２３４５６７８９Ｘ－")
LENGTHS = ("length(name) BETWEEN 0 AND 3", "name IS NULL OR length(name) <= 2", "备注 IS NOT NULL AND (length(备注) < 4 OR length(id) <= 18)",
           "NOT length(name) <= 3", "length(name) >= 2 OR length(name) = 0", "name IS NULL OR length(name) >= 0 AND length(name) <= 1")  # fmt: skip


def test_what_is_surely_true_is_true(table: pa.Table) -> None:
    """The cheap condition never holds where the rule does not, and it is not always in doubt."""
    sure = 0
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", table)
        for rule in (*(condition(text, corpus.COLUMNS) for text in LENGTHS), *RULES[::8]):
            source, renderer = staged([rule.root], DUCKDB, "rows", as_of=corpus.AS_OF)
            cheap, whole = renderer.surely(rule.root), renderer.render(rule.root)
            counted = f"SELECT count(*), count(*) FILTER (WHERE ({whole}) IS NOT TRUE) FROM {source} WHERE {cheap}"  # noqa: S608
            held, wrongly = connection.execute(counted).fetchall()[0]
            assert wrongly == 0, rule.text
            sure += held
    assert sure > len(ROWS)


def test_inline_sql_equals_staged_sql(table: pa.Table) -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", table)
        for rule in RULES[::12]:
            inline = connection.execute(f"SELECT {rule.duckdb(corpus.AS_OF)} FROM rows").fetchall()  # noqa: S608
            assert [row[0] for row in inline] == [rule.evaluate(row, corpus.AS_OF) for row in ROWS], rule.text


def test_a_selection_of_nested_calls_stays_short_and_gives_what_the_reference_gives(table: pa.Table) -> None:
    """Each template repeats its argument: three calls in one another, written out, are a megabyte."""
    values = {
        "valid": parse("CASE WHEN cn_id_ok(cn_id_upgrade(half_width(id))) THEN cn_id_upgrade(id) END", corpus.COLUMNS),
        "again": parse("cn_id_upgrade(half_width(id))", corpus.COLUMNS),
    }
    where = condition("cn_id_upgrade(id) IS NOT NULL", corpus.COLUMNS)
    sql = selection(values, "rows", where=where, as_of=corpus.AS_OF)
    assert len(sql) < 50_000
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", table)
        found = connection.execute(sql).fetchall()
    expected = [
        tuple(each.evaluate(row, corpus.AS_OF) for each in values.values())
        for row in ROWS
        if where.evaluate(row, corpus.AS_OF)
    ]
    assert found == expected and any(valid for valid, _ in found)


def test_identity_numbers_agree_with_another_implementation() -> None:
    candidates = [row["id"] for row in ROWS if row["id"] and re.fullmatch("[0-9]{17}[0-9X]", row["id"])]
    assert len(candidates) > 60
    for text in candidates:
        assert not persons.cn_id_ok(text) or ric.calc_check_digit(text) == text[17]
        if text[:6] in divisions.known_codes() and ric.is_valid(text):
            assert persons.cn_id_ok(text), text


def test_credit_codes_agree_with_another_implementation() -> None:
    candidates = [row["uscc"] for row in ROWS if row["uscc"] and re.fullmatch(organisations.SHAPE, row["uscc"])]
    assert len(candidates) > 30
    assert [organisations.uscc_ok(text) for text in candidates] == [uscc.is_valid(text) for text in candidates]


def test_what_a_verdict_leaves_alone_comes_back_as_it_was() -> None:
    """Repairs are not looked at where the verdict holds of what was received."""
    texts = {str(value) for row in ROWS for value in row.values() if value is not None}
    texts |= {f"{text}{sign}" for text in texts for sign in " 　'"} | {text.translate(FULL) for text in texts}
    nothing = functions.named("is_null_word")
    assert nothing is not None
    for verdict in functions.registered():
        accepted = [text for text in texts if verdict.leaves and verdict(text) is True]
        assert bool(accepted) == bool(verdict.leaves), verdict.name
        for name in verdict.leaves:
            repair = functions.named(name)
            assert repair is not None, name
            assert [text for text in accepted if repair(text) != text or nothing(text)] == [], (verdict.name, name)


def test_every_function_says_what_it_does() -> None:
    for function in functions.registered():
        assert function.doc.endswith("。"), function.name


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("cn_id_ok", "11010519491231002X", True),
        ("cn_id_ok", "11010519491231002x", False),
        ("cn_id_ok", "110105194912310021", False),
        ("cn_id_upgrade", "110105491231002", "11010519491231002X"),
        ("cn_id_upgrade", "１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
        ("cn_id_sex", "11010519491231002X", "女"),
        ("uscc_ok", "91110000600037341L", True),
        ("uscc_ok", "91110000600037341M", False),
        ("division_ok", "420104", True),
        ("division_ok", "110103", False),
        ("division_known", "110103", True),
        ("number_text", "￥１，２３４．５０元", "1234.50"),
        ("zero_for_o", "42O1O4", "420104"),
        ("zero_for_o", "OK", "OK"),
        ("is_null_word", "　不详 ", True),
        ("is_null_word", "无锡", False),
        ("bank_card_ok", "6222600260001072444", True),
        ("phone_ok", "027-85750000", True),
        ("plate_ok", "鄂AD12345", True),
    ],
)
def test_known_values(name: str, text: str, expected: object) -> None:
    function = functions.named(name)
    assert function is not None
    assert function(text) == expected
