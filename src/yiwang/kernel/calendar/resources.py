"""What permissions are given on."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.calendar.models import CalendarVersion

CALENDAR = register_resource(
    Resource(
        "calendar.version", "工作日历", CalendarVersion, organisation=None, owner=None,
        verbs=(("view", "查看"), ("publish", "发布")),
    )
)  # fmt: skip
