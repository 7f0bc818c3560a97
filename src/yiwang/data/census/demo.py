"""示范普查：各单位职能按已有资源生成，一次普查，部分单位逾期未报。"""

from datetime import timedelta

from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.census import services
from yiwang.data.census.models import Duty, Survey
from yiwang.data.census.terms import MANAGER
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

UNREPORTED, UNMATCHED = 7, 11


def _duties(found: list[catalog.ResourceFacts]) -> None:
    """A duty for the resources of a unit that speak of one thing; every eleventh has no resource yet."""
    named: dict[tuple[int, str], list[int]] = {}
    for each in found:
        named.setdefault((each.organisation_id, each.name.removesuffix("信息")[:-2]), []).append(each.id)
    duties = [
        Duty(code=f"ZN-{number:04}", name=f"{thing}的登记、管理与监督检查", basis="部门职能配置、内设机构和人员编制规定",
             organisation_id=unit, is_demo=True)
        for number, (unit, thing) in enumerate(named, start=1)
    ]  # fmt: skip
    Duty.objects.bulk_create(duties)
    Duty.resources.through.objects.bulk_create(
        Duty.resources.through(duty=duty, resource_id=pk)
        for number, (duty, ids) in enumerate(zip(duties, named.values(), strict=True)) if number % UNMATCHED for pk in ids
    )  # fmt: skip


def build() -> list[tuple[str, str, str]]:
    """Does nothing the second time."""
    if Survey.objects.exists():
        return []
    found = catalog.resources(SYSTEM, published=False)
    _duties(found)
    manager = actor_of_person(Person.objects.filter(appointments__post__roles__role__code=MANAGER).earliest("pk"))
    held = catalog.published_counts(each.organisation_id for each in found)
    today = timezone.localdate()
    survey = services.open_survey(
        manager, title="全区公共数据资源普查", basis="政务数据共享条例；本区公共数据资源普查方案（演示）",
        starts_on=today - timedelta(days=60), due_on=today - timedelta(days=5), units=Organisation.objects.filter(pk__in=held),
        is_demo=True,
    )  # fmt: skip
    for number, target in enumerate(survey.targets.order_by("pk")):
        if number % UNREPORTED != UNREPORTED - 1:
            own = held[target.organisation_id]
            services.report_survey(SYSTEM, target.pk, systems=1 + number % 4, holdings=own + number % 3)
    services.remind(manager, survey.pk)
    return []
