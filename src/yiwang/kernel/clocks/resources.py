"""What permissions are given on."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.clocks.models import ParkedTimer

# Of the room that system administrators are given: a timer that fails is upkeep, not an officer's work.
TIMER = register_resource(
    Resource(
        "jobs.parked_timer", "搁置的定时", ParkedTimer, organisation=None, owner=None, verbs=(("view", "查看"), ("retry", "重试")),
    )
)  # fmt: skip
