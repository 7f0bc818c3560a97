"""报告的演示数据：发布上月的热线月度通报，起草本月的和本年的数据资源工作情况。"""

from datetime import timedelta

from django.utils import timezone

from yiwang.cockpit.reports import queries, services
from yiwang.cockpit.reports.models import Report
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

BULLETIN, DATA = "hotline.bulletin", "reports.data"


def _actor(post: str, organisation: str) -> Actor:
    return actor_of_person(
        Person.objects.get(appointments__post__code=post, appointments__post__organisation__code=organisation)
    )


def build() -> list[tuple[str, str, str]]:
    """By the heads of the hotline and of the bureau. Does nothing the second time, or without the template."""
    template = queries.editions(BULLETIN).first()
    if template is None or Report.objects.exists():
        return []
    actor = _actor("director", "HOTLINE")
    this = timezone.localdate().replace(day=1)
    last = this - timedelta(days=1)
    services.issue(actor, services.draft(actor, template, f"{last:%Y-%m}"))
    services.draft(actor, template, f"{this:%Y-%m}")
    services.draft(_actor("chief", "BUREAU"), queries.editions(DATA)[0], str(this.year))
    return []
