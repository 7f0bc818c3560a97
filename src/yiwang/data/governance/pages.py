"""编制规则：选模板、填空，旁边随时看样本上有多少行不合格；对一项数据提出异议。"""

import uuid
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import queries
from yiwang.data.governance.models import Proposal, Repair, Rule
from yiwang.data.governance.services import looking, objections, previews, rules
from yiwang.data.governance.terms import Dimension, RuleSetState, Severity
from yiwang.data.governance.terms.templates import METRICS, TEMPLATES
from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.lake import functions
from yiwang.kernel.ui.render import actor_of, fragment, page
from yiwang.kernel.ui.routes import needs, route

CHANGE = needs("governance.rule_set", "change")
EXPRESSION = "expression"


def _blanks(request: HttpRequest, template: str) -> dict[str, Any]:
    given = request.POST if request.method == "POST" else request.GET
    found: dict[str, Any] = {}
    for blank in TEMPLATES[template].blanks if template in TEMPLATES else ():
        many = blank.kind == "fields"
        found[blank.name] = given.getlist(blank.name) if many else given.get(blank.name, "").strip()
    return found


def _context(request: HttpRequest, pk: int) -> dict[str, Any]:
    rule_set = queries.rule_set(actor_of(request), pk)
    given = request.POST if request.method == "POST" else request.GET
    chosen = given.get("template", "required")
    return {
        "rule_set": rule_set, "templates": TEMPLATES.values(), "chosen": chosen, "template": TEMPLATES.get(chosen),
        "fields": [(name, rule_set.titles.get(name, name)) for name in rule_set.columns], "given": given, "metrics": METRICS.items(),
        "dimensions": Dimension.choices, "severities": Severity.choices, "panel": {"rules": queries.ruled(rule_set), "rule_set": rule_set, "repairs": queries.repairs_of(rule_set)},
        "functions": [(each.name, each.doc, each.standard) for each in functions.registered()], "writes": chosen == EXPRESSION,
    }  # fmt: skip


@require_GET
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules of a draft and a form for one more; what is published can only be read."""
    if queries.rule_set(actor_of(request), pk).state != RuleSetState.DRAFT:
        return HttpResponseRedirect(f"/r/governance.rule_set/{pk}/")
    return page(request, "governance/edit.html", _context(request, pk), title="编制质量规则")


@require_GET
def try_out(request: HttpRequest, pk: int) -> HttpResponse:
    """The preview beside the form."""
    actor, chosen = actor_of(request), request.GET.get("template", "")
    rule_set = queries.rule_set(actor, pk)
    try:
        if chosen == EXPRESSION:
            found = previews.preview(actor, rule_set, expression=request.GET.get("expression", ""))
        else:
            found = previews.preview(actor, rule_set, template=chosen, blanks=_blanks(request, chosen))
    except Invalid as problem:
        return fragment(request, "governance/preview.html", {"problem": problem.message})
    return fragment(request, "governance/preview.html", {"found": found})


@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Add the rule to the draft."""
    actor, chosen, given = actor_of(request), request.POST.get("template", ""), request.POST
    rule_set = queries.rule_set(actor, pk)
    severity = given.get("severity", Severity.BLOCK)
    try:
        if chosen == EXPRESSION:
            rules.add_expression(
                actor, rule_set, name=given.get("name", ""), expression=given.get("expression", ""), reason=given.get("reason", ""),
                dimension=given.get("dimension", Dimension.ACCURATE), severity=severity,
            )  # fmt: skip
        else:
            rules.add_rule(
                actor, rule_set, chosen, _blanks(request, chosen), severity=severity, reason=given.get("reason", "")
            )
    except Invalid as problem:
        context = {**_context(request, pk), "problem": problem.message}
        return page(request, "governance/edit.html", context, title="编制质量规则", status=422)
    return HttpResponseRedirect(reverse("governance_edit", args=[pk]))


@require_POST
def remove(request: HttpRequest, pk: int, rule: int) -> HttpResponse:
    """Take a rule out of the draft."""
    actor = actor_of(request)
    found: Rule = get_object_or_404(queries.rules_of(queries.rule_set(actor, pk)), pk=rule)
    rules.remove_rule(actor, found)
    return HttpResponseRedirect(reverse("governance_edit", args=[pk]))


@require_POST
def remove_repair(request: HttpRequest, pk: int, repair: int) -> HttpResponse:
    """Take a repair out of the draft."""
    actor = actor_of(request)
    found: Repair = get_object_or_404(queries.rule_set(actor, pk).repairs, pk=repair)
    rules.remove_repair(actor, found)
    return HttpResponseRedirect(reverse("governance_edit", args=[pk]))


