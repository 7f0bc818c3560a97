"""What PostgreSQL says of the lake, held against the disk and against what other engines see."""

from collections.abc import Iterator
from pathlib import Path

from yiwang.kernel.crypto import CryptoProblem
from yiwang.kernel.lake import engine, places, proofs
from yiwang.kernel.lake.models import DataFile, LakeTable, Proof, Publication, Snapshot
from yiwang.kernel.lake.services.exporting import facts
from yiwang.kernel.lake.services.writing import digest_of


def problems(*, everything: bool = False) -> Iterator[str]:
    """What is wrong, in words. Current snapshots only; with `everything`, all that are kept."""
    seen: set[int] = set()
    for table in LakeTable.objects.select_related("current").order_by("name"):
        yield from _pointer(table)
        kept = table.snapshots.filter(expired_at=None) if everything else [table.current] if table.current else []
        for snapshot in kept:
            yield from _snapshot(snapshot, seen)
        if table.current is not None and table.current.iceberg_id is not None and not (table.rebuild or table.sealed):
            yield from _exported(table, table.current)
    for proof in Proof.objects.order_by("pk"):
        yield from proofs.problems(proof)


def _pointer(table: LakeTable) -> Iterator[str]:
    last = Publication.objects.filter(snapshot__table=table).order_by("-pk").first()
    if (last.snapshot_id if last else None) != table.current_id:
        yield f"湖表 {table.name} 的现行快照不是最后发布的那个，指针可能被改动。"


def _snapshot(snapshot: Snapshot, seen: set[int]) -> Iterator[str]:
    name = f"湖表 {snapshot.table.name} 第 {snapshot.number} 号快照"
    files = list(DataFile.objects.filter(pk__in=snapshot.files, removed_at=None).select_related("table"))
    if len(files) != len(snapshot.files):
        yield f"{name}缺 {len(snapshot.files) - len(files)} 个文件的登记。"
    if digest_of(files) != snapshot.digest or sum(file.rows for file in files) != snapshot.rows:
        yield f"{name}的摘要或行数与文件登记不符。"
    for file in files:
        if file.pk not in seen:
            seen.add(file.pk)
            yield from _file(file)


def _file(file: DataFile) -> Iterator[str]:
    path = Path(places.absolute(file.path))
    try:
        if proofs.digest_of(path) != file.digest:
            yield f"湖文件内容与登记不符：{file.path}。"
    except FileNotFoundError:
        yield f"湖文件缺失：{file.path}。"
    except CryptoProblem as problem:
        yield f"湖文件打不开：{file.path}，{problem}"
    if path.exists() and file.table.sealed and not file.table.sealing:
        yield f"湖文件应加密存放而有明文：{file.path}。"


def _exported(table: LakeTable, current: Snapshot) -> Iterator[str]:
    """Another engine must see the same files, and nothing deleted beside them."""
    try:
        seen = engine.run(
            "yiwang.kernel.lake.work.iceberg:content", facts(table), memory_mb=1024, seconds=120
        )  # fmt: skip
    except engine.EngineFailed as failure:
        yield f"湖表 {table.name} 的 Iceberg 元数据读不出来（{failure.detail[:120]}），其他引擎暂不可读；平台自身不受影响。"
        return
    ours = sorted(places.absolute(file.path) for file in DataFile.objects.filter(pk__in=current.files))
    if seen["deletes"]:
        yield f"湖表 {table.name} 的 Iceberg 里有 {seen['deletes']} 个“删除文件”：有别的引擎写过，请停用其写权限。"
    if seen["number"] != current.number or seen["paths"] != ours:
        yield f"湖表 {table.name} 的 Iceberg 内容与现行快照不符：有别的引擎写过，下次发布时将重建。"
