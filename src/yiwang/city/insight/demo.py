"""演示城市的研判：查重复、算热点、由科长认定，经由服务生成。"""

from datetime import timedelta

from django.utils import timezone

from yiwang.city.insight import queries, services
from yiwang.city.insight.models import RepeatFinding, TopicRun
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

DAYS = 170
EVENT = "锦绣家园旁工地夜间施工噪音"


def _officer(post: str) -> Actor:
    held = {"appointments__post__code": post, "appointments__post__organisation__code": "HOTLINE"}
    return actor_of_person(Person.objects.get(**held))


def build() -> list[tuple[str, str, str]]:
    """Of every four findings two are confirmed, one is not, one waits for the section chief; what many told is made one
    event. Does nothing the second time."""
    if TopicRun.objects.exists():
        return []
    manager, today = _officer("manager"), timezone.localdate()
    since = today - timedelta(days=DAYS)
    services.find_repeats(manager, since, today)
    services.compute_topics(manager, since, today)
    for number, finding in enumerate(RepeatFinding.objects.order_by("request_id", "pk").values_list("pk", flat=True)):
        if number % 4 < 3:
            services.judge_repeat(manager, finding, confirmed=number % 4 < 2)
    now = timezone.now()
    told = [
        each.id
        for each in queries.source().received(manager, now - timedelta(days=DAYS + 1), now)
        if each.title == EVENT
    ]
    if len(told) > 1:
        services.group(_officer("dispatcher"), told, EVENT, "同一工地夜间施工，多名居民分别反映。")
    return []
