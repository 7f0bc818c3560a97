"""检索：两字词也走索引；一次数出分面，一次取出一页。"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Q, QuerySet

from yiwang.data.catalog.models import Category, Resource, SearchEntry
from yiwang.data.catalog.terms import Cycle, ShareType
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.search.text import normalise

SIZE, MOST_WORDS, MOST_PAGES, SHOWN = 20, 4, 500, 12
FACETS = {"organisation": "提供方", "theme": "主题", "share_type": "共享类型", "cycle": "更新周期"}
CHOICES: dict[str, dict[str, str]] = {"share_type": dict(ShareType.choices), "cycle": dict(Cycle.choices)}


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    count: int
    on: bool


@dataclass(frozen=True)
class Found:
    """A page of hits, best first; `facets`: (parameter, label, its most frequent values)."""

    total: int
    resources: list[Resource]
    facets: list[tuple[str, str, list[Choice]]]
    page: int
    pages: int


def words_of(text: str) -> list[str]:
    return list(dict.fromkeys(normalise(text).lower().replace("\x00", "")[:100].split()))[:MOST_WORDS]


def tsquery(words: list[str]) -> str:
    """All pairs of neighbouring characters of all words; a lone character finds the pairs that begin with it."""
    pairs = [word[at : at + 2] for word in words for at in range(max(1, len(word) - 1))]
    quoted = [
        "'" + pair.replace("\\", "\\\\").replace("'", "''") + "'" + (":*" if len(pair) == 1 else "") for pair in pairs
    ]
    return " & ".join(dict.fromkeys(quoted))


def chosen(given: Mapping[str, str]) -> dict[str, str]:
    """Facet values from an address; what can't be one is dropped."""
    found = {name: given.get(name, "") for name in FACETS}
    return {name: value for name, value in found.items()
            if value in CHOICES.get(name, {}) or (name not in CHOICES and value.isascii() and value.isdigit() and len(value) < 10)}  # fmt: skip


def _hits(actor: Actor, words: list[str], facets: Mapping[str, str]) -> QuerySet[SearchEntry]:
    found = doors.rows(actor, "catalog.entry").filter(
        Q(**{name if name in CHOICES else f"{name}_id": value for name, value in facets.items()})
    )
    if words:
        found = found.filter(words=Pairs(tsquery(words)))
    return found.order_by()


class Pairs(SearchQuery):
    """A query of exact lexemes, past the text parser, which would split or drop them."""

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, Any]:
        sql, parameters = compiler.compile(self.get_source_expressions()[-1])
        return f"({sql})::tsquery", parameters


# Names that hold the word come first, shorter names before longer ones: the word is then more of what they say.
_SQL = """
WITH hit AS MATERIALIZED ({hits}), best AS (
    SELECT resource_id FROM hit ORDER BY {rank} length(name), resource_id LIMIT %s OFFSET %s)
SELECT 'hit' AS part, resource_id::text AS value, 0 AS count FROM best
UNION ALL
SELECT CASE grouping(organisation_id, theme_id, share_type, cycle) WHEN 7 THEN 'organisation' WHEN 11 THEN 'theme'
       WHEN 13 THEN 'share_type' WHEN 14 THEN 'cycle' ELSE 'total' END,
       coalesce(organisation_id::text, theme_id::text, share_type, cycle), count(*)
FROM hit GROUP BY GROUPING SETS ((organisation_id), (theme_id), (share_type), (cycle), ())
"""


def search(actor: Actor, text: str, given: Mapping[str, str], page: int = 1) -> Found:
    """Ranked hits with their facets; four statements however many there are."""
    words, facets, page = words_of(text), chosen(given), min(max(page, 1), MOST_PAGES)
    columns = ("resource_id", "organisation_id", "theme_id", "share_type", "cycle", "name")
    if not actor.can("catalog.entry", "view"):
        return Found(0, [], [], 1, 0)
    sql, parameters = _hits(actor, words, facets).values(*columns).query.sql_with_params()
    rank = "".join("(strpos(lower(name), %s) = 0), " for _ in words)
    with connection.cursor() as cursor:
        cursor.execute(_SQL.format(hits=sql, rank=rank), [*parameters, *words, SIZE, (page - 1) * SIZE])
        rows: list[tuple[str, str, int]] = cursor.fetchall()
    ids = [int(value) for part, value, _ in rows if part == "hit"]
    there = Resource.objects.select_related("organisation", "theme").in_bulk(ids)
    total = next((count for part, _, count in rows if part == "total"), 0)
    counted = {name: sorted(((value, count) for part, value, count in rows if part == name and value), key=lambda one: -one[1])
               for name in FACETS}  # fmt: skip
    labels = _labels(counted)
    shown = [(name, label, [Choice(value, labels[name].get(value, value), count, facets.get(name) == value)
                            for value, count in counted[name][:SHOWN]]) for name, label in FACETS.items()]  # fmt: skip
    return Found(total, [there[pk] for pk in ids if pk in there], shown, page, math.ceil(total / SIZE))


def _labels(counted: Mapping[str, list[tuple[str, int]]]) -> dict[str, dict[str, str]]:
    models: dict[str, Any] = {"organisation": Organisation, "theme": Category}
    found = dict(CHOICES)
    for name, model in models.items():
        ids = [int(value) for value, _ in counted[name][:SHOWN]]
        found[name] = {
            str(pk): getattr(each, "short_name", "") or each.name for pk, each in model.objects.in_bulk(ids).items()
        }
    return found
