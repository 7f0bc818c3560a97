"""What a register is. Data only; names are resolved against the model when it is registered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO, Literal

from django.db.models import Index, Model, Q, QuerySet

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.paths import DeclarationError, Path, resolve

RESERVED = frozenset({"q", "sort", "after", "before", "columns", "view", "size", "format"})


@dataclass(frozen=True)
class Column:
    """A field path or a callable of the record. Order, and its indexes, are the author's care. `past` words its history."""

    source: str | Callable[[Any], object]
    label: str = ""
    sortable: bool | None = None
    past: Callable[[Any, Any], object] | None = None

    @property
    def name(self) -> str:
        return self.source if isinstance(self.source, str) else self.source.__name__


@dataclass(frozen=True)
class Filter:
    """A filter over a path, or with `apply` over anything. kind: choice related organisation dates boolean text."""

    name: str
    label: str = ""
    kind: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    apply: Callable[[QuerySet[Any], list[str]], QuerySet[Any]] | None = None


@dataclass(frozen=True)
class Section:
    """A block of the detail page; its plain model fields are also the form. `form=False` keeps it out of the form."""

    title: str
    fields: tuple[str | Column, ...]
    form: bool = True


@dataclass(frozen=True)
class RecordAction:
    """A verb on one record. `why` tells the officer when it is not available; `verb` is the permission.

    prefilled: fields that open with what the record has in the column of the same name.
    bulk: "each" offers it over chosen rows, one by one; "all" over chosen rows, all or none. onward: the page that the
    action leads to, such as that of a record it made; else that of the record itself.
    """

    code: str
    name: str
    run: Callable[[Actor, Any, dict[str, Any]], object]
    fields: tuple[Field, ...] = ()
    available: Callable[[Actor, Any], bool] | None = None
    why: str = ""
    confirm: str = ""
    verb: str = ""
    on_frozen: bool = False
    bulk: Literal["", "each", "all"] = ""
    onward: Callable[[Any], str] | None = None
    prefilled: tuple[str, ...] = ()

    @property
    def permission(self) -> str:
        return self.verb or self.code


@dataclass(frozen=True)
class Serial:
    """A number given at creation: `pattern` has {year} and {n}; counted by register and year, gapless."""

    field: str
    pattern: str


@dataclass
class Imported:
    """What an import did; `errors` by position of the row, each by field."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: dict[int, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Importing:
    """Import of spreadsheets. A row whose `key` is already there changes that record, or is refused.

    `tree` names the field in which a row may name another row of the sheet as its parent: rows may then stand in any
    order. A many-to-many field takes codes or names set apart by 、 ， ； or line ends.

    With `write` the domain takes the rows as one batch, in the import's transaction: `columns` are then what a sheet
    may hold, whether the model has such fields or not. `synonyms`: other headers that mean a field. `joined_by`: the
    header by which the rows of a second sheet belong to rows of the first. `template` takes the place of the plain one.
    `masks`: how `columns` without a field of the register show while the headers are checked.
    """

    key: tuple[str, ...]
    fields: tuple[str, ...] = ()
    changes: bool = True
    columns: tuple[Field, ...] = ()
    write: Callable[[Actor, list[dict[str, Any]], Callable[[int, int], None] | None], Imported] | None = None
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tree: str = ""
    joined_by: str = ""
    template: Callable[[], BinaryIO] | None = None
    masks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Posting:
    """Adding over the JSON API where the pages have a form of the domain's own: the `fields` of the body, the domain's
    verb, given the idempotency key too, and what it answers beside the record's id."""

    fields: tuple[Field, ...]
    run: Callable[[Actor, dict[str, Any], str], Any]
    answer: Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Bound:
    """A column resolved against the model."""

    name: str
    label: str
    path: Path | None
    call: Callable[[Any], object] | None
    sortable: bool
    mask: str
    past: Callable[[Any, Any], object] | None = None

    def value(self, record: Any) -> object:
        return self.call(record) if self.call is not None else self.path.value(record) if self.path else None


@dataclass(frozen=True)
class BoundFilter:
    name: str
    label: str
    kind: str
    path: Path | None
    choices: tuple[tuple[str, str], ...]
    apply: Callable[[QuerySet[Any], list[str]], QuerySet[Any]] | None

    @property
    def parameters(self) -> tuple[str, ...]:
        return (f"{self.name}.from", f"{self.name}.to") if self.kind == "dates" else (self.name,)


