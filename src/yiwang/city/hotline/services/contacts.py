"""查看联系方式：承办单位平时只见脱敏电话，有正当用途的逐次查看、逐次留痕、限次；举报与保密件一律不得查看。"""

from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import ContactView, Reporter, Request
from yiwang.city.hotline.terms import Purpose
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.crypto import decrypt
from yiwang.kernel.ledger import services as ledger

# 个人信息保护法第6条、第51条：最小必要，并按权限和次数控制。
MOST_VIEWS, WITHIN = 20, timedelta(hours=24)
RULE = "个人信息保护法第6条、第51条"


@transaction.atomic
def view_contact(actor: Actor, request_id: int, *, purpose: str, explanation: str) -> queries.ReporterView:
    """Name and telephone in full, once, for a stated purpose; written down before it is shown."""
    actor.require("hotline.reporter", "contact")
    found = queries.request(actor, request_id)
    stored = _open_to(actor, found)
    if purpose not in Purpose.values:
        raise Invalid("请选择查看用途。", errors={"purpose": ["必选"]})
    if not 4 <= len(explanation.strip()) <= 200:
        raise Invalid("请用 4 至 200 字说明为何须联系诉求人。", errors={"explanation": ["4 至 200 字"]})
    person_id = _within_limit(actor)
    view = ContactView.objects.create(
        request=found, organisation_id=actor.organisation_id or found.organisation_id, person_id=person_id,
        purpose=purpose, explanation=queries.redact(explanation.strip()),
    )  # fmt: skip
    ledger.record(
        actor, "hotline.view_contact", ("hotline.request", found.pk),
        after={"number": found.number, "purpose": purpose, "view": view.pk}, reason=view.explanation,
    )  # fmt: skip
    name, phone = (decrypt(each) if each else "" for each in (stored.name, stored.phone))
    return queries.ReporterView(name, phone, stored.wants_callback, False)


def _open_to(actor: Actor, found: Request) -> Reporter:
    """A secret reporter is refused whatever the permission; else the scope of the permission decides."""
    if queries.secret(found):
        raise Refused(
            "举报件与要求保密的诉求，诉求人的联系方式对承办单位保密，不能查看。", rule="GB/T 33358-2016 保密办理"
        )
    if found.case.status == "closed":
        raise Refused("工单已办结，不再提供联系方式。需要联系的请与热线机构联系。", rule=RULE)
    held = Reporter.objects.filter(request=found).first()
    if held is None or not held.phone:
        raise Refused("该诉求没有留下电话。", code="absent")
    reporter: Reporter = doors.row(actor, "hotline.reporter", held.pk, "contact")
    return reporter


def _within_limit(actor: Actor) -> int:
    """Counted under a lock of the person, so that two requests at once are not both the last one allowed."""
    if actor.person_id is None:
        raise Refused("系统账号不能查看联系方式。", rule=RULE)
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('hotline.contact'), %s)", [actor.person_id])
    recent = ContactView.objects.filter(person_id=actor.person_id, viewed_at__gt=timezone.now() - WITHIN)
    if recent.count() >= MOST_VIEWS:
        raise Refused(f"24 小时内查看联系方式已达 {MOST_VIEWS} 次，请稍后再试或与热线机构联系。", rule=RULE)
    return actor.person_id
