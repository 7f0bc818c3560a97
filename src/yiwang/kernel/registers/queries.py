"""Reads of registers: every one starts at the actor's scope."""

import base64
import binascii
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.access.doors import row, rows, scope_filter, under
from yiwang.kernel.crypto.masks import mask
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.registers import registry
from yiwang.kernel.registers.declarations import Bound, BoundFilter, Register
from yiwang.kernel.registers.forms import SEPARATOR
from yiwang.kernel.registers.models import ApiToken, SavedView
from yiwang.kernel.registers.paths import display, resolve
from yiwang.kernel.search.indexing import Unnested, containing, possible, share_of

COUNT_LIMIT, FOUND_LIMIT = 10_000, 2_000
SHORTEST_WORD, MOST_WORDS = 2, 4
# Words that such a share of all rows may hold are looked for in so many times the rows that should show enough.
COMMON, SAMPLE = 0.2, 1.5
SIZES = (50, 100, 200)
YES, NO = frozenset({"1", "true", "是"}), frozenset({"0", "false", "否"})


@dataclass(frozen=True)
class Wish:
    """What a reader asks of a register, taken from the address."""

    filters: Mapping[str, list[str]] = field(default_factory=dict)
    text: str = ""
    sort: str = ""
    after: str = ""
    before: str = ""
    columns: tuple[str, ...] = ()
    size: int = SIZES[0]

    def stored(self) -> dict[str, list[str]]:
        """What a saved view keeps."""
        found = {name: list(values) for name, values in self.filters.items()}
        extra = {"q": [self.text], "sort": [self.sort], "columns": [",".join(self.columns)]}
        return found | {name: values for name, values in extra.items() if values[0]}


@dataclass(frozen=True)
class Page:
    records: list[Any]
    total: int
    exact: bool
    next: str
    previous: str
    plain: frozenset[int]
    notice: str = ""

    @property
    def total_text(self) -> str:
        return f"{self.total:,}" if self.exact else f"{self.total:,}+"


@dataclass(frozen=True)
class Hit:
    register: Register
    record: Any
    title: str
    url: str


def wish(register: Register, given: Mapping[str, list[str]]) -> Wish:
    """Read an address's parameters; names nobody declared are ignored, blank values dropped."""
    known = {name for item in register.bound_filters for name in item.parameters}
    filters = {name: [v for v in values if v.strip()] for name, values in given.items() if name in known}

    def last(name: str) -> str:
        return (given.get(name) or [""])[-1].strip()

    columns = tuple(name for value in given.get("columns", []) for name in value.split(",") if name)
    size = int(last("size")[:9]) if last("size").isdecimal() else SIZES[0]
    return Wish({name: values for name, values in filters.items() if values}, last("q")[:100], last("sort"),
                last("after"), last("before"), columns, min(max(size, 1), SIZES[-1]))  # fmt: skip


def offered_columns(register: Register) -> dict[str, Bound]:
    """All columns a reader may choose: the declared ones, then the fields of the sections."""
    bounds = (*register.bound_columns, *(bound for _, items in register.bound_sections for bound in items))
    return {bound.name: bound for bound in reversed(bounds)} | {bound.name: bound for bound in register.bound_columns}


def columns_of(register: Register, asked: Wish) -> tuple[Bound, ...]:
    offered = offered_columns(register)
    return tuple(offered[name] for name in asked.columns if name in offered) or register.bound_columns


def matching(actor: Actor, register: Register, asked: Wish, verb: str = "view") -> QuerySet[Any]:
    """Scope, filters and search, unordered."""
    return filtered(actor, register, asked, verb).filter(saying(actor, register, asked, verb))


def filtered(actor: Actor, register: Register, asked: Wish, verb: str = "view") -> QuerySet[Any]:
    """Scope and filters, but for what `saying` asks."""
    found = rows(actor, register.guard.code, verb, by_id=True)
    for item in register.bound_filters:
        values = {name: asked.filters[name] for name in item.parameters if name in asked.filters}
        if values:
            found = _filtered(actor, register, found, item, values)
    return found


