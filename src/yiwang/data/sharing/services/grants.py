"""Grants: what may be read, by whom, for what, how much, until when; and the end of it."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from yiwang.data.catalog.contract import ItemFacts, ResourceFacts
from yiwang.data.protection import contract as protection
from yiwang.data.sharing import queries
from yiwang.data.sharing.models import Grant, Request, Usage, UsageDay
from yiwang.data.sharing.services.filters import compiled
from yiwang.data.sharing.services.keys import announce
from yiwang.data.sharing.terms import GrantKind, GrantState, RequestState, ShareType, Way
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto.masks import FORMS
from yiwang.kernel.ledger import services as ledger

SANDBOX_DAYS, SANDBOX_QUOTA = 30, 500
HIDDEN = "hidden"


def masks(items: Iterable[ItemFacts], plain: Iterable[str] = ()) -> dict[str, str]:
    """Field → mask, by protection's rules for other departments, unless the plain text was granted."""
    open_fields = set(plain)
    plan = protection.mask_plan(items, protection.Recipient.DEPARTMENT)
    return {name: _form(kind, method) for name, (kind, method) in plan.items() if name not in open_fields}


def _form(kind: str, method: str) -> str:
    """The form the gateway makes; of a kind or method that it has none for nothing is shown."""
    forms = {protection.Method.MASK: kind, protection.Method.GENERALISE: f"{kind}_coarse"}
    return form if (form := forms.get(protection.Method(method), "")) in FORMS else HIDDEN


def masks_now(grant: Grant, facts: ResourceFacts) -> dict[str, str]:
    """What was masked when granted stays masked; what has become sensitive since is masked too."""
    conditions = grant.request.case.data if grant.request.share_type == ShareType.CONDITIONAL else {}
    needed = masks((item for item in facts.items if item.name in grant.fields), _plain(conditions, facts))
    return {**needed, **grant.masks}


def _plain(conditions: Mapping[str, Any], facts: ResourceFacts) -> set[str]:
    """Fields that the approval gave in plain text, as officers write them: by title or by name."""
    named = {item.title: item.name for item in facts.items}
    words = re.split(r"[,，、;；\s]+", str(conditions.get("plain") or ""))
    return {named.get(word, word) for word in words if word}


def _facts(resource_id: int) -> ResourceFacts:
    found = queries.facts_of(resource_id)
    if found is None:
        raise Refused("该资源已不在目录中。", rule="先编目后共享", code="absent")
    return found


def plain_given(request: Request, conditions: Mapping[str, Any]) -> set[str]:
    """The fields given in plain text. Raises Invalid, in the words of who approves, when they were not asked for so."""
    facts = _facts(request.resource_id)
    beyond = (asked := _plain(conditions, facts)) - set(request.plain_fields)
    if beyond:
        titles = {item.name: item.title for item in facts.items}
        said = "、".join(sorted(titles.get(name, name) for name in beyond))
        raise Invalid(
            f"核准明文的字段超出申请：{said}。", errors={"plain": [f"没有申请明文：{said}"]}, rule="不得超出申请范围"
        )
    return asked


def give(actor: Actor, request: Request, conditions: Mapping[str, Any]) -> Grant:
    """The grant an approval makes, in its transaction; it opens with the delivery. Nothing is added to 无条件."""
    facts = _facts(request.resource_id)
    conditional = request.share_type == ShareType.CONDITIONAL
    asked = plain_given(request, conditions) if conditional else set()
    predicate = compiled(request.row_filter, queries.column_types(facts.items))
    chosen = [item for item in facts.items if item.name in request.fields]
    grant = Grant.objects.create(
        request=request, organisation_id=request.organisation_id, provider_id=request.provider_id,
        resource_id=request.resource_id, resource_name=request.resource_name, purpose=request.purpose, way=request.way,
        fields=request.fields, masks=masks(chosen, asked), row_filter=request.row_filter, filter_sql=predicate.text,
        filter_values=list(predicate.values), valid_from=timezone.localdate(), valid_until=request.wanted_until,
        condition=str(conditions.get("condition") or "") if conditional else "",
        daily_quota=(conditions.get("granted_quota") if conditional else 0) or request.daily_quota,
        page_rows=((conditions.get("page_rows") or 0) if conditional else 1000), created_by_id=actor.person_id,
        is_demo=request.is_demo,
    )  # fmt: skip
    grant.projection = queries.projection(grant, facts)
    grant.save(update_fields=["projection"])
    Usage.objects.create(grant=grant, day=timezone.localdate())
    ledger.record(
        actor, "sharing.give", ("sharing.grant", grant.pk), organisation_id=grant.organisation_id,
        after={"fields": grant.fields, "masks": grant.masks, "filter": grant.row_filter, "quota": grant.daily_quota,
               "until": str(grant.valid_until), "purpose": grant.purpose},
    )  # fmt: skip
    return grant


