"""Registers of the lake: tables, snapshots, lineage and proofs of deletion. Rows of a table are its domain's to show."""

from typing import Any

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.lake import jobs, resources, services
from yiwang.kernel.lake.models import Edge, LakeTable, Proof, Snapshot
from yiwang.kernel.registers.declarations import Column, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

REASON = Field("reason", "理由", "text", required=True, help="写入审计记录")
MEGABYTE = 1 << 20


def _column_names(table: LakeTable) -> str:
    return "、".join(f"{column['title']}（{column['type']}）" for column in table.columns)


def _key(table: LakeTable) -> str:
    titles = {column["name"]: column["title"] for column in table.columns}
    return "、".join(titles[name] for name in table.key) or "没有主键"


def _current(table: LakeTable) -> str:
    held = table.current
    return f"第 {held.number} 号，{held.rows:,} 行" if held else "尚未发布"


TABLES = register(
    Register(
        code="lake.table", model=LakeTable, name="湖表", resource=resources.TABLE, writes=(), api=False,
        columns=("title", "name", "organisation", Column(_current, "现行快照"), "keep", "sealed"),
        filters=("organisation", "sealed"), search=("name", "title"), related=("current", "organisation"),
        sections=(Section("湖表", ("title", "name", "organisation", Column(_key, "主键"), "partition",
                                 Column(_column_names, "列"), Column(_current, "现行快照"), "keep", "sealed", "created_by", "created_at")),),
        actions=(
            RecordAction(
                "keep", "改保留快照数",
                lambda actor, table, data: services.set_retention(actor, table, int(data["keep"]), data["reason"]),
                fields=(Field("keep", "保留最近几个已发布的快照", "integer", required=True, help="0 为全部保留；到期的夜间清理"),
                        REASON),
                confirm="到期的快照不能再按号读取，也不能回退到它。",
            ),
        ),
        empty="还没有湖表。部门数据归集入湖后在此登记。",
    )
)  # fmt: skip


def _cause(held: Snapshot) -> str:
    return "；".join(f"{name}：{value}" for name, value in held.cause.items()) or "—"


def _counts(held: Snapshot) -> str:
    words = {"added": "新增", "changed": "更新", "removed": "删除"}
    return "，".join(f"{words[name]} {count:,} 行" for name, count in held.counts.items() if name in words) or "—"


def _size(held: Snapshot) -> str:
    return f"{held.bytes / MEGABYTE:,.1f} MB，{len(held.files)} 个文件"


def _state(held: Snapshot) -> str:
    if held.expired_at is not None:
        return "已失效"
    if held.table.current_id == held.pk:
        return "现行"
    return "曾发布" if held.publications.all() else "待发布"


SNAPSHOTS = register(
    Register(
        code="lake.snapshot", model=Snapshot, name="快照", resource=resources.SNAPSHOT, writes=(), api=False,
        columns=("table", "number", "kind", Column(_state, "状态"), "rows", Column(_counts, "变化"), "created_at", "created_by"),
        filters=("table", "kind", "created_at"), search=("table__name", "table__title"), sort=("-pk",),
        related=("table", "base", "publications"),
        sections=(Section("快照", ("table", "number", "kind", Column(_state, "状态"), "base", "created_by", "created_at",
                                 "expired_at", "hold")),
                  Section("内容", ("rows", Column(_size, "大小"), Column(_counts, "变化"), Column(_cause, "来由"), "digest"))),
        actions=(
            RecordAction(
                "hold", "长期保留", lambda actor, held, data: services.hold(actor, held, data["reason"]), fields=(REASON,),
                available=lambda actor, held: held.expired_at is None and not held.hold, why="已失效或已在保留。",
            ),
        ),
        append_only=True, empty="还没有快照。",
    )
)  # fmt: skip


def _source(edge: Edge) -> str:
    return edge.source.title if edge.source else edge.origin


EDGES = register(
    Register(
        code="lake.edge", model=Edge, name="血缘", resource=resources.EDGE, writes=(), api=False, append_only=True,
        columns=("target", "column", Column(_source, "来源"), "source_column", "transform", "snapshot"),
        filters=("target", "source"), search=("column", "source_column", "origin"), related=("target", "source", "snapshot__table"),
        empty="还没有血缘。数据入湖时随快照登记。",
    )
)  # fmt: skip


def _check(actor: Actor, proof: Proof, data: dict[str, Any]) -> None:
    jobs.check_proof(actor, proof)


def _reach(proof: Proof) -> str:
    gone = sum(each["rows_before"] - each["rows_after"] for each in proof.snapshots)
    return f"{len(proof.snapshots)} 个快照共删去 {gone:,} 行，重写 {len(proof.content['files'])} 个文件"


PROOFS = register(
    Register(
        code="lake.proof", model=Proof, name="个人信息删除证明", resource=resources.PROOF, writes=(), api=False,
        columns=("table", "keys", Column(_reach, "范围"), "reason", "created_by", "created_at"),
        filters=("table", "created_at"), search=("reason",), related=("table",), append_only=True,
        sections=(Section("证明", ("table", "keys", Column(_reach, "范围"), "reason", "snapshot", "keys_mac", "mac",
                                 "created_by", "created_at")),),
        actions=(RecordAction("check", "重新核对", _check, confirm="在后台核对校验码、旧文件已删除、新文件未变；结果见“后台任务”。"),),
        empty="还没有个人信息删除。",
    )
)  # fmt: skip
