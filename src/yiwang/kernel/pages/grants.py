"""Who held which role, scope and delegation on a day, given by whom, with the ledger entry; and how it came about."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone

from yiwang.kernel.access.doors import resources, rows
from yiwang.kernel.access.models import Role, RoleHolding, in_force
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.pages.deeds import deed
from yiwang.kernel.people.models import Appointment, Delegation
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

MOST, MOST_ENTRIES = 300, 100
ROLE_ACTS = ("access.grant.given", "access.grant.withdrawn", "access.role.declared")
POST_ACTS = ("access.role.held", "access.role.withdrawn")
PERSON_ACTS = ("people.appointed", "people.dismissed", "people.delegated", "people.delegation.revoked")
Facts = dict[str, Any]


class AsOf(forms.Form):
    day = forms.DateField(label="截至日期", required=False, widget=forms.DateInput({"type": "date"}))
    q = forms.CharField(label="人员、岗位或角色", required=False, max_length=40)


@dataclass(frozen=True)
class Line:
    """One person through one post under one role; `person` is None for a vacant post."""

    holding: RoleHolding
    appointment: Appointment | None
    permissions: list[str]
    entry: Entry | None


def end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.max))


def permissions_at(roles: Iterable[Role], moment: datetime) -> dict[int, list[str]]:
    """What each role permitted at the moment: what it permits now, with every later entry of the ledger undone."""
    held: dict[int, dict[tuple[str, str], Facts]] = {
        role.pk: {(each.resource, each.verb): each.facts for each in role.grants.prefetch_related("organisations")}
        for role in roles
    }
    later = Entry.objects.filter(
        target_kind="access.role", target_id__in=[str(pk) for pk in held], action__in=ROLE_ACTS, recorded_at__gte=moment
    )
    for entry in later.order_by("-id"):
        _undo(held[int(entry.target_id)], entry)
    known = dict(Organisation.objects.filter(pk__in=_organisations(held)).values_list("pk", "name"))
    return {pk: in_words(given.values(), known) for pk, given in held.items()}


def _undo(given: dict[tuple[str, str], Facts], entry: Entry) -> None:
    if entry.action == "access.role.declared":
        for resource, verb, _ in (entry.after or {}).get("grants", []):
            given.pop((resource, verb), None)
        return
    facts = entry.after or entry.before
    key = facts["resource"], facts["verb"]
    if entry.before is None:
        given.pop(key, None)
    else:
        given[key] = entry.before


def _organisations(held: dict[int, dict[tuple[str, str], Facts]]) -> set[int]:
    return {pk for given in held.values() for facts in given.values() for pk in facts.get("organisations", [])}


def in_words(given: Iterable[Facts], organisations: dict[int, str]) -> list[str]:
    """A line for each resource and scope: “角色授予：查看、导出（全部）”."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for facts in given:
        spec = resources().get(facts["resource"])
        scope = str(Scope(facts["scope"]).label)
        if facts.get("organisations"):
            scope += "：" + "、".join(organisations.get(pk, f"机构 {pk}") for pk in facts["organisations"])
        name = spec.name if spec else facts["resource"]
        verbs = dict(spec.verbs) if spec else {}
        found[name, scope].append(str(verbs.get(facts["verb"], facts["verb"])))
    return [f"{name}：{'、'.join(sorted(said))}（{scope}）" for (name, scope), said in sorted(found.items())]


def lines_at(holdings: list[RoleHolding], day: date) -> list[Line]:
    """Everybody on the posts of the holdings that day, with what the role permitted and the entry that gave it."""
    posts = {holding.post_id for holding in holdings}
    serving: dict[int, list[Appointment | None]] = defaultdict(list)
    for item in Appointment.objects.filter(in_force(day), post__in=posts).select_related("person"):
        serving[item.post_id].append(item)
    permissions = permissions_at({holding.role_id: holding.role for holding in holdings}.values(), end_of(day))
    given: dict[tuple[str, str, str], Entry] = {}
    for entry in _entries(POST_ACTS[:1], "orgs.post", posts, day):
        facts = entry.after
        given.setdefault((entry.target_id, facts["role"], str(facts["valid_from"])), entry)
    return [
        Line(holding, appointment, permissions[holding.role_id],
             given.get((str(holding.post_id), holding.role.code, holding.valid_from.isoformat())))
        for holding in holdings for appointment in serving[holding.post_id] or [None]
    ]  # fmt: skip


