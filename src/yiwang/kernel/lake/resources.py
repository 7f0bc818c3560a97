"""What permissions of the lake are given on."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.lake.models import Edge, LakeTable, Proof, Snapshot

VIEW = (("view", "查看"), ("export", "导出"))
TABLE = register_resource(Resource("lake.table", "湖表", LakeTable, verbs=(*VIEW, ("keep", "保留期与合并小文件"))))
SNAPSHOT = register_resource(
    Resource("lake.snapshot", "快照", Snapshot, organisation="table__organisation", verbs=(*VIEW, ("hold", "长期保留")))
)
EDGE = register_resource(
    Resource("lake.edge", "血缘", Edge, organisation="target__organisation", owner=None, verbs=VIEW)
)
PROOF = register_resource(
    Resource(
        "lake.proof", "个人信息删除证明", Proof, organisation="table__organisation", verbs=(*VIEW, ("check", "核对"))
    )
)