@dataclass(frozen=True, eq=False)
class Register:
    """The declaration. `writes` are the generic doors open: add, change or none of them for a read-only register.

    `related` names further paths to fetch with the page (for callables and __str__). `link` leads a row elsewhere
    than its generic detail page, such as a case page. `adding` is the domain's own page for adding. `panels` add blocks (title, template, context) to the detail.
    `offers`: of the rows that a foreign key of the form could name, those that it takes.
    `large`: may pass 100,000 rows. The model must then have a BigramIndex over `search`, and a column without an index
    orders only what is few.
    """

    code: str
    model: type[Model]
    name: str
    columns: Sequence[str | Column]
    filters: Sequence[str | Filter] = ()
    search: Sequence[str] = ()
    sort: Sequence[str] = ()
    sections: Sequence[Section] = ()
    actions: Sequence[RecordAction] = ()
    serial: Serial | None = None
    create: Callable[[Actor, dict[str, Any]], Any] | None = None
    change: Callable[[Actor, Any, dict[str, Any]], Any] | None = None
    importing: Importing | None = None
    posting: Posting | None = None
    export: bool = True
    api: bool = True
    frozen: Callable[[Any], bool] | None = None
    masks: Mapping[str, str] = field(default_factory=dict)
    offers: Mapping[str, Q] = field(default_factory=dict)
    attachments: bool = False
    # Rows that the database refuses to update: an action on one leaves its version alone.
    append_only: bool = False
    resource: Resource | None = None
    related: Sequence[str] = ()
    link: Callable[[Any], str] | None = None
    adding: str = ""
    panels: Sequence[Callable[[Actor, Any], tuple[str, str, dict[str, Any]]]] = ()
    writes: Sequence[str] = ("add", "change")
    empty: str = ""
    large: bool = False

    @cached_property
    def guard(self) -> Resource:
        """The resource permissions are given on; derived for a Record, with a verb for each action."""
        if self.resource is not None:
            return self.resource
        extra = dict.fromkeys((action.permission, action.name) for action in self.actions)
        known = {code for code, _ in _VERBS}
        verbs = (*_VERBS, *((code, name) for code, name in extra if code not in known))
        return Resource(
            self.code, self.name, self.model, verbs=(*verbs, ("unmask", "查看明文")) if self.masks else verbs
        )

    @cached_property
    def bound_columns(self) -> tuple[Bound, ...]:
        return tuple(self.bind(column) for column in self.columns)

    @cached_property
    def bound_sections(self) -> tuple[tuple[str, tuple[Bound, ...]], ...]:
        sections = self.sections or (Section("基本信息", tuple(self.columns)),)
        return tuple((section.title, tuple(self.bind(item) for item in section.fields)) for section in sections)

    @cached_property
    def bound_filters(self) -> tuple[BoundFilter, ...]:
        return tuple(self._bind_filter(item) for item in self.filters)

    @cached_property
    def searched(self) -> str:
        """What the search looks in, in words."""
        return "、".join(resolve(self.model, name).label for name in self.search)

    @cached_property
    def form_fields(self) -> tuple[str, ...]:
        """Plain editable fields named by the sections, in their order."""
        found: dict[str, None] = {}
        for section in self.sections:
            for item in section.fields if section.form else ():
                bound = self.bind(item)
                if bound.path is not None and bound.path.editable:
                    found[bound.name] = None
        if self.serial is not None:
            found.pop(self.serial.field, None)
        return tuple(found)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Default order, always ending in the primary key."""
        return tuple(self.sort) or ("-pk",)

    def is_ordered(self, name: str) -> bool:
        """Whether an index leads with the column, or it is the default order."""
        plain, options = name.removeprefix("-"), self.model._meta
        if plain in {"pk", "id", self.order[0].removeprefix("-")}:
            return True
        leading = {
            item.fields_orders[0][0]
            for item in options.indexes
            if type(item) is Index and item.fields and not item.condition
        }
        leading |= {item.fields[0] for item in options.total_unique_constraints}
        field = resolve(self.model, plain).field
        return plain in leading or bool(field.unique or field.db_index)

    def bind(self, item: str | Column) -> Bound:
        column = item if isinstance(item, Column) else Column(item)
        if not isinstance(column.source, str):
            if not column.label:
                raise DeclarationError(f"{self.code}: column {column.name} needs a label")
            return Bound(
                column.name, column.label, None, column.source, False, self.masks.get(column.name, ""), column.past
            )
        path = resolve(self.model, column.source)
        mask = self.masks.get(column.name, "")
        sortable = path.sortable if column.sortable is None else column.sortable
        return Bound(column.name, column.label or path.label, path, None, sortable and not mask, mask)

    def _bind_filter(self, item: str | Filter) -> BoundFilter:
        spec = item if isinstance(item, Filter) else Filter(item)
        if spec.name in RESERVED:
            raise DeclarationError(f"{self.code}: filter name {spec.name} is reserved")
        if spec.apply is not None:
            if not (spec.label and spec.kind):
                raise DeclarationError(f"{self.code}: filter {spec.name} needs label and kind")
            return BoundFilter(spec.name, spec.label, spec.kind, None, spec.choices, spec.apply)
        path = resolve(self.model, spec.name)
        return BoundFilter(
            spec.name, spec.label or path.label, spec.kind or path.filter_kind, path, spec.choices or path.choices, None
        )

    def action(self, code: str) -> RecordAction | None:
        return next((action for action in self.actions if action.code == code), None)

    @property
    def url(self) -> str:
        return f"/r/{self.code}/"

    def url_of(self, record: Any) -> str:
        return self.link(record) if self.link is not None else f"{self.url}{record.pk}/"


_VERBS = (("view", "查看"), ("add", "新增"), ("change", "修改"), ("export", "导出"), ("import", "导入"))
