"""Requests: by purpose, under the terms in force; what law withholds is answered at once and kept on the lists."""

from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import ResourceFacts
from yiwang.data.sharing import queries
from yiwang.data.sharing.models import Request
from yiwang.data.sharing.services import grants
from yiwang.data.sharing.services.filters import compiled
from yiwang.data.sharing.terms import Frequency, GrantState, RequestState, ShareType, Way
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.ledger import services as ledger

LAW = "《政务数据共享条例》（国令第 809 号）"
SHORTEST_PURPOSE, LONGEST_YEARS = 10, 3
STATES = {"delivered": RequestState.DELIVERED, "refused": RequestState.REFUSED}


def apply(
    actor: Actor, resource_id: int, *, purpose: str, matter: str, fields: Sequence[str], legal_basis: str,
    wanted_until: date, way: str = Way.API, frequency: str = Frequency.REAL_TIME, row_filter: str = "",
    daily_quota: int = 1000, plain_fields: Sequence[str] = (), replaces: Request | None = None, key: str = "",
) -> Request:  # fmt: skip
    """Ask another department for fields of a resource for one purpose. Idempotent by `key`.

    Raises Invalid for what the requester can put right, Refused for what may not be shared: that refusal, with its
    reason and basis, stands on the catalogue's lists.
    """
    actor.require("sharing.request", "add")
    facts = catalog.resource(actor, resource_id)
    _refuse_withheld(actor, facts, purpose)
    chosen = list(dict.fromkeys(fields))
    _check(actor, facts, chosen, purpose, matter, legal_basis, wanted_until, daily_quota)
    if not set(plain_fields) <= set(chosen):
        raise Invalid("申请明文的字段须在申请字段之内。", errors={"plain_fields": ["不在申请字段内"]})
    predicate = compiled(row_filter, queries.column_types(facts.items))
    outside = [name for name in predicate.columns if name not in queries.allowed(facts, ShareType.CONDITIONAL)]
    if outside:
        # A range over a field that may not leave would tell its values.
        raise Invalid(
            f"数据范围用到不予共享的字段“{outside[0]}”，不能使用。", errors={"row_filter": ["含不予共享的字段"]}
        )
    unconditional = set(chosen) <= queries.allowed(facts, ShareType.UNCONDITIONAL)
    share_type = ShareType.UNCONDITIONAL if unconditional else ShareType.CONDITIONAL
    with transaction.atomic():
        request = Request(
            organisation_id=actor.home(), created_by_id=actor.person_id, provider_id=facts.organisation_id,
            resource_id=facts.id, resource_code=facts.code, resource_name=facts.name, share_type=share_type,
            purpose=purpose.strip(), matter=matter.strip(), fields=chosen, row_filter=row_filter.strip(), way=way,
            frequency=frequency, daily_quota=daily_quota, legal_basis=legal_basis.strip(), wanted_until=wanted_until,
            titles=queries.titles_of(facts), plain_fields=list(plain_fields), replaces=replaces, is_demo=facts.is_demo,
        )  # fmt: skip
        return _opened(actor, request, facts, key)


def _opened(actor: Actor, request: Request, facts: ResourceFacts, key: str) -> Request:
    case = flow.open_case(
        actor, "sharing.request", f"{request.resource_name}：{request.matter}", organisation_id=facts.organisation_id,
        data={"share_type": str(request.share_type)}, is_demo=request.is_demo, key=key,
    )  # fmt: skip
    known = Request.objects.filter(case=case).first()
    if known is not None:
        return known
    clock = clocks.current(case.pk, "answer")
    request.case, request.answer_due = case, clock.due_at if clock else None
    request.save()
    catalog.record_demand(
        case.number, organisation_id=request.organisation_id,
        wanted=f"{request.resource_name}：{'、'.join(request.titles[name] for name in request.fields)}",
        purpose=request.purpose, asked_at=request.created_at, resource_id=facts.id, provider_id=facts.organisation_id,
    )  # fmt: skip
    ledger.record(
        actor, "sharing.apply", ("sharing.request", request.pk),
        after={"resource": facts.code, "fields": request.fields, "purpose": request.purpose, "case": case.number,
               "answer_basis": clock.basis if clock else ""},
    )  # fmt: skip
    return request


def _refuse_withheld(actor: Actor, facts: ResourceFacts, purpose: str) -> None:
    """A resource of which nothing may be shared: refused with the basis the catalogue gives, and put on its lists."""
    if facts.version == 0:
        raise Refused("该资源还没有发布，不能申请。", rule="先编目后共享", code="unpublished")
    if queries.allowed(facts, ShareType.CONDITIONAL):
        return
    bases = list(dict.fromkeys(item.share_basis for item in facts.items if item.share_basis))
    reason = "全部信息项为不予共享，或尚未定级，或级别高于可共享的级别。"
    basis = "；".join(bases) or f"{LAW}、GB/T 43697—2024 分类分级"
    with transaction.atomic():
        number, now = f"不予共享-{facts.code}-{actor.home()}-{timezone.localdate()}", timezone.now()
        catalog.record_demand(
            number, organisation_id=actor.home(), wanted=facts.name, purpose=purpose, asked_at=now, resource_id=facts.id,
            provider_id=facts.organisation_id,
        )  # fmt: skip
        catalog.settle_demand(number, "refused", settled_at=now, reason=reason, basis=basis)
    raise Refused(f"“{facts.name}”不予共享：{reason}依据：{basis}。已列入需求与负面清单，有异议的可向数管局提出。",
                  rule=f"{LAW}：不予共享须有依据", code="withheld")  # fmt: skip


