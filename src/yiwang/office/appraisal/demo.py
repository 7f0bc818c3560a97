"""演示考核：办法、各月通报、复核成立与不成立各一件。"""

from datetime import date, timedelta

from django.utils import timezone

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow import services as flow
from yiwang.kernel.measures.periods import month_of
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person
from yiwang.office.appraisal.models import Deduction, Period, Scheme
from yiwang.office.appraisal.services import appeals, deductions, periods, schemes

MONTHS = 6
BASIS = "演示办法第5条（参照各地政府热线月度考核）"
INDICATORS = "hotline.on_time | 40\nhotline.satisfaction | 40\nhotline.signed_in_time | 20"
RULES = "\n".join(
    f"{code} | {name} | 0.2 | {BASIS}"
    for code, name in (
        ("12345-1", "未按时签收"), ("12345-2", "超期办理"), ("12345-3", "回访不满意"), ("12345-4", "答复无实质内容"),
        ("12345-5", "二次退单"), ("M-1", "督办事项未按期反馈"),
    )
)  # fmt: skip
SUPERVISION = "督办事项未在期限内反馈，督办台账有记录。"


def _actor(post: str, unit: str) -> Actor:
    holder = Person.objects.get(appointments__post__code=post, appointments__post__organisation__code=unit)
    return actor_of_person(holder)


def _units() -> list[int]:
    """Departments and subdistricts that handle requests; not the government itself nor the offices that judge."""
    found = Organisation.objects.filter(parent__code="GOV").exclude(code__in=("BUREAU", "HOTLINE", "OVERSIGHT"))
    return list(found.order_by("path").values_list("pk", flat=True))


def _months() -> list[date]:
    """First days of the months of the demonstration, oldest first, the running one last."""
    found = [timezone.localdate().replace(day=1)]
    while len(found) < MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found[::-1]


def _version(officer: Actor, first: date) -> Scheme:
    scheme = schemes.create_scheme(officer, code="HOTLINE", name="政务热线办理考核办法")
    draft = schemes.draft_version(
        officer, scheme, number="1", effective_from=first, indicator_lines=INDICATORS, rule_lines=RULES
    )
    schemes.publish_version(officer, draft)
    return scheme


def _appeal(period: Period, deduction: Deduction, action: str, opinion: str) -> None:
    """The unit's head asks, the reviewer decides."""
    unit = deduction.organisation.code
    found = appeals.appeal(_actor("head", unit), deduction.pk, statement="工单办理记录和现场照片附后，请复核。")
    flow.act(_actor("reviewer", "OVERSIGHT"), found.case_id, action, opinion=opinion)


def build() -> list[tuple[str, str, str]]:
    """Past months frozen with their bulletins, the running one open. Does nothing the second time."""
    if Scheme.objects.exists():
        return []
    officer, units, months = _actor("officer", "OVERSIGHT"), _units(), _months()
    scheme = _version(officer, months[0])
    for position, month in enumerate(months):
        period = periods.open_period(officer, scheme, month, units)
        periods.collect(officer, period)
        if position == len(months) - 1:
            continue
        by_hand = [
            deductions.deduct(
                officer, period, organisation_id=units[(position + step) % len(units)], rule_code="M-1",
                subject=("manual", f"督办{month:%Y%m}-{step}"), evidence=SUPERVISION,
                happened_on=month_of(month).stop - timedelta(days=3),
            )
            for step in (1, 4)
        ]  # fmt: skip
        periods.freeze_period(officer, period)
        if position == len(months) - 3:
            _appeal(period, by_hand[0], "uphold", "反馈时间在期限内，系统登记迟延，申请成立。")
        if position == len(months) - 2:
            _appeal(period, by_hand[1], "dismiss", "提交的材料不能证明按期反馈，维持扣分。")
    return []
