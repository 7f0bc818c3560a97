"""目录的台账。"""

from yiwang.data.catalog.models import Category, Resource, SearchEntry
from yiwang.kernel.access.doors import Resource as Guard
from yiwang.kernel.access.doors import register_resource
from yiwang.kernel.registers.declarations import Register, Section
from yiwang.kernel.registers.registry import register

ENTRY = register_resource(Guard("catalog.entry", "目录检索", SearchEntry, owner=None, verbs=(("view", "查看"),)))
CATEGORY = register_resource(
    Guard(
        "catalog.category",
        "资源分类",
        Category,
        organisation=None,
        owner=None,
        verbs=(("view", "查看"), ("add", "新增")),
    )
)
RESOURCE = register_resource(
    Guard(
        "catalog.resource", "信息资源", Resource,
        verbs=(("view", "查看"), ("add", "新增"), ("change", "修改"), ("export", "导出"), ("import", "导入"),
               ("grade", "定级"), ("take_over", "补录已发布目录")),
    )
)  # fmt: skip

RESOURCES = register(
    Register(
        code="catalog.resource",
        model=Resource,
        name="目录编制",
        resource=RESOURCE,
        columns=("code", "name", "organisation", "share_type", "open_type", "cycle", "item_count", "publish_state", "online_state"),
        filters=("publish_state", "online_state", "share_type", "cycle"),
        search=("name", "code"),
        related=("organisation",),
        sort=("-id",),
        sections=(Section("目录", ("code", "name", "abstract", "category", "theme", "organisation")),),
        writes=(),
        empty="还没有编制目录。",
    )
)  # fmt: skip
