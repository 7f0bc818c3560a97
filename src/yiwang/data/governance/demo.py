"""示范城市的治理：几个部门的检查结论、一张未办结的整改单、等人确认的规则建议、核实中的异议、本月质量分。"""

from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance.flows import PROVIDER, STEWARD
from yiwang.data.governance.models import Issue, Proposal, Run
from yiwang.data.governance.services import objections, proposing, scoring
from yiwang.data.governance.terms import RunState
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.flow import services as flow
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

WRONG = "date"
KINDS = {"id_number": "id_number", "person_name": "name", "phone": "phone", "address": "address"}


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


def _grade(run: Run) -> None:
    """One resource is graded, so that both values that may be read and masked ones are seen; the others are not yet."""
    facts = catalog.resource(SYSTEM, run.rule_set.resource)
    levels = {item.id: (3, KINDS[item.name]) if item.name in KINDS else (1, "") for item in facts.items}
    catalog.set_levels(SYSTEM, facts.id, levels, "示范定级：身份号码、姓名为第三级，其余公开")


def _agree(steward: Actor, run: Run) -> None:
    """One proposed repair of values is in a draft."""
    found = Proposal.objects.filter(resource=run.rule_set.resource, template="mend").order_by("pk").first()
    if found is not None:
        proposing.accept(steward, found.pk)


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
        for run in {published[-1], *published[-2:], max(published, key=lambda run: run.rows)}:
            proposing.profile(steward, run.pk)
        _grade(published[-1])
        _agree(steward, published[-2:][0])
        _object(steward, published[-1])
    scoring.score_month(steward, timezone.localdate())
    return []
