"""What permissions of the flow room are given on."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.flow.models import Case, FlowVersion, ParkedMessage

CASE = register_resource(
    Resource("flow.case", "案件", Case, owner="opener_person",
             verbs=(("view", "查看"), ("view_sensitive", "查看敏感案件"), ("verify", "校验记录链")))
)  # fmt: skip
VERSION = register_resource(
    Resource("flow.version", "流程版本", FlowVersion, organisation="", owner="",
             verbs=(("view", "查看"), ("migrate", "换版")))
)  # fmt: skip
# Of the room that system administrators are given, though cases own the rows: a failed delivery is upkeep.
PARKED = register_resource(
    Resource("jobs.parked_message", "搁置的待送达", ParkedMessage, organisation=None, owner=None,
             verbs=(("view", "查看"), ("retry", "重送")))
)  # fmt: skip