def _locked(grant_id: int) -> Grant:
    return Grant.objects.select_for_update(of=("self",)).select_related("request").get(pk=grant_id)


def _changed(grant: Grant, *names: str) -> None:
    """Write what changed, count the generation up and tell the gateways."""
    grant.generation += 1
    grant.version += 1
    grant.save(update_fields=[*names, "generation", "version", "updated_at"])
    announce()


def activate(actor: Actor, grant: Grant) -> Grant:
    """Open a grant that has been delivered."""
    locked = _locked(grant.pk)
    if locked.state == GrantState.PENDING:
        locked.state = GrantState.ACTIVE
        _changed(locked, "state")
    return locked


def end(actor: Actor, grant: Grant, state: str, reason: str) -> Grant:
    """Suspend or revoke: from the commit on nothing is answered, also not what is on its way."""
    locked = _locked(grant.pk)
    before = locked.state
    locked.state, locked.ended_reason = GrantState(state), reason[:300]
    _changed(locked, "state", "ended_reason")
    ledger.record(
        actor, "sharing.end_grant", ("sharing.grant", locked.pk), before={"state": before}, after={"state": str(state)},
        reason=reason, organisation_id=locked.organisation_id,
    )  # fmt: skip
    return locked


@transaction.atomic
def revoke(actor: Actor, grant_id: int, *, reason: str, resource: str = "sharing.grant") -> Grant:
    """The provider, the bureau or the API administrator ends a grant, with a reason."""
    found = _ending(actor, grant_id, "revoke", reason, resource)
    if found.state == GrantState.REVOKED:
        raise Conflict("该授权已经撤销。")
    return end(actor, found, GrantState.REVOKED, reason.strip())


@transaction.atomic
def suspend(actor: Actor, grant_id: int, *, reason: str, resource: str = "sharing.grant") -> Grant:
    found = _ending(actor, grant_id, "suspend", reason, resource)
    if found.state != GrantState.ACTIVE:
        raise Conflict("只有有效的授权可以暂停。")
    return end(actor, found, GrantState.SUSPENDED, reason.strip())


@transaction.atomic
def resume(actor: Actor, grant_id: int, *, reason: str, resource: str = "sharing.grant") -> Grant:
    found = _ending(actor, grant_id, "suspend", reason, resource)
    if found.state != GrantState.SUSPENDED:
        raise Conflict("该授权没有暂停。")
    return end(actor, found, GrantState.ACTIVE, reason.strip())


def _ending(actor: Actor, grant_id: int, verb: str, reason: str, resource: str) -> Grant:
    doors.row(actor, resource, grant_id, verb)
    if not reason.strip():
        raise Invalid("请写明原因。", errors={"reason": ["必填"]})
    return _locked(grant_id)


@transaction.atomic
def change_quota(actor: Actor, grant_id: int, *, daily_quota: int, rate: int, reason: str) -> Grant:
    """Quota and rate may change without a new request: purpose, fields and rows may not."""
    doors.row(actor, "sharing.grant", grant_id, "quota")
    if daily_quota < 1 or not 1 <= rate <= 10_000 or not reason.strip():
        raise Invalid(
            "限额须为正整数，每秒限次在 1 至 10000 之间，并写明原因。", errors={"daily_quota": ["须为正整数"]}
        )
    grant = _locked(grant_id)
    before = {"daily_quota": grant.daily_quota, "rate": grant.rate}
    grant.daily_quota, grant.rate = daily_quota, rate
    _changed(grant, "daily_quota", "rate")
    ledger.record(
        actor, "sharing.change_quota", ("sharing.grant", grant.pk), before=before, reason=reason,
        after={"daily_quota": daily_quota, "rate": rate}, organisation_id=grant.organisation_id,
    )  # fmt: skip
    return grant


