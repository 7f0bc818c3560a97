"""Retention and compaction."""

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.lake.models import LakeTable, Snapshot


def expire(actor: Actor, table: LakeTable, keep: int) -> int:
    raise NotImplementedError


def compact(actor: Actor, table: LakeTable) -> Snapshot | None:
    raise NotImplementedError
