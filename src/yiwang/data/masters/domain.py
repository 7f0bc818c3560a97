"""基础库与主题库。"""

from yiwang.data.masters import demo, jobs, measures, pages, registers
from yiwang.data.masters.terms import GUIDE, KEEPER, READER, REVEALER, STEWARD
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec


def _on(scope: Scope, resource: str, *verbs: str) -> tuple[tuple[str, str, Scope], ...]:
    return tuple((f"masters.{resource}", verb, scope) for verb in verbs)


LAKE = (("lake.table", "view", Scope.ALL), ("lake.edge", "view", Scope.ALL))
CATALOGUE = (("catalog.entry", "view", Scope.ALL), ("catalog.resource", "view", Scope.ALL))
SEEN = (*_on(Scope.ALL, "library", "view"), *_on(Scope.ALL, "golden", "view"))

ROLES = (
    RoleSpec(STEWARD, "主数据管理", (
        *LAKE, *CATALOGUE, *_on(Scope.ALL, "library", "view", "export", "add", "design", "build"),
        *_on(Scope.ALL, "design", "view", "export", "publish"), *_on(Scope.ALL, "build", "view", "export"),
        *_on(Scope.ALL, "golden", "view", "export", "decide"), *_on(Scope.ALL, "member", "view", "export"),
        *_on(Scope.ALL, "candidate", "view", "export", "settle"), *_on(Scope.ALL, "decision", "view", "export", "undo"),
        *_on(Scope.ALL, "conflict", "view", "export", "object"), ("governance.objection", "add", Scope.ALL),
        *_on(Scope.ALL, "system", "view", "export", "add", "change", "import"),
        *_on(Scope.ALL, "object", "view", "export", "add", "change", "import", "map"),
        *_on(Scope.ALL, "carrier", "view", "export", "add", "import", "drop"))),
    RoleSpec(READER, "主数据查询", (*LAKE, *SEEN)),
    RoleSpec(REVEALER, "主数据明文查看", (*LAKE, *SEEN, *_on(Scope.ALL, "golden", "reveal"), *_on(Scope.OWN, "look", "view"))),
    RoleSpec(KEEPER, "业务对象维护", (
        *_on(Scope.TREE, "system", "view", "export", "add", "change", "import"),
        *_on(Scope.TREE, "object", "view", "export", "add", "change", "import", "map"),
        *_on(Scope.TREE, "carrier", "view", "export", "add", "import", "drop"), *_on(Scope.TREE, "conflict", "view", "export"),
        *_on(Scope.ALL, "library", "view"))),
)  # fmt: skip


def _menu(label: str, code: str, icon: str) -> MenuItem:
    return MenuItem(label, f"/r/masters.{code}/", (f"masters.{code}", "view"), icon=icon)


DOMAIN = Domain(
    code="masters",
    name="基础库与主题库",
    basis=(f"政务信息资源目录编制指南（试行）（{GUIDE}）", "政务数据共享条例（国令第809号）", "个人信息保护法"),
    wing="data",
    menu=(
        MenuItem("查人查企业", "/masters/search/", ("masters.golden", "view"), icon="search"),
        _menu("基础库与主题库", "library", "book"), _menu("待裁定匹配", "candidate", "list"), _menu("字段冲突", "conflict", "list"),
        _menu("归一裁定", "decision", "list"), _menu("业务对象", "object", "list"), _menu("业务对象承载", "carrier", "list"),
        _menu("信息系统", "system", "list"), _menu("设计版本", "design", "book"), _menu("构建记录", "build", "gear"),
        _menu("明文查看登记", "look", "list"),
    ),
    roles=ROLES,
    registers=registers.REGISTERS,
    measures=measures.MEASURES,
    urls=pages.URLS,
    jobs=jobs.JOBS,
    demo=demo.build,
    demo_after=("catalog",),
    words=(("design", "设计版本"), ("fields", "字段"), ("golden", "主记录数"), ("keeps", "继续使用的主记录号"), ("inputs", "来源表"), ("resource_code", "资源代码"), ("system", "信息系统"), ("table", "数据表"),
        ("masters.create_library", "新增库"), ("masters.draft_design", "起草库设计"), ("masters.publish_design", "发布库设计"),
        ("masters.build", "构建库"), ("masters.build_refused", "构建未通过"), ("masters.resolve", "归一"), ("masters.merge", "判为同一"),
        ("masters.split", "判为不同"), ("masters.undo", "撤销裁定"), ("masters.reveal", "查看明文"), ("masters.carry", "登记承载"),
        ("masters.drop_carrier", "取消承载"), ("masters.add_system", "登记系统"), ("masters.add_object", "登记业务对象"),
    ),
)  # fmt: skip
