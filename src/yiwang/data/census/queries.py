"""普查的读取：进度与逾期。"""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.census.models import Survey
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.measures.queries import percent
from yiwang.kernel.ui.sections import Fact, Section


def pending(found: QuerySet[Any], values: list[str]) -> QuerySet[Any]:
    """Survey targets by whether and when they reported."""
    wanted = {
        "late": Q(reported_at=None, due_on__lt=timezone.localdate()), "pending": Q(reported_at=None),
        "reported": Q(reported_at__isnull=False),
    }  # fmt: skip
    return found.filter(Q(*(wanted[value] for value in values if value in wanted), _connector=Q.OR))


def progress(actor: Actor, survey: Survey) -> dict[str, Any]:
    """Coverage with its denominator, of reports and of entries: published resources against what units say they hold."""
    targets = list(doors.rows(actor, "census.target").filter(survey=survey).select_related("organisation"))
    units = [target.organisation_id for target in targets]
    published = catalog.published_counts(units)
    reported = [target for target in targets if target.reported_at]
    holdings = sum(target.holdings for target in reported)
    compiled = sum(min(published.get(target.organisation_id, 0), target.holdings) for target in reported)
    late = [target for target in targets if not target.reported_at and target.due_on < timezone.localdate()]
    return {
        "total": len(targets), "reported": len(reported), "holdings": holdings, "compiled": compiled, "late": late,
        "coverage": percent(len(reported), len(targets)), "compilation": percent(compiled, holdings),
        "lines": [(target, published.get(target.organisation_id, 0)) for target in targets], "survey": survey,
    }  # fmt: skip


def duties_of(actor: Actor, resource_id: int) -> Section | None:
    """The duties a resource comes from, for its page."""
    found = doors.rows(actor, "census.duty").filter(resources=resource_id)
    facts = tuple(
        Fact(each.code, f"{each.name}（{each.basis}）", f"/r/census.duty/{each.pk}/", wide=True) for each in found
    )
    return Section("对应职能", facts) if facts else None


catalog.add_panel("duties", duties_of)
