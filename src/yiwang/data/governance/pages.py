"""编制规则：选模板、填空，旁边随时看样本上有多少行不合格；对一项数据提出异议。"""

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import queries
from yiwang.data.governance.models import Repair, Rule
from yiwang.data.governance.services import objections, previews, rules
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
        "dimensions": Dimension.choices, "severities": Severity.choices, "panel": {"rules": queries.rules_of(rule_set), "repairs": queries.repairs_of(rule_set)},
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
    context = {"form": form, "facts": facts, "rows": [form[name] for name in form.names]}
    return page(request, "governance/object.html", context, title="提出数据异议", status=422 if form.errors else 200)


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
    route("governance/rules/<int:pk>/repairs/<int:repair>/remove/", remove_repair, "governance_remove_repair", CHANGE),
)
