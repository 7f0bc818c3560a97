"""普查：布置、填报、催报、结束。"""

from collections.abc import Iterable
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from yiwang.data.census.models import Survey, Target
from yiwang.data.census.terms import UNIT, SurveyState
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.messages.services import notify
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.queries import serving

WARNING_DAYS = 3


@transaction.atomic
def open_survey(
    actor: Actor, *, title: str, basis: str, starts_on: date, due_on: date, units: Iterable[Organisation],
    is_demo: bool = False,
) -> Survey:  # fmt: skip
    """Set a survey to units; everyone asked is a target, so that coverage has its denominator."""
    actor.require("census.survey", "add")
    targets = sorted({unit.pk for unit in units})
    if due_on < starts_on:
        raise Invalid("截止日期不能早于开始日期。", errors={"due_on": ["早于开始日期"]})
    if not targets:
        raise Invalid("请从机构清单中选择普查单位。", errors={"units": ["必填"]})
    made = Survey.objects.create(
        title=title.strip(), basis=basis.strip(), starts_on=starts_on, due_on=due_on, organisation_id=actor.home(),
        created_by_id=actor.person_id, is_demo=is_demo,
    )  # fmt: skip
    Target.objects.bulk_create(
        Target(survey=made, organisation_id=unit, due_on=due_on, created_by_id=actor.person_id, is_demo=is_demo)
        for unit in targets
    )
    ledger.record(actor, "census.open_survey", ("census.survey", made.pk), after={"units": targets})
    return made


@transaction.atomic
def report_survey(actor: Actor, target_id: int, *, systems: int, holdings: int, note: str = "") -> Target:
    """A unit says how many systems and data resources it has; said again it replaces, until the survey is closed."""
    doors.row(actor, "census.target", target_id, "report")
    target = Target.objects.select_for_update(of=("self",)).select_related("survey").get(pk=target_id)
    if target.survey.state == SurveyState.CLOSED:
        raise Refused(f"“{target.survey}”已结束，不能再填报。", code="closed")
    if systems < 0 or holdings < 0:
        raise Invalid("数量不能小于 0。", errors={"holdings": ["不能小于 0"]})
    target.systems, target.holdings, target.note = systems, holdings, note.strip()[:300]
    target.reported_at = target.reported_at or timezone.now()
    target.save()
    ledger.record(
        actor, "census.report_survey", ("census.target", target.pk),
        after={"systems": systems, "holdings": holdings}, organisation_id=target.organisation_id,
    )  # fmt: skip
    return target


@transaction.atomic
def remind(actor: Actor, survey_id: int) -> int:
    """Message the officers of every unit that has not reported; once a day however often it is asked. Returns units."""
    doors.row(actor, "census.survey", survey_id, "remind")
    survey = Survey.objects.select_for_update(of=("self",)).get(pk=survey_id)
    today, now = timezone.localdate(), timezone.now()
    pending = survey.targets.filter(reported_at=None).select_related("organisation")
    late = today > survey.due_on
    count = 0
    for target in pending.exclude(reminded_at__date=today):
        people = serving().filter(post__organisation=target.organisation, post__roles__role__code=UNIT)
        words = f"已于 {survey.due_on} 截止，请立即填报" if late else f"将于 {survey.due_on} 截止，请按期填报"
        notify(
            set(people.values_list("person_id", flat=True)), f"{'逾期' if late else ''}催报：{survey}",
            f"{target.organisation}尚未填报“{survey}”，{words}。", url=f"/r/census.target/{target.pk}/",
            kind="census.survey", dedup=f"census.survey:{target.pk}:{today}",
        )  # fmt: skip
        target.reminders, target.reminded_at = target.reminders + 1, now
        target.save(update_fields=["reminders", "reminded_at", "updated_at"])
        count += 1
    return count


def remind_due(actor: Actor) -> int:
    """Remind in every running survey that ends within days or is over; for the daily job."""
    soon = timezone.localdate() + timedelta(days=WARNING_DAYS)
    running = Survey.objects.filter(state=SurveyState.RUNNING, due_on__lte=soon).order_by("pk")
    return sum(remind(actor, survey.pk) for survey in running)


@transaction.atomic
def close_survey(actor: Actor, survey_id: int) -> None:
    doors.row(actor, "census.survey", survey_id, "close")
    Survey.objects.filter(pk=survey_id).update(state=SurveyState.CLOSED)
    ledger.record(actor, "census.close_survey", ("census.survey", survey_id))
