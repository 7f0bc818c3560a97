"""Deleting persons from every retained snapshot, with a proof that can be read again."""

from collections.abc import Iterable, Sequence
from typing import Any

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.lake.models import LakeTable, Proof


def rewrite_without(actor: Actor, table: LakeTable, keys: Iterable[Sequence[Any]], reason: str) -> Proof:
    raise NotImplementedError