def _entries(acts: tuple[str, ...], kind: str, keys: Iterable[int], day: date) -> list[Entry]:
    found = Entry.objects.filter(
        target_kind=kind, target_id__in=[str(key) for key in keys], action__in=acts, recorded_at__lt=end_of(day)
    )
    return list(found.order_by("-id"))


def delegations_at(day: date, text: str) -> list[tuple[Delegation, Entry | None]]:
    """Delegations that had begun by the end of the day and were not over or taken back by then."""
    end = end_of(day)
    found = Delegation.objects.filter(
        Q(revoked_at__isnull=True) | Q(revoked_at__gte=end), valid_from__lt=end, valid_until__gte=end
    ).select_related("principal", "agent", "post__organisation")
    if text:
        named = Q(principal__name__icontains=text) | Q(agent__name__icontains=text) | Q(post__name__icontains=text)
        found = found.filter(named)
    chosen = list(found.order_by("-valid_from")[:MOST])
    given: dict[tuple[str, int, int], Entry] = {}
    for entry in _entries(("people.delegated",), "people.person", {each.principal_id for each in chosen}, day):
        given.setdefault((entry.target_id, entry.after["post"], entry.after["agent"]), entry)
    return [(each, given.get((str(each.principal_id), each.post_id, each.agent_id))) for each in chosen]


def trail(holdings: list[RoleHolding], people: set[int], day: date) -> list[tuple[Entry, str]]:
    """The newest entries until the day about these posts, roles and people, with the deed in words."""
    about = Q(target_kind="orgs.post", target_id__in=[str(each.post_id) for each in holdings], action__in=POST_ACTS)
    about |= Q(target_kind="access.role", target_id__in=[str(each.role_id) for each in holdings], action__in=ROLE_ACTS)
    about |= Q(target_kind="people.person", target_id__in=[str(pk) for pk in people], action__in=PERSON_ACTS)
    found = Entry.objects.filter(about, recorded_at__lt=end_of(day)).order_by("-id")[:MOST_ENTRIES]
    return [(entry, deed(entry)) for entry in found]


def grants(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    form = AsOf(request.GET)
    day, text = timezone.localdate(), ""
    if form.is_valid():
        day, text = form.cleaned_data["day"] or day, form.cleaned_data["q"].strip().replace("\x00", "")
    found = rows(actor, "access.holding").filter(in_force(day))
    if text:
        named = Q(person__name__icontains=text) | Q(person__staff_number=text)
        people_posts = Appointment.objects.filter(named, in_force(day)).values("post")
        found = found.filter(Q(role__name__icontains=text) | Q(post__name__icontains=text) | Q(post__in=people_posts))
    holdings = list(
        found.select_related("role", "post__organisation", "granted_by").order_by(
            "post__organisation__path", "post_id", "role__code"
        )[: MOST + 1]
    )
    cut, holdings = len(holdings) > MOST, holdings[:MOST]
    lines, stand_ins = lines_at(holdings, day), delegations_at(day, text)
    people = {line.appointment.person_id for line in lines if line.appointment}
    people |= {pk for each, _ in stand_ins for pk in (each.principal_id, each.agent_id)}
    context = {
        "form": form, "day": day, "today": timezone.localdate(), "lines": lines, "cut": cut, "most": MOST,
        "delegations": stand_ins, "trail": trail(holdings, people, day),
        "may_open": actor.can("ledger.entry", "view"),
    }  # fmt: skip
    status = 422 if form.errors else 200
    return page(request, "pages/grants.html", context, title="授权沿革", status=status)


urls: list[URLPattern] = [route("administration/grants/", grants, "grants", needs("access.holding"))]
