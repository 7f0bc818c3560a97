"""Reading a proof of deletion again: its seal, the disk, and on request the data itself."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings

from yiwang.kernel.crypto import CryptoProblem, keys, mac_matches
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake.models import DataFile, Proof

PURPOSE, KEYS = keys.lasting("lake.proof"), keys.lasting("lake.proof.keys")


def plain_key(values: Sequence[Any]) -> tuple[str, ...]:
    """A key as text, the way it is compared, sent and digested."""
    return tuple(value.isoformat() if isinstance(value, date) else str(value) for value in values)


def attested(proof: Proof) -> bytes:
    """The bytes a proof's MAC is made over."""
    facts = [proof.table_id, proof.keys, proof.keys_mac, proof.content, proof.reason]
    return json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, whether it lies there sealed or not. Raises FileNotFoundError, CryptoProblem."""
    digest = hashlib.sha256()
    with sealed.stream(path) as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def problems(proof: Proof, keys: Iterable[Sequence[Any]] | None = None) -> list[str]:
    """What of a proof does not hold today, in words; empty when all does.

    Without `keys`: the seal, the removed files' absence and the new files' digests. With the same `keys` that were
    deleted, every file still kept is searched for them as well (runs the engine).
    """
    found = list(_on_disk(proof))
    if not mac_matches(attested(proof), proof.mac, PURPOSE):
        found.insert(0, f"证明 {proof.pk} 的内容与校验码不符，可能被改动。")
    if keys is not None:
        found += _in_data(proof, sorted({plain_key(each) for each in keys}))
    return found


def _on_disk(proof: Proof) -> Iterator[str]:
    for file in proof.content["files"]:
        if sealed.exists(Path(places.absolute(file["before"]["path"]))):
            yield f"应已删除的文件仍在：{file['before']['path']}。"
        after = file["after"]
        if after["path"] is None or not DataFile.objects.filter(path=after["path"], removed_at=None).exists():
            continue  # nothing left of it, or itself replaced since
        try:
            if digest_of(Path(places.absolute(after["path"]))) != after["digest"]:
                yield f"重写后的文件内容与证明不符：{after['path']}。"
        except FileNotFoundError:
            yield f"重写后的文件缺失：{after['path']}。"
        except CryptoProblem as problem:
            yield f"重写后的文件打不开：{after['path']}，{problem}"


def _in_data(proof: Proof, wanted: list[tuple[str, ...]]) -> list[str]:
    if not mac_matches(json.dumps(wanted).encode(), proof.keys_mac, KEYS):
        return ["给出的主键不是本证明所删除的那些。"]
    kept = list(DataFile.objects.filter(table=proof.table, removed_at=None))
    found: dict[str, int] = engine.run(
        "yiwang.kernel.lake.work.rewriting:search",
        {
            "columns": proof.table.columns, "key": proof.table.key, "keys": wanted,
            "files": [{"id": file.pk, "path": places.absolute(file.path)} for file in kept],
        },
        memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS,
    )  # fmt: skip
    left = {file.path: found[str(file.pk)] for file in kept if str(file.pk) in found}
    return [f"{path} 里仍有 {rows} 行。" for path, rows in sorted(left.items())]
