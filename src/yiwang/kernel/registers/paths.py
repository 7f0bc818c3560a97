"""Field paths: resolved once against the model, read many times."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone

from yiwang.kernel.calendar import fields
from yiwang.kernel.flow.definitions import Field


class DeclarationError(ValueError):
    """A declaration names something that the model does not have."""


_KINDS: tuple[tuple[type[Any], str], ...] = (
    (models.ManyToManyField, "many"),
    (models.ForeignKey, "related"),
    (models.DateTimeField, "datetime"),
    (models.DateField, "date"),
    (models.BooleanField, "boolean"),
    (models.DecimalField, "decimal"),
    (models.FloatField, "decimal"),
    (models.IntegerField, "integer"),
    (models.TextField, "long_text"),
    (models.CharField, "text"),
    (models.JSONField, "json"),
)


@dataclass(frozen=True)
class Path:
    """A path over foreign keys to a concrete field."""

    path: str
    chain: tuple[Any, ...]
    kind: str

    @property
    def field(self) -> Any:
        return self.chain[-1]

    @property
    def label(self) -> str:
        return str(self.field.verbose_name)

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        return tuple((str(value), str(label)) for value, label in self.field.flatchoices)

    @property
    def is_due(self) -> bool:
        return isinstance(self.field, fields.DueField)

    @property
    def related_path(self) -> str:
        """What select_related has to fetch for this path."""
        names = self.path.split("__")
        return "__".join(names if self.field.is_relation else names[:-1])

    @property
    def sortable(self) -> bool:
        return len(self.chain) == 1 and self.kind in {"text", "integer", "decimal", "date", "datetime", "choice"}

    @property
    def editable(self) -> bool:
        return len(self.chain) == 1 and bool(self.field.editable) and not self.field.primary_key

    @property
    def filter_kind(self) -> str:
        if self.kind in {"choice", "boolean", "related", "organisation"}:
            return self.kind
        return "dates" if self.kind in {"date", "datetime"} else "text"

    def value(self, record: Any) -> Any:
        for field in self.chain:
            if record is None:
                return None
            record = getattr(record, field.name)
        return list(record.all()) if self.kind == "many" else record


def resolve(model: type[models.Model], path: str) -> Path:
    chain: list[Any] = []
    current: Any = model
    for name in path.split("__"):
        if current is None:
            raise DeclarationError(f"{model.__name__}.{path}: {chain[-1].name} leads nowhere")
        try:
            field = current._meta.pk if name == "pk" else current._meta.get_field(name)
        except FieldDoesNotExist as error:
            raise DeclarationError(f"{model.__name__}.{path}: {error}") from error
        if not field.concrete or (field.many_to_many and "__" in path):
            raise DeclarationError(f"{model.__name__}.{path}: {name} is not a column; use a callable with `related`")
        chain.append(field)
        current = field.related_model if field.is_relation else None
    return Path(path, tuple(chain), _kind(chain[-1]))


def _kind(field: Any) -> str:
    if field.choices:
        return "choice"
    if field.many_to_one and field.related_model._meta.label == "orgs.Organisation":
        return "organisation"
    return next((kind for base, kind in _KINDS if isinstance(field, base)), "other")


# A quantity of five digits is read in threes; four may be a year or a port.
GROUPED_FROM = 10_000


def display(value: object, path: Path | None = None) -> str:
    """The value as an officer reads it."""
    if value is None or value == "":
        return ""
    if isinstance(value, list | tuple):
        return "、".join(filter(None, (display(item, path) for item in value)))
    if isinstance(value, str) and path is not None and path.kind == "datetime":
        value = path.field.to_python(value)
    if path is not None and path.kind == "choice":
        return dict(path.choices).get(str(value), str(value))
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime.datetime):
        return fields.written(value) if path and path.is_due else timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        threes = "" if -GROUPED_FROM < value < GROUPED_FROM else ","
        return f"{value:{threes}f}" if isinstance(value, Decimal) else f"{value:{threes}}"
    if isinstance(value, dict):
        return "；".join(f"{name}：{display(item) or '—'}" for name, item in value.items())
    return str(value)


_MADE: dict[str, type[Any]] = {
    "text": models.CharField, "long_text": models.TextField, "integer": models.IntegerField, "decimal": models.DecimalField,
    "date": models.DateField, "datetime": models.DateTimeField, "boolean": models.BooleanField, "choice": models.CharField,
}  # fmt: skip


def virtual(spec: Field) -> Path:
    """A column that no model has, read as a declared field says."""
    if spec.kind not in _MADE:
        raise DeclarationError(f"{spec.name}: a column cannot be a {spec.kind}")
    made = _MADE[spec.kind](
        spec.label, blank=not spec.required, help_text=spec.help, choices=list(spec.choices) or None
    )
    made.name = spec.name
    return Path(spec.name, (made,), spec.kind)
