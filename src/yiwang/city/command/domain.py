"""综合指挥。"""

from yiwang.city.command import registers
from yiwang.city.command.demo import build
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

VIEW = tuple((resource, "view", Scope.ALL) for resource in ("command.edition", "command.matter"))
DOMAIN = Domain(
    code="command",
    name="事项词典",
    basis=("国办发〔2020〕53号", "GB/T 44189-2024 政务服务便民热线运行指南"),
    wing="city",
    menu=(
        MenuItem("事项词典", "/r/command.matter/", ("command.matter", "view"), icon="book"),
        MenuItem("词典版本", "/r/command.edition/", ("command.edition", "view"), icon="book"),
    ),
    roles=(
        RoleSpec(
            "command.editor",
            "词典管理员",
            (
                *VIEW,
                *((resource, verb, Scope.ALL) for resource in ("command.edition", "command.matter")
                  for verb in ("add", "change", "export", "import")),
                ("command.edition", "publish", Scope.ALL),
            ),
        ),
        RoleSpec("command.reader", "词典查阅", (*VIEW, ("command.matter", "export", Scope.ALL))),
    ),
    registers=(registers.EDITIONS, registers.MATTERS),
    demo=build,
    words=(("command.create_edition", "新建版本"), ("command.publish_edition", "发布版本"), ("command.save_matter", "修改事项"),),
)  # fmt: skip