def saying(actor: Actor, register: Register, asked: Wish, verb: str = "view", *, narrow: bool = True) -> Q:
    """The words of the search, and the texts of filters that the register's index of words knows."""
    condition = searching(actor, register, asked.text, verb, narrow=narrow) if asked.text else Q()
    for name, word in _texts(register, asked):
        condition &= containing(register.model, (name,), word, narrow=False)
        condition &= possible(register.model, tuple(register.search), word) if narrow else Q()
    return condition


def _is_indexed_text(register: Register, item: BoundFilter) -> bool:
    return item.kind == "text" and item.apply is None and item.name in register.search


def _texts(register: Register, asked: Wish) -> list[tuple[str, str]]:
    """Column and text of the filters whose rows the register's index of words can name."""
    items = [item.name for item in register.bound_filters if _is_indexed_text(register, item)]
    return [(name, asked.filters[name][-1].replace("\x00", "")) for name in items if name in asked.filters]


def searching(actor: Actor, register: Register, text: str, verb: str = "view", *, narrow: bool = True) -> Q:
    """All words must occur, in rows reached by `verb`. Masked columns are searched only where the actor may read them.

    The model's index names the rows that may hold the words anywhere; each is then judged by what the actor may read
    of it, so that masked columns need no index, and no reading, of their own. `narrow=False`: judged row by row alone.
    """
    columns = tuple(register.search)
    plain = tuple(name for name in columns if name not in register.masks)
    masked = tuple(name for name in columns if name in register.masks)
    if not masked or sees_all(actor, register, verb):
        plain, masked = columns, ()
    unmasked = scope_filter(actor, register.guard, "unmask", by_id=True) if masked else None
    condition = Q()
    for word in _words(register, text):
        found = containing(register.model, plain, word, narrow=False) if plain else Q(pk__in=[])
        if unmasked is not None:
            found |= containing(register.model, masked, word, narrow=False) & unmasked
        condition &= possible(register.model, columns, word) & found if narrow else found
    return condition


def sees_all(actor: Actor, register: Register, verb: str = "view") -> bool:
    """Whether every row that the actor reaches by the verb is one to be read unmasked: then nothing is asked twice."""
    reached = set(actor.permissions_for(register.guard.code, verb))
    return actor.system or (bool(reached) and reached <= set(actor.permissions_for(register.guard.code, "unmask")))


def _words(register: Register, text: str) -> list[str]:
    if not register.search:
        raise Invalid(f"“{register.name}”没有可搜索的字段，请改用筛选条件。")
    words = list(dict.fromkeys(text.replace("\x00", "").split()))
    if not words or max(map(len, words)) < SHORTEST_WORD:
        raise Invalid("请至少输入两个相连的字再搜索。")
    if len(words) > MOST_WORDS:
        raise Invalid(f"一次最多搜索 {MOST_WORDS} 个词，请减少后再搜索。")
    return words


def _found(actor: Actor, register: Register, asked: Wish) -> tuple[QuerySet[Any], int | None]:
    """What the wish asks for, and how much when that came with it.

    A search first takes a bounded set of ids from the index and pages within it, so that the index is read once. Of
    words with more hits than that, a page is soon full when the rows are read in order.
    """
    found, texts = filtered(actor, register, asked), _texts(register, asked)
    if not asked.text and not texts:
        return found, None
    said = saying(actor, register, asked, narrow=False)
    words = [*(_words(register, asked.text) if asked.text else ()), *(word for _, word in texts)]
    if _common(register, found, said, words):
        return found.filter(said), FOUND_LIMIT + 1
    narrowed = found.filter(saying(actor, register, asked))
    ids = list(narrowed.order_by().values_list("pk", flat=True)[: FOUND_LIMIT + 1])
    if len(ids) <= FOUND_LIMIT:
        return register.model._default_manager.filter(pk__in=Unnested(ids)), len(ids)
    return found.filter(said), len(ids)


def _common(register: Register, found: QuerySet[Any], said: Q, words: Sequence[str]) -> bool:
    """Whether more rows than the limit say the words, seen in the first rows at hand: an index would list every row."""
    share = prod(share_of(register.model, tuple(register.search), word) for word in words)
    if share < COMMON:
        return False
    some = found.order_by().annotate(said=ExpressionWrapper(said, BooleanField()))
    sample = some.values("pk", "said")[: int(SAMPLE * FOUND_LIMIT / share)]
    return bool(sample.aggregate(hits=Count("pk", filter=Q(said=True)))["hits"] > FOUND_LIMIT)


