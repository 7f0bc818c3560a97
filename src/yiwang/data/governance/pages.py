"""编制规则：选模板、填空，旁边随时看样本上有多少行不合格。"""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from yiwang.data.governance import queries
from yiwang.data.governance.models import Rule
from yiwang.data.governance.services import previews, rules
from yiwang.data.governance.terms import Dimension, Severity
from yiwang.data.governance.terms.templates import METRICS, TEMPLATES
from yiwang.kernel.access.actors import Invalid
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
        "dimensions": Dimension.choices, "severities": Severity.choices, "rules": queries.rules_of(rule_set),
        "functions": functions.registered(), "writes": chosen == EXPRESSION,
    }  # fmt: skip


@require_GET
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules of a draft and a form for one more."""
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
    found: Rule = queries.rules_of(queries.rule_set(actor, pk)).get(pk=rule)
    rules.remove_rule(actor, found)
    return HttpResponseRedirect(reverse("governance_edit", args=[pk]))


URLS = (
    route("governance/rules/<int:pk>/", edit, "governance_edit", CHANGE),
    route("governance/rules/<int:pk>/preview/", try_out, "governance_preview", CHANGE),
    route("governance/rules/<int:pk>/add/", add, "governance_add", CHANGE),
    route("governance/rules/<int:pk>/remove/<int:rule>/", remove, "governance_remove", CHANGE),
)
