"""删除之后：已经交出去的份，逐个部门通知删除、限期回执（个人信息保护法第四十七条，GB/T 35273-2020 8.3）。"""

from itertools import groupby

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection.models import HandedOut, Notice, PersonRequest
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.lake.erasing import Copy
from yiwang.kernel.ledger import services as ledger


def tell(actor: Actor, found: PersonRequest, copies: list[Copy]) -> list[Notice]:
    """One notice a department that has copies, one transaction each; told once, however often the deletion is run."""
    names = {each.id: each.name for each in catalog.resources(SYSTEM, ids={each.resource_id for each in copies})}
    made = []
    for unit, given in groupby(
        sorted(copies, key=lambda copy: copy.organisation_id or 0), lambda copy: copy.organisation_id
    ):
        if found.copies.filter(notice__organisation=unit).exists():
            continue
        with transaction.atomic():
            notice = _opened(found, unit) if unit else None
            HandedOut.objects.bulk_create(
                HandedOut(request=found, notice=notice, resource_name=names.get(each.resource_id, "")[:120], way=each.way[:20],
                          reference=each.reference[:300], last_at=each.last_at, rows=each.rows) for each in given
            )  # fmt: skip
            if notice is not None:
                ledger.record(
                    actor, "protection.tell_recipient", ("protection.notice", notice.pk), organisation_id=unit,
                    after={"request": found.pk, "case": notice.case.number},
                )  # fmt: skip
                made.append(notice)
    return made


def _opened(found: PersonRequest, unit: int) -> Notice:
    # By the platform: the obligation arises with the deletion, not from a right of the clerk in that department.
    case = flow.open_case(
        SYSTEM, "protection.notice", f"删除通知（个人信息请求 {found.case.number}）", organisation_id=unit,
        key=f"pi-notice:{found.pk}:{unit}",
    )  # fmt: skip
    clock = clocks.current(case.pk, "receipt")
    return Notice.objects.create(
        case=case, request=found, organisation_id=unit, due_at=clock.due_at if clock else None, is_demo=found.is_demo
    )


def on_notice(event: Event) -> None:
    """In the transaction of the engine's entry."""
    if event.name != "close":
        return
    found = Notice.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk).first()
    if found is not None:
        found.receipt, found.outcome = event.case.data.get("receipt", ""), event.case.outcome
        found.answered_at = event.entry.happened_at
        found.version += 1
        found.save()
