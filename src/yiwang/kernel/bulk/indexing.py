"""An index by bigrams over the joined text of some columns: finds words of two characters and more.

pg_trgm needs three characters, so two-character Chinese words (the usual ones) would scan the table. The index
holds every pair of neighbouring characters; a query asks for the rare pairs of its word, by the statistics that
ANALYZE keeps of the index, and then rechecks the word: a pair that most rows hold costs much to read and tells
nothing. The function's COST keeps the planner from computing pairs row by row beside another index.
"""

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.lookups import DataContains
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection
from django.db.models import BigIntegerField, Func, Model, Q, TextField, Value
from django.db.models.functions import Coalesce, Lower, StrIndex
from django.db.models.lookups import Contains, GreaterThan

from yiwang.kernel.bulk.statements import ask

# A loop in PL/pgSQL: a statement in SQL would start an executor for every row. The index drops pairs that repeat.
FUNCTION = """
CREATE OR REPLACE FUNCTION yiwang_bigrams(value text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000 AS $$
DECLARE
    letters text[] := string_to_array(lower(value), NULL);
    found text[] := '{}';
BEGIN
    FOR place IN 1 .. cardinality(letters) - 1 LOOP
        found[place] := letters[place] || letters[place + 1];
    END LOOP;
    RETURN found;
END $$
"""


STATISTICS = """
SELECT unnest(most_common_elems::text::text[]), unnest(most_common_elem_freqs) FROM pg_stats
WHERE schemaname = current_schema() AND tablename = %s
"""
# Seconds that statistics are kept in the process; how much dearer a row is to fetch and judge than a key to read.
KEPT_FOR, FETCHING = 600, 20


class Bigrams(Func):
    function = "yiwang_bigrams"
    output_field: Any = ArrayField(TextField())


class Joined(Func):
    """Columns joined by line ends, written so that the index and the query give the same text of SQL."""

    template = "(%(expressions)s)"
    arg_joiner = " || E'\\n' || "
    output_field: Any = TextField()

    def __init__(self, *columns: str) -> None:
        super().__init__(*(Coalesce(name, Value(""), output_field=TextField()) for name in columns))


class Unnested(Func):
    """Keys as rows: `filter(pk__in=Unnested(keys))`, one parameter for any number of them.

    A list of constants would do, but PostgreSQL 18 may then walk a whole index of the order wished, as it can look for
    the list in any column of an index; of rows it fetches each by its key and sorts the few.
    """

    template = "(SELECT unnest(%(expressions)s))"
    output_field: Any = BigIntegerField()

    def __init__(self, keys: Sequence[int]) -> None:
        super().__init__(Value(list(keys), output_field=ArrayField(BigIntegerField())))


class BigramIndex(GinIndex):
    """`indexes = [BigramIndex("number", "title", name="…")]`; also makes the SQL function it needs."""

    def __init__(self, *columns: str, name: str) -> None:
        super().__init__(Bigrams(Joined(*columns)), name=name)
        self.columns = columns

    def deconstruct(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", self.columns, {"name": self.name}

    def create_sql(self, model: type[Model], schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        schema_editor.execute(FUNCTION, params=None)
        return super().create_sql(model, schema_editor, using, **kwargs)


class AddIndexBesideWriters(AddIndexConcurrently):
    """For tables that may be large and in use. One cut short leaves an index that serves nobody: it is made anew."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)


@lru_cache(maxsize=256)
def _statistics(database: str, index: str, period: int) -> tuple[Mapping[str, float], float]:
    """Shares of rows that hold the commonest pairs, and the share that no other pair exceeds; 1 when nothing is known.

    PostgreSQL keeps statistics of an index's expression under the name of the index. Stale ones cost time, no row.
    """
    rows = ask(STATISTICS, [index])
    known = {pair: share for pair, share in rows if pair is not None}
    return known, min(known.values(), default=1.0)


def chosen_pairs(index: str, word: str) -> tuple[list[str], float]:
    """The pairs of the word worth asking the index for, rarest first, and the share of rows that may hold it; 0: unknown."""
    letters = word.lower()
    pairs = dict.fromkeys(letters[place : place + 2] for place in range(len(letters) - 1))
    known, others = _statistics(str(connection.settings_dict["NAME"]), index, int(time.monotonic() // KEPT_FOR))
    shares = sorted((known.get(pair, others), pair) for pair in pairs)
    if not known:
        return [pair for _, pair in shares], 0.0
    chosen, left = [shares[0][1]], shares[0][0]
    for share, pair in shares[1:]:
        # Reading a list of keys costs as much as its length; what it spares is rows to fetch and judge.
        if share > left * (1 - share) * FETCHING:
            break
        chosen, left = [*chosen, pair], left * share
    return chosen, shares[0][0]


def possible(model: type[Model], columns: tuple[str, ...], word: str) -> Q:
    """Rows that may hold the word in these columns, by the model's BigramIndex over them; all rows without one."""
    index = index_over(model, columns)
    # A lone character has no bigram, and an index asked for nothing reads all of itself.
    if len(word) < 2 or index is None:
        return Q()
    pairs, _ = chosen_pairs(index.name, word)
    return Q(DataContains(Bigrams(Joined(*columns)), Value(pairs, output_field=Bigrams.output_field)))


def share_of(model: type[Model], columns: tuple[str, ...], word: str) -> float:
    """The share of rows (0 to 1) that the word may be in at most, by its rarest pair; 0 when nothing is known of it."""
    index = index_over(model, columns)
    if len(word) < 2 or index is None:
        return 0.0
    return chosen_pairs(index.name, word)[1]


def index_over(model: type[Model], columns: tuple[str, ...]) -> BigramIndex | None:
    """The model's BigramIndex over exactly these columns."""
    indexes = (each for each in model._meta.indexes if isinstance(each, BigramIndex))
    return next((each for each in indexes if each.columns == columns), None)


def is_indexed(model: type[Model], columns: tuple[str, ...]) -> bool:
    return index_over(model, columns) is not None


def containing(model: type[Model], columns: tuple[str, ...], word: str, *, narrow: bool = True) -> Q:
    """Rows whose joined columns contain the word, through the model's BigramIndex when it has one of these columns.

    `narrow=False` leaves the index out: a word that half the table holds is found sooner by reading in order. It is
    written as a comparison, because the planner takes any LIKE for rare and would sort all hits.
    """
    text = Joined(*columns)
    if not narrow:
        return Q(GreaterThan(StrIndex(Lower(text), Value(word.lower())), 0))
    if not is_indexed(model, columns):
        found = Q(pk__in=[])
        for column in columns:
            found |= Q(**{f"{column}__icontains": word})
        return found
    return possible(model, columns, word) & Q(Contains(Lower(text), word.lower()))