def _values(request: HttpRequest, kind: str, found: Repair | Proposal, owner: Any) -> HttpResponse:
    """A table of values with its crumb; masked unless a purpose was just given."""
    actor, problem, purpose = actor_of(request), "", request.POST.get("purpose", "").strip()
    table = queries.value_table(found)
    if request.method == "POST":
        try:
            table = looking.reveal(actor, found, purpose=purpose)
        except Invalid as refusal:
            problem = refusal.message
    context = {
        "table": table, "owner": owner, "back": f"/r/{kind}/{owner.pk}/", "problem": problem, "purpose": purpose,
        "proposed": isinstance(found, Proposal), "may_unmask": bool(table.masked) and not table.plain and actor.can(kind, "unmask"),
    }  # fmt: skip
    return page(
        request, "governance/values.html", context, title=f"{table.title}的对照表", status=422 if problem else 200
    )


@never_cache
def repair_values(request: HttpRequest, pk: int, repair: int) -> HttpResponse:
    """By what table a repair rewrites its field."""
    rule_set = queries.rule_set(actor_of(request), pk)
    found: Repair = get_object_or_404(rule_set.repairs.exclude(values=""), pk=repair)
    return _values(request, "governance.rule_set", found, rule_set)


@never_cache
def proposed_values(request: HttpRequest, pk: int) -> HttpResponse:
    """What a proposed repair would rewrite, value by value."""
    found = queries.proposal(actor_of(request), pk)
    if not found.values:
        raise Http404
    return _values(request, "governance.proposal", found, found)


class ObjectionForm(forms.Form):
    """Which cell, what is wrong with it; the key's fields come from the catalogue."""

    field = forms.ChoiceField(label="哪一项有误")
    reason = forms.CharField(label="理由与依据", max_length=1000, widget=forms.Textarea(attrs={"rows": 4}),
                             help_text="写明怎样发现、以什么为准，便于提供单位核实")  # fmt: skip
    proposed = forms.CharField(label="应当是", max_length=400, required=False, help_text="知道正确内容的填写，可不填")
    snapshot = forms.IntegerField(label="数据快照", min_value=1, help_text="接口应答、推送或文件清单里的快照号")
    key = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, facts: catalog.ResourceFacts, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        titles = {item.name: item.title for item in facts.items}
        self.names = [f"key_{name}" for name in facts.key]
        for name in facts.key:
            self.fields[f"key_{name}"] = forms.CharField(label=titles[name], max_length=200, help_text="这一行的主键")
        choice = self.fields["field"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - declared above
        choice.choices = [(name, title) for name, title in titles.items() if name not in facts.key]
        self.order_fields([*self.names, "field", "reason", "proposed", "snapshot", "key"])


def object_to(request: HttpRequest, resource: int) -> HttpResponse:
    """Say that a cell is wrong; from then on every answer with it shows the mark."""
    actor = actor_of(request)
    facts = catalog.resource(actor, resource)
    if not facts.key or not facts.snapshot:
        raise Refused(
            f"“{facts.name}”{'还没有数据' if facts.key else '没有登记主键，指不出是哪一行'}，不能提出异议。请与提供单位联系。",
            rule="数据异议须指明快照、主键和数据项",
        )  # fmt: skip
    initial = {"key": uuid.uuid4().hex, "snapshot": facts.snapshot}
    form = ObjectionForm(facts, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = objections.open_objection(
                actor, resource, given["snapshot"], [given[name] for name in form.names], given["field"], given["reason"],
                proposed=given["proposed"], idempotency=f"object:{given['key']}",
            )  # fmt: skip
            return HttpResponseRedirect(reverse("case", args=[made.case_id]))
        except Refused as problem:
            form.add_error(None, problem.message)
    context = {
        "crumbs": [(facts.name, reverse("catalog_resource", args=[resource]))], "form": form, "groups": [("", form.visible_fields())],
        "lead": f"提供单位：{facts.organisation}。提出后，接口应答里这一项即带“异议核实中”的标注；提供单位在期限内核实，更正或说明后标注撤销。",
        "submit": "提交异议", "back": reverse("catalog_resource", args=[resource]),
    }  # fmt: skip
    return page(request, "ui/form_page.html", context, title="提出数据异议", status=422 if form.errors else 200)


URLS = (
    route(
        "governance/objections/<int:resource>/new/",
        object_to,
        "governance_object",
        needs("governance.objection", "add"),
    ),
    route("governance/rules/<int:pk>/", edit, "governance_edit", CHANGE),
    route("governance/rules/<int:pk>/preview/", try_out, "governance_preview", CHANGE),
    route("governance/rules/<int:pk>/add/", add, "governance_add", CHANGE),
    route("governance/rules/<int:pk>/remove/<int:rule>/", remove, "governance_remove", CHANGE),
    route(
        "governance/rules/<int:pk>/repairs/<int:repair>/",
        repair_values,
        "governance_values",
        needs("governance.rule_set"),
    ),
    route(
        "governance/proposals/<int:pk>/values/", proposed_values, "governance_proposed", needs("governance.proposal")
    ),
    route("governance/rules/<int:pk>/repairs/<int:repair>/remove/", remove_repair, "governance_remove_repair", CHANGE),
)
