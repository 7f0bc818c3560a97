"""What permissions are given on."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.clocks.models import Timer

TIMER = register_resource(
    Resource(
        "clocks.timer", "定时", Timer, organisation=None, owner=None, verbs=(("view", "查看"), ("retry", "重试")),
    )
)  # fmt: skip