@transaction.atomic
def refresh(actor: Actor, resource_id: int) -> int:
    """Bring projections and masks of a resource's grants to what the catalogue says now; how many changed.

    A field that is no longer allowed stops leaving; a field that became sensitive is masked. Nothing widens beyond
    what was granted.
    """
    if not actor.system:
        actor.require("sharing.serving", "build")
    facts, changed = _facts(resource_id), 0
    for grant in Grant.objects.select_for_update(of=("self",)).select_related("request__case").filter(
        resource_id=resource_id, kind=GrantKind.FORMAL
    ).exclude(state=GrantState.REVOKED):  # fmt: skip
        shown, both = queries.projection(grant, facts), masks_now(grant, facts)
        if (shown, both) != (grant.projection, grant.masks):
            grant.projection, grant.masks = shown, both
            _changed(grant, "projection", "masks")
            changed += 1
    return changed


@transaction.atomic
def take_over_usage(actor: Actor, grant_id: int, days: Mapping[date, tuple[int, int, int]], *, source: str) -> None:
    """Calls answered, calls refused and rows returned, by day, as the platform before this one counted them.

    Once a day and grant; never a day of our own; all days or none.
    """
    doors.row(actor, "sharing.grant", grant_id, "quota")
    grant = _locked(grant_id)
    if not days or not source.strip() or max(days) >= timezone.localdate(grant.created_at):
        raise Invalid("只能补录授权登记之前的日汇总，并写明来源。", errors={"day": ["须早于授权登记日"]})
    if min(min(counted) for counted in days.values()) < 0:
        raise Invalid("日汇总的次数和行数不能为负。", errors={"answered": ["不能为负"]})
    if taken := UsageDay.objects.filter(grant=grant, day__in=list(days)).order_by("day").first():
        raise Conflict(f"{taken.day} 的汇总已经有了，不能重复补录；这一批都没有记入。")
    names = ("answered", "refused", "rows")
    of = {"provider_id": grant.provider_id, "organisation_id": grant.organisation_id}
    counts = {day: dict(zip(names, counted, strict=True)) for day, counted in days.items()}
    UsageDay.objects.bulk_create(UsageDay(grant=grant, day=day, **of, **counted) for day, counted in counts.items())
    totals = {name: sum(counted[name] for counted in counts.values()) for name in names}
    ledger.record(
        actor, "sharing.take_over_usage", ("sharing.grant", grant.pk), reason=source.strip(),
        after={"first_day": str(min(days)), "last_day": str(max(days)), "days": len(days), **totals},
    )  # fmt: skip


@transaction.atomic
def sandbox(actor: Actor, request_id: int) -> Grant:
    """A grant of synthetic rows of the same shape, for whoever has asked; no review, few calls, thirty days."""
    doors.row(actor, "sharing.request", request_id, "try")
    request = Request.objects.select_for_update(of=("self",)).get(pk=request_id)
    if request.way != Way.API or request.state == RequestState.REFUSED:
        raise Refused("沙箱只供接口方式、未被拒绝的申请调试。", rule="沙箱是合成数据", code="way")
    facts, today = _facts(request.resource_id), timezone.localdate()
    chosen = [item for item in facts.items if item.name in request.fields]
    found, made = Grant.objects.get_or_create(
        request=request, kind=GrantKind.SANDBOX,
        defaults={
            "organisation_id": request.organisation_id, "provider_id": request.provider_id,
            "resource_id": request.resource_id, "resource_name": request.resource_name, "purpose": f"调试：{request.matter}",
            "way": request.way, "fields": request.fields, "projection": request.fields, "masks": masks(chosen),
            "daily_quota": SANDBOX_QUOTA, "rate": 20, "page_rows": 100, "valid_from": today, "state": GrantState.ACTIVE,
            "valid_until": today + timedelta(days=SANDBOX_DAYS), "created_by_id": actor.person_id, "is_demo": request.is_demo,
        },
    )  # fmt: skip
    if made:
        Usage.objects.create(grant=found, day=today)
        ledger.record(actor, "sharing.sandbox", ("sharing.grant", found.pk), after={"request": request.pk})
    elif found.valid_until < today:
        Grant.objects.filter(pk=found.pk).update(
            valid_from=today, valid_until=today + timedelta(days=SANDBOX_DAYS), generation=F("generation") + 1
        )
        announce()
        found.refresh_from_db()
    return found
