"""Renew: seal every declared column anew, make digests anew, keep what can't be made again good."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from yiwang.kernel.crypto import CryptoProblem, decrypt, encrypt, keys
from yiwang.kernel.keys import queries
from yiwang.kernel.keys.models import DERIVED, DerivedKey, Progress, forget

BATCH = 500
Tell = Callable[[str, int], None]


def silent(column: str, count: int) -> None:
    """Nobody asked for progress."""


def keep_derived() -> None:
    """Keep the keys of lasting purposes that the secrets in use derive, the current one's first."""
    known = set(DerivedKey.objects.values_list("purpose", "name"))
    made = False
    for purpose in keys.lasting_purposes():
        # Names are of the secret, not of the derived key: one secret, one name everywhere.
        for name, key in zip(_secret_names(), keys.all_keys(purpose), strict=True):
            if (purpose, name) not in known:
                token = encrypt(key.hex(), DERIVED)
                DerivedKey.objects.get_or_create(purpose=purpose, name=name, defaults={"sealed": token})
                made = True
    if made:
        transaction.on_commit(forget)
        forget()


def _secret_names() -> list[str]:
    return [keys.identifier(key) for key in keys.all_keys("encrypt")]


def renew(tell: Tell = silent) -> int:
    """Put every declared column under the current secret; how many values changed. Cut off, it goes on where it was.

    A value that no key opens is passed over and told at the end.
    """
    keep_derived()
    count, unread = 0, list[str]()
    for column in queries.sealed_columns():
        changed, problems = _reseal(column)
        count, unread = count + changed, unread + problems
        if changed:
            tell(queries.named(column), changed)
    for digest in queries.digest_columns():
        changed = _remake(digest)
        count += changed
        if changed:
            tell(queries.named(digest), changed)
    forget()
    if unread:
        raise CryptoProblem(
            f"{len(unread)} 个密文没有密钥能解开，未更换：{'、'.join(unread[:5])}。请把旧密钥列入备用密钥后重试。"
        )
    return count


def _reseal(column: queries.Sealed) -> tuple[int, list[str]]:
    """(values changed, rows that no key opens), a batch a transaction."""
    field = column[1]
    count, unread, last = 0, list[str](), None
    while True:
        rows = queries.waiting(column)
        batch = list((rows if last is None else rows.filter(pk__gt=last))[:BATCH])
        if not batch:
            return count, unread
        last, changes = batch[-1][0], []
        for pk, token in batch:
            try:
                changes.append((pk, token, encrypt(decrypt(token, field.about), field.about)))
            except CryptoProblem:
                unread.append(f"{queries.named(column)} 第 {pk} 行")
        count += _replace(column, changes)


def _remake(column: queries.Digest) -> int:
    """Digests whose value is still here, under the current key; the place reached is kept with each batch."""
    model, field = column
    module, _, function = field.remade.partition(":")
    remade: Callable[[Any], str] = getattr(import_module(module), function)
    name, count = queries.key_name(), 0
    done, _ = Progress.objects.get_or_create(column=queries.named(column), defaults={"name": name})
    if done.name != name:
        done.name, done.last, done.finished_at = name, 0, None
    while done.finished_at is None:
        rows = list(model._base_manager.select_related(*field.related).filter(pk__gt=done.last).order_by("pk")[:BATCH])
        pairs = [(row.pk, getattr(row, field.attname), remade(row)) for row in rows]
        with transaction.atomic():
            count += _replace(column, [each for each in pairs if each[2] and each[1] != each[2]])
            done.last = rows[-1].pk if rows else done.last
            done.finished_at = None if rows else timezone.now()
            done.save()
    return count


def _replace(column: queries.Sealed | queries.Digest, changes: list[tuple[Any, str, str]]) -> int:
    """Set new values where the old ones still stand: what was written meanwhile is under the current key already."""
    model, field = column
    table, name, key = (
        connection.ops.quote_name(each)
        for each in (model._meta.db_table, field.column or "", model._meta.pk.column or "")
    )
    kind = model._meta.pk.rel_db_type(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS t SET {name} = v.new "  # noqa: S608 - names of the models' own columns, quoted
            f"FROM unnest(%s::{kind}[], %s::text[], %s::text[]) AS v(pk, old, new) "
            f"WHERE t.{key} = v.pk AND t.{name} = v.old",
            [[pk for pk, _, _ in changes], [old for _, old, _ in changes], [new for _, _, new in changes]],
        )
        return int(cursor.rowcount)
