"""研判的授权对象。证据不成台账：看得到哪些诉求由来源按操作人范围决定，所以只授全部范围。"""

from yiwang.city.insight.models import RepeatFinding, TopicRun
from yiwang.kernel.access.doors import Resource, register_resource

REPEAT = register_resource(
    Resource("insight.repeat", "疑似重复", RepeatFinding, organisation=None, owner=None,
             verbs=(("judge", "研判"), ("find", "查找")))
)  # fmt: skip
TOPIC = register_resource(
    Resource("insight.topic", "热点", TopicRun, organisation=None, owner=None, verbs=(("run", "计算"),))
)