def listing(actor: Actor, register: Register, asked: Wish) -> Page:
    """One page by keyset: no OFFSET, so page 10,000 costs as much as page 1."""
    actor.require(register.guard.code, "view")
    found, known = _found(actor, register, asked)
    limit = COUNT_LIMIT if known is None else FOUND_LIMIT
    order, notice = ordering(register, asked.sort), ""
    if register.large and not register.is_ordered(order[0]):
        known = found.order_by()[: limit + 1].count() if known is None else known
        if known > limit:
            order = ordering(register, "")
            notice = f"符合条件的记录超过 {limit:,} 条，不能按这一列排序，已按默认次序列出。请先筛选，再点列名排序。"
    backward = bool(asked.before)
    cursor = asked.before or asked.after
    paged = found.filter(_beyond(register, order, _read_cursor(cursor), backward)) if cursor else found
    sorted_by = [_flipped(name) for name in order] if backward else order
    chosen = list(fetching(register, paged, columns_of(register, asked)).order_by(*sorted_by)[: asked.size + 1])
    more, chosen = len(chosen) > asked.size, chosen[: asked.size]
    if backward:
        chosen.reverse()
    total = known
    if total is None:
        total = len(chosen) if not cursor and not more else found.order_by()[: limit + 1].count()
    return Page(
        records=chosen,
        total=min(total, limit),
        exact=total <= limit,
        next=_cursor(register, order, chosen[-1]) if chosen and (more or backward) else "",
        previous=_cursor(register, order, chosen[0]) if chosen and cursor and (more or not backward) else "",
        plain=frozenset(record.pk for record in chosen)
        if sees_all(actor, register)
        else unmasked_of(actor, register, chosen),
        notice=notice,
    )


def fetching(register: Register, found: QuerySet[Any], bounds: Iterable[Bound]) -> QuerySet[Any]:
    """Fetch with the rows what their columns and `related` need, in a constant number of queries."""
    paths = [bound.path for bound in bounds if bound.path is not None and bound.path.related_path]
    joined = {path.related_path for path in paths if path.kind != "many"}
    fetched = [path.path for path in paths if path.kind == "many"]
    for path in register.related:
        try:
            joined.add(resolve(register.model, path).related_path)
        except ValueError:
            fetched.append(path)
    found = found.select_related(*sorted(joined)) if joined else found
    return found.prefetch_related(*fetched)


def unmasked_of(actor: Actor, register: Register, records: list[Any]) -> frozenset[int]:
    """Which of the records the actor may read without masks; decided row by row, in one query."""
    keys = [record.pk for record in records]
    if not register.masks or not keys or not actor.can(register.guard.code, "unmask"):
        return frozenset(keys) if not register.masks else frozenset()
    return frozenset(rows(actor, register.guard.code, "unmask").filter(pk__in=keys).values_list("pk", flat=True))


def shown(bound: Bound, record: Any, plain: frozenset[int]) -> str:
    """The text of a cell, masked unless the row is in `plain`."""
    text = display(bound.value(record), bound.path)
    return mask(bound.mask, text) if bound.mask and record.pk not in plain else text


def ordering(register: Register, sort: str) -> list[str]:
    """Order by the wished column or the declared order; the primary key makes it total."""
    name = sort.removeprefix("-")
    bound = offered_columns(register).get(name)
    chosen = (sort,) if bound is not None and bound.sortable else register.order
    order = [item for item in chosen if item.removeprefix("-") not in {"pk", "id"}]
    last = chosen[-1]
    return [*order, "-pk" if last.startswith("-") else "pk"]


