"""示范：规则载入，一次识别已确认、一次待确认。"""

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection import services
from yiwang.data.protection.models import GradingRule, Scan
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person


def build() -> list[tuple[str, str, str]]:
    person = Person.objects.filter(appointments__post__roles__role__code="protection.keeper").order_by("pk").first()
    if person is None:
        return []
    keeper = actor_of_person(person)
    if not GradingRule.objects.exists():
        services.load_standard(keeper)
    if Scan.objects.exists():
        return []
    found = [facts for facts in catalog.resources(SYSTEM) if any(not item.graded for item in facts.items)]
    for number, facts in enumerate(sorted(found, key=lambda facts: (facts.snapshot == 0, facts.id))[:2]):
        scan = services.request_scan(keeper, facts.id)
        services.run_scan(SYSTEM, scan.pk)
        if number == 0:
            services.accept_all(keeper, scan.pk)
    return []
