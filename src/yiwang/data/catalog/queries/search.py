"""检索：两字词也走索引；一次数出分面并排出一页，一次取出这一页。"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from yiwang.data.catalog.models import SearchEntry
from yiwang.data.catalog.terms import Cycle, ShareType
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.bulk.statements import ask
from yiwang.kernel.search.text import normalise

SIZE, MOST, MOST_WORDS, MOST_PAGES, SHOWN = 20, 1_000, 4, 500, 12
FACETS = {"organisation": "提供方", "theme": "主题", "share_type": "共享类型", "cycle": "更新周期"}
CHOICES: dict[str, dict[str, str]] = {"share_type": dict(ShareType.choices), "cycle": dict(Cycle.choices)}
TONES = {"unconditional": "ok", "conditional": "warn"}


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    count: int | None
    on: bool


@dataclass(frozen=True)
class Hit:
    """A resource as the list shows it."""

    pk: int
    code: str
    name: str
    abstract: str
    is_demo: bool
    organisation: str
    theme: str
    share_type: str
    cycle: str
    item_count: int
    loaded_at: datetime | None

    @property
    def share_label(self) -> str:
        return str(CHOICES["share_type"][self.share_type])

    @property
    def share_tone(self) -> str:
        return TONES.get(self.share_type, "bad")

    @property
    def cycle_label(self) -> str:
        return str(CHOICES["cycle"][self.cycle])


@dataclass(frozen=True)
class Found:
    """A page of hits, best first; `facets`: (parameter, label, its most frequent values). `capped`: more than `total`."""

    total: int
    capped: bool
    resources: list[Hit]
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


def _entries(actor: Actor, facets: Mapping[str, str]) -> QuerySet[SearchEntry, Any]:
    """What the actor may find, narrowed by the facets."""
    found = doors.rows(actor, "catalog.entry").filter(
        Q(**{name if name in CHOICES else f"{name}_id": value for name, value in facets.items()})
    )
    columns = ("resource_id", "organisation_id", "theme_id", "share_type", "cycle", "name", "words", "name_words")
    return found.order_by().values(*columns)


# Names that hold all words come first, then those that hold some; shorter names before longer ones: the word is then
# more of what they say. Hits are read in that order and no further than MOST, names that hold all words on their own.
_WORDS = """
WITH entry AS NOT MATERIALIZED ({entries}),
hit AS MATERIALIZED (
    SELECT resource_id, organisation_id, theme_id, share_type, cycle, length(name) AS long,
           name_words @@ %(every)s::tsquery AS whole, name_words @@ %(some)s::tsquery AS part
    FROM entry WHERE words @@ %(every)s::tsquery ORDER BY length(name), resource_id LIMIT %(most)s),
best AS (
    (SELECT resource_id, 0 AS tier, length(name) AS long FROM entry WHERE name_words @@ %(every)s::tsquery
     ORDER BY length(name), resource_id LIMIT %(until)s)
    UNION ALL SELECT resource_id, CASE WHEN part THEN 1 ELSE 2 END, long FROM hit WHERE NOT whole
    ORDER BY tier, long, resource_id LIMIT %(size)s OFFSET %(after)s),"""
_WHOLE = """
WITH entry AS NOT MATERIALIZED ({entries}),
hit AS MATERIALIZED (SELECT organisation_id, theme_id, share_type, cycle FROM entry),
best AS (SELECT resource_id, 0 AS tier, length(name) AS long FROM entry ORDER BY length(name), resource_id LIMIT %(size)s OFFSET %(after)s),"""
_FIGURES = """
figure AS (
    SELECT organisation_id, theme_id, share_type, cycle, count(*) AS count,
           grouping(organisation_id, theme_id, share_type, cycle) AS part
    FROM hit GROUP BY GROUPING SETS ((organisation_id), (theme_id), (share_type), (cycle), ()))
SELECT 'hit', resource_id::text, '', row_number() OVER (ORDER BY tier, long, resource_id) FROM best
UNION ALL
SELECT CASE part WHEN 7 THEN 'organisation' WHEN 11 THEN 'theme' WHEN 13 THEN 'share_type' WHEN 14 THEN 'cycle' ELSE 'total' END,
       coalesce(figure.organisation_id::text, theme_id::text, share_type, cycle, ''),
       coalesce(nullif(unit.short_name, ''), unit.name, theme.name, ''), count
FROM figure LEFT JOIN orgs_organisation AS unit ON unit.id = figure.organisation_id
     LEFT JOIN catalog_category AS theme ON theme.id = theme_id
"""
_SHOWN = """
SELECT found.id, found.code, found.name, CASE WHEN length(found.abstract) > 90 THEN left(found.abstract, 89) || '…' ELSE found.abstract END, found.is_demo, coalesce(nullif(unit.short_name, ''), unit.name), coalesce(theme.name, ''), found.share_type,
       found.cycle, found.item_count, found.loaded_at
FROM catalog_resource AS found JOIN orgs_organisation AS unit ON unit.id = found.organisation_id
     LEFT JOIN catalog_category AS theme ON theme.id = found.theme_id WHERE found.id = ANY(%s)
"""


def search(actor: Actor, text: str, given: Mapping[str, str], page: int = 1) -> Found:
    """Ranked hits with their facets; two statements however many there are.

    Hits of words are counted up to MOST; of more, the facets tell which values there are, without how many.
    """
    words, facets, page = (
        words_of(text),
        chosen(given),
        min(max(page, 1), math.ceil(MOST / SIZE) if words_of(text) else MOST_PAGES),
    )
    if not actor.can("catalog.entry", "view"):
        return Found(0, False, [], [], 1, 0)
    entries, scope = _entries(actor, facets).query.sql_with_params()
    scoped = {f"scope{index}": value for index, value in enumerate(scope)}
    sql = (_WORDS if words else _WHOLE).format(entries=entries % tuple(f"%({name})s" for name in scoped)) + _FIGURES
    every, some = tsquery(words), " | ".join(f"({tsquery([word])})" for word in words)
    # How often one pair stands in names the planner knows; of several together it may think too high, and then walk
    # through all names for the few of a page. Asked for many it looks them up.
    until = page * SIZE if " & " not in every else MOST + 1
    bound: dict[str, Any] = {
        "every": every,
        "some": some,
        "most": MOST + 1,
        "until": until,
        "size": SIZE,
        "after": (page - 1) * SIZE,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, {**bound, **scoped})
        rows: list[tuple[str, str, str, int]] = cursor.fetchall()
    ids = [int(value) for _, value in sorted((place, value) for part, value, _, place in rows if part == "hit")]
    there = {row[0]: Hit(*row) for row in (ask(_SHOWN, [ids]) if ids else ())}
    total = next((count for part, *_, count in rows if part == "total"), 0)
    capped = bool(words) and total > MOST
    total = min(total, MOST) if capped else total
    shown = [(name, label, _choices(rows, name, facets.get(name, ""), capped)) for name, label in FACETS.items()]
    return Found(total, capped, [there[pk] for pk in ids if pk in there], shown, page, math.ceil(total / SIZE))


def _choices(rows: list[tuple[str, str, str, int]], name: str, picked: str, capped: bool) -> list[Choice]:
    counted = sorted(
        ((value, label, count) for part, value, label, count in rows if part == name and value), key=lambda one: -one[2]
    )
    labels = CHOICES.get(name, {})
    return [
        Choice(value, label or str(labels.get(value, value)), None if capped else count, picked == value)
        for value, label, count in counted[:SHOWN]
    ]
