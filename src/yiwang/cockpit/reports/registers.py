"""报告的权限资源。"""

from yiwang.cockpit.reports.models import Report, Template
from yiwang.kernel.access.doors import Resource, register_resource

REPORT = register_resource(
    Resource(
        "reports.report", "报告", Report,
        verbs=(("view", "查看"), ("add", "编制"), ("change", "修改"), ("issue", "发布与更正"), ("export", "下载")),
    )
)  # fmt: skip
TEMPLATE = register_resource(
    Resource(
        "reports.template",
        "报告模板",
        Template,
        organisation="",
        owner="",
        verbs=(("view", "查看"), ("change", "修改")),
    )
)
