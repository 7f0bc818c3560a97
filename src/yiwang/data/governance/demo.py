"""示范城市的治理：几个部门的检查结论、一张未办结的整改单、等人确认的规则建议、核实中的异议、本月质量分。"""

from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance.flows import PROVIDER, STEWARD
from yiwang.data.governance.models import Issue, Run
from yiwang.data.governance.services import objections, proposing, scoring
from yiwang.data.governance.terms import RunState
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.flow import services as flow
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

WRONG = "date"


def _holder(role: str, *, organisation_id: int | None = None, besides: int | None = None) -> Actor | None:
    found = Person.objects.filter(appointments__post__roles__role__code=role).order_by("pk")
    if organisation_id is not None:
        found = found.filter(appointments__post__organisation_id=organisation_id)
    if besides is not None:
        found = found.exclude(appointments__post__organisation_id=besides)
    person = found.first()
    return actor_of_person(person) if person else None


def _object(steward: Actor, run: Run) -> None:
    """Another department finds a value wrong; the steward has taken it up, the provider is asked."""
    other = _holder(PROVIDER, besides=run.organisation_id)
    snapshot = lake.numbered(lake.table(catalog.resource(SYSTEM, run.rule_set.resource).table), run.snapshot or 0)
    key = snapshot.table.key
    others = [name for name in run.rule_set.columns if name not in key]
    fields = sorted(others, key=lambda name: run.rule_set.columns[name] != WRONG)
    if other is None or not fields:
        return
    row = lake.rows(snapshot, [*key, fields[0]], limit=1)[0]
    found = objections.open_objection(
        other, run.rule_set.resource, snapshot.number, [row[name] for name in key], fields[0],
        "与我单位办件档案记载不一致，请核对原始材料。",
    )  # fmt: skip
    flow.act(steward, found.case_id, "accept", opinion="材料齐全，请提供单位核实。")


def build() -> list[tuple[str, str, str]]:
    """Once, when data was handed in."""
    runs = list(Run.objects.filter(state=RunState.DONE).select_related("rule_set").order_by("pk"))
    steward = _holder(STEWARD)
    if not runs or steward is None or Issue.objects.exists():
        return []
    for run in [run for run in runs if run.bad][:2]:
        scoring.open_issue(steward, run.pk)
    first = Issue.objects.order_by("pk").first()
    provider = _holder(PROVIDER, organisation_id=runs[0].organisation_id)
    if first is not None and provider is not None and Issue.objects.count() > 1:
        flow.act(provider, first.case_id, "fixed", opinion="已对照业务台账更正，本周重新报送。")
    published = [run for run in runs if run.snapshot]
    if published:
        proposing.profile(steward, max(published, key=lambda run: run.rows).pk)
        _object(steward, published[-1])
    scoring.score_month(steward, timezone.localdate())
    return []