def _check(
    actor: Actor,
    facts: ResourceFacts,
    fields: list[str],
    purpose: str,
    matter: str,
    legal_basis: str,
    until: date,
    quota: int,
) -> None:
    errors: dict[str, list[str]] = {}
    if facts.organisation_id == actor.home():
        raise Refused("这是本部门自己的资源，无需申请共享。", rule="共享是部门之间的", code="own")
    if len(purpose.strip()) < SHORTEST_PURPOSE:
        errors["purpose"] = [f"写明用于哪项工作、怎样使用，至少 {SHORTEST_PURPOSE} 个字。"]
    if not matter.strip():
        errors["matter"] = ["写明业务事项。"]
    if not legal_basis.strip():
        errors["legal_basis"] = ["写明履职所依据的法律、法规、规章或文件。"]
    today = timezone.localdate()
    if not today < until <= today.replace(year=today.year + LONGEST_YEARS, day=min(today.day, 28)):
        errors["wanted_until"] = [f"须在今天之后、{LONGEST_YEARS} 年之内；到期可以重新申请。"]
    if not 0 < quota <= 10_000_000:
        errors["daily_quota"] = ["每日调用次数须在 1 至 1000 万之间。"]
    if problem := _field_problem(facts, fields):
        errors["fields"] = [problem]
    if errors:
        raise Invalid("申请没有提交，请按提示改正。", errors=errors)


def _field_problem(facts: ResourceFacts, fields: list[str]) -> str:
    items = {item.name: item for item in facts.items}
    if not fields:
        return "至少选择一个字段。"
    unknown = [name for name in fields if name not in items]
    if unknown:
        return f"目录中没有字段：{'、'.join(unknown)}。"
    closed = [items[name] for name in fields if name not in queries.allowed(facts, ShareType.CONDITIONAL)]
    if closed:
        why = "；".join(
            f"{item.title}（{item.share_basis or ('尚未定级' if not item.graded else f'{item.level} 级')}）"
            for item in closed
        )
        return f"以下字段不予共享，请去掉后提交：{why}。"
    return ""


def again(actor: Actor, request: Request, *, purpose: str, key: str = "", **changes: object) -> Request:
    """Another purpose or more fields need a request of their own (条例第二十五条); the old one goes on as it is."""
    doors.row(actor, "sharing.request", request.pk)
    if request.organisation_id != actor.home():
        raise Refused("只有原申请部门可以变更申请。", rule="谁使用谁申请", code="other")
    kept = {name: getattr(request, name) for name in (
        "matter", "fields", "legal_basis", "wanted_until", "way", "frequency", "row_filter", "daily_quota", "plain_fields")}  # fmt: skip
    return apply(actor, request.resource_id, purpose=purpose, replaces=request, key=key, **{**kept, **changes})


def on_request(event: Event) -> None:
    """In the transaction of the engine's entry: what the provider gives is checked where he says it, approval gives the grant, the close says how it ended."""
    if event.name not in ("act:agree_conditional", "act:approve", "enter:deliver", "close"):
        return
    request = Request.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk).first()
    if request is None:
        return
    if event.name == "act:agree_conditional":
        grants.plain_given(request, event.case.data)
    elif event.name == "act:approve":
        request.state, request.answered_at = RequestState.AGREED, event.entry.happened_at
        request.save(update_fields=["state", "answered_at", "updated_at"])
        grants.give(event.actor, request, event.case.data)
    elif event.name == "enter:deliver":
        clock = clocks.current(event.case.pk, "deliver")
        Request.objects.filter(pk=request.pk).update(deliver_due=clock.due_at if clock else None)
    else:
        _closed(event, request)


def _closed(event: Event, request: Request) -> None:
    at, data = event.entry.happened_at, event.case.data
    request.state = STATES.get(event.case.outcome, RequestState.WITHDRAWN)
    if request.state == RequestState.REFUSED:
        request.refusal_reason, request.refusal_basis = data["refusal_reason"], data["refusal_basis"]
        request.answered_at = at
    if request.state == RequestState.DELIVERED:
        request.delivered_at = at
    request.version += 1
    request.save()
    outcome = {RequestState.DELIVERED: "met", RequestState.REFUSED: "refused"}.get(
        RequestState(request.state), "withdrawn"
    )
    catalog.settle_demand(
        request.case.number, outcome, settled_at=at, reason=request.refusal_reason, basis=request.refusal_basis
    )
    if request.state == RequestState.WITHDRAWN:
        for grant in request.grants.exclude(state=GrantState.REVOKED):
            grants.end(event.actor, grant, GrantState.REVOKED, "申请已撤回")
