"""审核：发布、变更、上线、下线的申请与办结。发布状态与上线状态各走各的。"""

from datetime import datetime

from django.db import transaction

from yiwang.data.catalog.models import Application, Resource, SearchEntry, Version
from yiwang.data.catalog.services import content as contents
from yiwang.data.catalog.services.resources import index_entries, lock, publish_versions
from yiwang.data.catalog.terms import IN_REVIEW, ApplicationKind, OnlineState, PublishState, VersionState
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.ledger import services as ledger

# Kind → the online states it may start from.
MAY_START = {
    ApplicationKind.ONLINE: (OnlineState.NEVER, OnlineState.OFFLINE, OnlineState.UP_REJECTED),
    ApplicationKind.OFFLINE: (OnlineState.ONLINE, OnlineState.DOWN_REJECTED),
}


@transaction.atomic
def submit(actor: Actor, resource_id: int, *, reason: str = "", happened_at: datetime | None = None) -> Application:
    """Hand the draft in for review; its content is frozen until the review ends."""
    doors.row(actor, "catalog.resource", resource_id, "submit")
    resource = lock(resource_id)
    draft = resource.versions.exclude(state=VersionState.PUBLISHED).select_for_update().first()
    if resource.publish_state in IN_REVIEW:
        raise Conflict("本资源已在审核中，不能重复提交。")
    if draft is None:
        raise Refused("没有草稿可以提交。请先修改目录内容。", code="nothing")
    contents.require_sound(contents.of_json(draft.content))
    first = resource.number == 0
    draft.state = VersionState.REVIEW
    draft.note = reason.strip()[:300] or draft.note
    draft.save(update_fields=["state", "note"])
    resource.publish_state = PublishState.AUDITING if first else PublishState.CHANGE_AUDITING
    resource.save(update_fields=["publish_state", "updated_at"])
    kind = ApplicationKind.PUBLISH if first else ApplicationKind.CHANGE
    return _open(actor, resource, kind, draft, reason, happened_at)


@transaction.atomic
def submit_online(
    actor: Actor, resource_id: int, kind: str, *, reason: str = "", happened_at: datetime | None = None
) -> Application:
    """Apply for going online or offline; only a published entry goes online."""
    doors.row(actor, "catalog.resource", resource_id, "submit")
    resource, wanted = lock(resource_id), ApplicationKind(kind)
    if resource.number == 0:
        raise Refused("目录尚未发布，不能上线。请先提交发布审核。", rule="先发布后上线", code="unpublished")
    if resource.online_state not in MAY_START[wanted]:
        raise Conflict(f"资源现在是“{resource.get_online_state_display()}”，不能申请{wanted.label}。")
    if wanted == ApplicationKind.OFFLINE and not reason.strip():
        raise Invalid("申请下线须写明原因。", errors={"reason": ["必填"]})
    up = wanted == ApplicationKind.ONLINE
    resource.online_state = OnlineState.UP_AUDITING if up else OnlineState.DOWN_AUDITING
    resource.save(update_fields=["online_state", "updated_at"])
    return _open(actor, resource, wanted, None, reason, happened_at)


def _open(
    actor: Actor, resource: Resource, kind: ApplicationKind, edition: Version | None, reason: str, at: datetime | None
) -> Application:
    data = {"resource": resource.pk, "kind": kind.value, "digest": edition.digest if edition else ""}
    title = f"{resource.organisation}：{resource.name}（{kind.label}）"
    case = flow.open_case(
        actor, "catalog.publication", title, organisation_id=resource.organisation_id, data=data, happened_at=at,
        is_demo=resource.is_demo,
    )  # fmt: skip
    made = Application.objects.create(
        case=case, resource=resource, kind=kind, edition=edition, reason=reason.strip()[:300], is_demo=resource.is_demo,
        organisation_id=resource.organisation_id, created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(
        actor, "catalog.submit", ("catalog.resource", resource.pk), after={"kind": kind.value, "case": case.number},
        organisation_id=resource.organisation_id,
    )  # fmt: skip
    return made


def on_publication(event: Event) -> None:
    """In the transaction of the engine's entry: who compiled doesn't review; the close settles both state machines."""
    if event.name not in ("act:agree", "act:return", "close"):
        return
    found = Application.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk).first()
    if found is None or found.outcome:
        return
    if event.name != "close":
        if found.created_by_id in (event.actor.person_id, event.entry.acting_for_id):
            raise Refused("您是本次申请的编制人，不能自编自审。请由其他审核人办理。", rule="三级审核", code="recusal")
        return
    found.outcome, found.decided_at = event.case.outcome, event.entry.happened_at
    found.save(update_fields=["outcome", "decided_at", "updated_at"])
    resource = lock(found.resource_id)
    if found.edition is not None:
        _settle_content(event, resource, found.edition)
    else:
        _settle_online(event, resource, found.kind == ApplicationKind.ONLINE)


def _settle_content(event: Event, resource: Resource, edition: Version) -> None:
    if event.case.outcome == "agreed":
        edition.resource = resource
        publish_versions(event.actor, [edition], event.entry.happened_at)
        return
    edition.state = VersionState.DRAFT
    edition.save(update_fields=["state"])
    first, returned = resource.number == 0, event.case.outcome == "returned"
    if returned:
        resource.publish_state = PublishState.REJECTED if first else PublishState.CHANGE_REJECTED
    else:
        resource.publish_state = PublishState.UNPUBLISHED if first else PublishState.PUBLISHED
    resource.save(update_fields=["publish_state", "updated_at"])


def _settle_online(event: Event, resource: Resource, up: bool) -> None:
    outcome = event.case.outcome
    before = OnlineState.ONLINE if not up else OnlineState.OFFLINE if resource.online_at else OnlineState.NEVER
    decided = {
        "agreed": OnlineState.ONLINE if up else OnlineState.OFFLINE,
        "returned": OnlineState.UP_REJECTED if up else OnlineState.DOWN_REJECTED,
    }
    resource.online_state = decided.get(outcome, before)
    if resource.online_state == OnlineState.ONLINE and up:
        resource.online_at = event.entry.happened_at
    resource.save(update_fields=["online_state", "online_at", "updated_at"])
    if resource.online_state == OnlineState.OFFLINE:
        SearchEntry.objects.filter(resource=resource).delete()
    elif resource.online_state == OnlineState.ONLINE:
        index_entries(event.actor, [resource.pk])
