"""Which columns are sealed or keyed, found by their declaration; what still needs an old secret."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import F, Field, Model, Q, QuerySet

from yiwang.kernel.crypto import ciphers, keys
from yiwang.kernel.crypto.fields import KeyedDigest, SealedLine, SealedText
from yiwang.kernel.keys.models import Progress

Sealed = tuple[type[Model], SealedLine | SealedText]
Digest = tuple[type[Model], KeyedDigest]


def _fields() -> "Iterator[tuple[type[Model], Field[Any, Any]]]":
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy:
            yield from ((model, field) for field in model._meta.local_concrete_fields)


def sealed_columns() -> list[Sealed]:
    return [(model, field) for model, field in _fields() if isinstance(field, SealedLine | SealedText)]


def digest_columns() -> list[Digest]:
    return [(model, field) for model, field in _fields() if isinstance(field, KeyedDigest)]


def named(column: Sealed | Digest) -> str:
    """table.column, as it is told and as progress is kept by."""
    model, field = column
    return f"{model._meta.db_table}.{field.column}"


def key_name() -> str:
    """The name of the site's current secret, as tokens bear it."""
    return keys.identifier(keys.current("encrypt"))


def waiting(column: Sealed) -> "QuerySet[Any]":
    """Rows whose value is not under the current secret; (pk, token), by pk."""
    model, field = column
    current = f"{ciphers.VERSION}.{key_name()}."
    rows = model._base_manager.filter(~Q(**{field.name: ""}) & ~Q(**{f"{field.name}__startswith": current}))
    return rows.order_by("pk").values_list("pk", F(field.name))


def behind() -> dict[str, int]:
    """{column: values} that only an old secret opens, and digests that were not gone through since the last renewal."""
    found = {named(each): waiting(each).count() for each in sealed_columns()}
    done = set(Progress.objects.filter(name=key_name(), finished_at__isnull=False).values_list("column", flat=True))
    for model, field in digest_columns():
        if named((model, field)) not in done:
            found[named((model, field))] = model._base_manager.exclude(**{field.name: ""}).count()
    return {name: count for name, count in found.items() if count}