def one(actor: Actor, register: Register, pk: int, verb: str = "view") -> Any:
    """One record in scope, with what its sections need, or a refusal that does not tell whether it exists."""
    if not register.bound_sections:
        return row(actor, register.guard.code, pk, verb)
    bounds = [bound for _, items in register.bound_sections for bound in items]
    found = fetching(register, rows(actor, register.guard.code, verb), bounds).filter(pk=pk).first()
    if found is None:
        raise Refused("没有找到该记录，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return found


def title_of(register: Register, record: Any) -> str:
    """What a record is called in lists of mixed records, never with masked values."""
    return " ".join(filter(None, (shown(bound, record, frozenset()) for bound in register.bound_columns[:2])))


def search_everywhere(actor: Actor, text: str, limit: int = 5) -> list[Hit]:
    """The newest records that match in every register the actor may view; one query each."""
    found: list[Hit] = []
    if max(map(len, text.split()), default=0) < SHORTEST_WORD:
        return found
    for register in registry.readable(actor):
        if not register.search:
            continue
        matched = rows(actor, register.guard.code).filter(searching(actor, register, text[:100]))
        newest = fetching(register, matched, register.bound_columns[:2]).order_by(*ordering(register, ""))[:limit]
        found += [Hit(register, record, title_of(register, record), register.url_of(record)) for record in newest]
    return found


@dataclass(frozen=True)
class Change:
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Past:
    """A ledger entry of a record in words."""

    entry: Entry
    action: str
    changes: list[Change]


def history(actor: Actor, register: Register, record: Any, limit: int = 200) -> list[Past]:
    """Ledger entries of a record the actor may view, each with what changed, masked like the record."""
    plain = unmasked_of(actor, register, [record])
    labels = {bound.name: bound for bound in offered_columns(register).values()}
    names = {action.code: action.name for action in register.actions}
    found = []
    for entry in entries(register, record.pk)[:limit]:
        before, after = entry.before or {}, entry.after or {}
        changes = [
            Change(labels[name].label, _past(labels[name], record, before.get(name), plain),
                   _past(labels[name], record, after.get(name), plain))
            for name in dict.fromkeys((*before, *after)) if name in labels
        ]  # fmt: skip
        found.append(Past(entry, names.get(entry.action) or registry.word(entry.action), changes))
    return found


def entries(register: Register, pk: int) -> QuerySet[Entry]:
    """What the ledger holds of a record, newest first."""
    return Entry.objects.filter(target_kind=register.code, target_id=str(pk)).order_by("-id")


def _past(bound: Bound, record: Any, value: object, plain: frozenset[int]) -> str:
    text = display(bound.past(record, value) if bound.past and value else value, bound.path)
    return mask(bound.mask, text) if bound.mask and record.pk not in plain else text


def views(actor: Actor, register: Register) -> list[SavedView]:
    """The actor's own views and those shared with an organisation on the actor's path."""
    above = [int(part) for part in actor.organisation_path.split("/") if part]
    mine = Q(person_id=actor.person_id) | Q(shared_with_id__in=above)
    return list(SavedView.objects.filter(mine, register=register.code).select_related("person"))


def tokens(actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own API tokens, newest first."""
    return ApiToken.objects.filter(account_id=actor.account_id or 0).order_by("-id")


# Filters


def _filtered(
    actor: Actor, register: Register, found: QuerySet[Any], item: BoundFilter, values: dict[str, list[str]]
) -> QuerySet[Any]:
    if item.name in register.masks:
        allowed = scope_filter(actor, register.guard, "unmask", by_id=True)
        found = found.none() if allowed is None else found.filter(allowed)
    if item.kind == "dates":
        return found.filter(_between(item, values))
    given = values[item.name]
    if item.kind == "choice":
        _refuse_unknown(item, given)
    if item.apply is not None:
        return item.apply(found, given)
    if item.kind == "boolean":
        return found.filter(**{item.name: _boolean(item, given[-1])})
    if item.kind == "organisation":
        return found.filter(_under(item, given))
    if item.kind == "related":
        return found.filter(**{f"{item.name}__in": [_number(item, value) for value in given]})
    if item.kind == "choice":
        return found.filter(**{f"{item.name}__in": given})
    if _is_indexed_text(register, item):
        return found
    return found.filter(containing(register.model, (item.name,), given[-1].replace("\x00", "")))


def _refuse_unknown(item: BoundFilter, given: list[str]) -> None:
    unknown = [value for value in given if value not in dict(item.choices)]
    if unknown:
        raise Invalid(f"“{item.label}”没有“{unknown[0]}”这个选项，请重新选择。")


def _boolean(item: BoundFilter, value: str) -> bool:
    if value not in YES | NO:
        raise Invalid(f"“{item.label}”只能选是或否。")
    return value in YES


def _number(item: BoundFilter, value: str) -> int:
    text = value.split(SEPARATOR, 1)[0].strip()
    if not text.isdecimal() or len(text) > 18:
        raise Invalid(f"“{item.label}”的条件“{value}”无法识别，请从候选中选择。")
    return int(text)


def _under(item: BoundFilter, given: list[str]) -> Q:
    """The organisations chosen and all below them; by id where these are few, as the planner knows ids alone."""
    paths = Organisation.objects.filter(pk__in=[_number(item, value) for value in given]).values_list("path", flat=True)
    return under(item.name, list(paths), Organisation) if paths else Q(pk__in=[])


def _between(item: BoundFilter, values: dict[str, list[str]]) -> Q:
    """Both days included; for instants the days are those of Asia/Shanghai."""
    condition = Q()
    for end, given in values.items():
        try:
            day = min(datetime.date.fromisoformat(given[-1]), datetime.date.max - datetime.timedelta(days=1))
        except ValueError as error:
            raise Invalid(f"“{item.label}”的日期“{given[-1]}”无法识别，请写成 2026-01-31。") from error
        first = end.endswith(".from")
        if item.path is not None and item.path.kind == "datetime":
            moment = timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))
            edge = moment if first else moment + datetime.timedelta(days=1)
            signs = (
                ("gt", "lte") if item.path.is_due else ("gte", "lt")
            )  # 24:00 of a day is stored as 00:00 of the next
            condition &= Q(**{f"{item.name}__{signs[not first]}": edge})
        else:
            condition &= Q(**{f"{item.name}__{'gte' if first else 'lte'}": day})
    return condition


# Keyset paging


def _flipped(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _cursor(register: Register, order: list[str], record: Any) -> str:
    values = [resolve(register.model, name.removeprefix("-")).value(record) for name in order]
    text = json.dumps([None if value is None else _written(value) for value in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _written(value: Any) -> str:
    # Microseconds must survive: DjangoJSONEncoder cuts them to milliseconds and rows would repeat.
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _read_cursor(text: str) -> list[str | None]:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Invalid("翻页标记无法识别，请回到第一页。") from error
    if not isinstance(found, list) or not all(item is None or isinstance(item, str) for item in found):
        raise Invalid("翻页标记无法识别，请回到第一页。")
    return found


def _beyond(register: Register, order: list[str], values: list[str | None], backward: bool) -> Q:
    """Rows after the cursor in this order. PostgreSQL takes null as greater than everything."""
    if len(values) != len(order):
        raise Invalid("排序已改变，请回到第一页。")
    condition, equal, bound = Q(pk__in=[]), Q(), Q()
    for index, (name, text) in enumerate(zip(order, values, strict=True)):
        plain = name.removeprefix("-")
        target = resolve(register.model, plain).field
        try:
            value = None if text is None else target.to_python(text)
        except ValidationError as error:
            raise Invalid("翻页标记无法识别，请回到第一页。") from error
        descending = name.startswith("-") != backward
        condition |= equal & _past_value(plain, value, descending, target.null)
        equal &= Q(**{f"{plain}__isnull": True}) if value is None else Q(**{plain: value})
        if index == 0 and value is not None and (descending or not target.null):
            # Redundant, but it is what lets the planner start in the middle of an index.
            bound = Q(**{f"{plain}__{'lte' if descending else 'gte'}": value})
    return bound & condition


def _past_value(name: str, value: Any, descending: bool, nullable: bool) -> Q:
    if value is None:
        return Q(**{f"{name}__isnull": False}) if descending else Q(pk__in=[])
    if descending:
        return Q(**{f"{name}__lt": value})
    later = Q(**{f"{name}__gt": value})
    return later | Q(**{f"{name}__isnull": True}) if nullable else later
