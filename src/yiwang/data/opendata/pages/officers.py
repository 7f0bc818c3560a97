"""部门申请开放本部门的资源。"""

import re
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.opendata import queries
from yiwang.data.opendata.services import opening
from yiwang.data.opendata.terms import Licence, Topic
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route


class OpenForm(forms.Form):
    title = forms.CharField(label="名称", max_length=120)
    description = forms.CharField(label="说明", max_length=2000, widget=forms.Textarea(attrs={"rows": 5}),
                                  help_text="写给公众看：内容、口径、范围、更新情况")  # fmt: skip
    topic = forms.ChoiceField(label="领域", choices=Topic.choices, help_text="国发〔2015〕50号的优先开放领域")
    licence = forms.ChoiceField(label="使用许可", choices=Licence.choices)
    tags = forms.CharField(label="标签", max_length=200, required=False, help_text="用顿号或逗号分开，至多 8 个")


def choose(request: HttpRequest) -> HttpResponse:
    found = [(facts, queries.open_items(facts)) for facts in queries.candidates(actor_of(request))[:200]]
    return page(request, "opendata/apply.html", {"found": found}, title="申请开放")


def apply(request: HttpRequest, resource_id: int) -> HttpResponse:
    actor = actor_of(request)
    facts = catalog.resource(actor, resource_id)
    form = OpenForm(request.POST or None, initial={"title": facts.name, "description": facts.abstract})
    if request.method == "POST" and form.is_valid():
        given: dict[str, Any] = {**form.cleaned_data, "tags": re.split(r"[、，,\s]+", form.cleaned_data["tags"])}
        try:
            made = opening.apply(actor, resource_id, key=request.POST.get("key", "")[:40], **given)
            return HttpResponseRedirect(reverse("case", args=[made.case_id]))
        except Invalid as problem:
            for field, sentences in (problem.errors or {"": [problem.message]}).items():
                form.add_error(field if field in form.fields else None, sentences)
    leaving = queries.open_items(facts)
    staying = [item for item in facts.items if item not in leaving]
    key = request.POST.get("key") or f"open-{timezone.now():%Y%m%d%H%M%S%f}-{actor.person_id}"
    context = {"form": form, "facts": facts, "leaving": leaving, "staying": staying, "key": key}
    return page(request, "opendata/apply.html", context, title="申请开放", status=422 if form.errors else 200)


URLS = (
    route("opendata/apply/", choose, "open_choose", needs("opendata.dataset", "add")),
    route("opendata/apply/<int:resource_id>/", apply, "open_apply", needs("opendata.dataset", "add")),
)
