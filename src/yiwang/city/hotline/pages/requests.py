"""工单页上的热线专属操作：定（改）事项、拆单、查看联系方式。"""

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from yiwang.city.command import contract as command
from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.pages.desk import add_errors
from yiwang.city.hotline.services import contacts, triage
from yiwang.city.hotline.services.parts import Part, split_request
from yiwang.city.hotline.terms import Purpose
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.ui.pickers import PickField
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route
from yiwang.kernel.ui.sections import Fact

SHOWN_PARTS = 4


def _matters(found: Request) -> list[tuple[str, Any]]:
    """The dictionary in force at receipt, grouped by category, with organ-independent words an officer knows."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for matter in command.matters_in_force(queries.received_on(found)):
        groups.setdefault(matter.category, []).append((matter.code, f"{matter.code} {matter.name}"))
    return [("", "请选择"), *groups.items()]


class MatterForm(forms.Form):
    matter = forms.ChoiceField(label="事项", help_text="受理时施行的事项词典；定了事项即定主责单位和时限")
    reason = forms.CharField(label="理由", max_length=200, help_text="写入审计记录；改事项时必填", required=False)

    def __init__(self, found: Request, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["matter"].choices = _matters(found)  # type: ignore[attr-defined]
        self.fields["reason"].required = bool(found.matter_code)


class SplitForm(forms.Form):
    """Up to four parts side by side; an empty one is left out."""

    opinion = forms.CharField(label="拆单理由", max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    key = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, found: Request, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = _matters(found)
        for number in range(1, SHOWN_PARTS + 1):
            needed = number <= 2  # a split makes two at least
            self.fields[f"title_{number}"] = forms.CharField(label="标题", max_length=200, required=needed)
            area = forms.Textarea(attrs={"rows": 4})
            self.fields[f"content_{number}"] = forms.CharField(label="内容", widget=area, required=needed)
            self.fields[f"matter_{number}"] = forms.ChoiceField(
                label="事项", choices=choices, required=False, help_text="选了即按词典派出；不选的留在派单台"
            )
            self.fields[f"organ_{number}"] = PickField(
                "organisation", label="主办单位", required=False, help_text="不填按事项词典的主责单位"
            )

    def groups(self) -> list[tuple[str, list[Any]]]:
        names = ("title", "content", "matter", "organ")
        numbers = range(1, SHOWN_PARTS + 1)
        parts = [
            (f"第 {number} 件{'' if number <= 2 else '（没有可不填）'}", [self[f"{name}_{number}"] for name in names])
            for number in numbers
        ]
        return [*parts, ("", [self["opinion"]])]

    def parts(self) -> list[Part]:
        said = self.cleaned_data
        return [
            Part(said[f"title_{n}"], said[f"content_{n}"], said[f"matter_{n}"], said[f"organ_{n}"])
            for n in range(1, SHOWN_PARTS + 1)
            if said[f"title_{n}"] or said[f"content_{n}"]
        ]


class ContactForm(forms.Form):
    purpose = forms.ChoiceField(label="用途", choices=[("", "请选择"), *Purpose.choices])
    explanation = forms.CharField(label="说明", max_length=200, help_text="为何须联系诉求人；写入查看记录，供审计")


def _show(request: HttpRequest, found: Request, title: str, form: forms.Form | None, **context: Any) -> HttpResponse:
    back = reverse("case", args=[found.case_id])
    facts = context.pop("facts", (Fact("诉求", found.title, wide=True),))
    groups = context.pop("groups", None) or [("", list(form))] if form is not None else []
    whole = {"crumbs": [("诉求台账", "/r/hotline.request/"), (found.number, back)], "back": back, "form": form,
             "facts": facts, "groups": groups, **context}  # fmt: skip
    status = 422 if form is not None and form.is_bound and form.errors else 200
    return page(request, "ui/form_page.html", whole, title=title, status=status)


def matter(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the matter of a request, or change it with a reason."""
    actor = actor_of(request)
    found = queries.request(actor, pk, "triage")
    form = MatterForm(found, request.POST or None, initial={"matter": found.matter_code})
    if request.method == "POST" and form.is_valid():
        try:
            triage.assign_matter(actor, pk, form.cleaned_data["matter"], reason=form.cleaned_data["reason"])
        except Invalid as problem:
            add_errors(form, problem)
        else:
            return HttpResponseRedirect(reverse("case", args=[found.case_id]))
    dispatched = (
        "已派单：改事项只影响统计，不改已定的主办单位和时限；要换单位请退单裁定。" if found.dispatched_at else ""
    )
    now = f"{found.matter_name}（{found.matter_code}）" if found.matter_code else "未定"
    facts = (
        Fact("诉求", found.title, wide=True),
        Fact("内容", queries.statement(actor, found), wide=True),
        Fact("现事项", now),
    )
    title = "改事项" if found.matter_code else "定事项"
    return _show(request, found, title, form, lead=dispatched, facts=facts, submit=title)


def split(request: HttpRequest, pk: int) -> HttpResponse:
    """One request asking for several things becomes several, each with its own words, matter and organ."""
    actor = actor_of(request)
    found = queries.request(actor, pk, "triage")
    text = queries.statement(actor, found)
    first = {"key": uuid.uuid4().hex, "title_1": found.title, "content_1": text, "content_2": text}
    form = SplitForm(found, request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            split_request(actor, pk, form.parts(), opinion=said["opinion"], key=said["key"])
        except Invalid as problem:
            add_errors(form, problem)
        else:
            return HttpResponseRedirect(reverse("case", args=[found.case_id]))
    facts = (Fact("诉求", found.title, wide=True), Fact("内容", text, wide=True))
    lead = "每件只写一件事。各件沿用原件的受理时间和诉求人，另有编号和查询码；原件拆分后办结，受理量仍只计一件。"
    return _show(request, found, "拆单", form, lead=lead, facts=facts, groups=form.groups(), submit="拆单")


@never_cache
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    """The telephone in full, after a purpose was given and written down."""
    actor = actor_of(request)
    found = queries.request(actor, pk)
    form = ContactForm(request.POST or None)
    lead = f"每次查看记入审计台账；24 小时内至多 {contacts.MOST_VIEWS} 次。仅限办理本件使用，不得另存、转告。"
    if request.method == "POST" and form.is_valid():
        try:
            shown = contacts.view_contact(actor, pk, **form.cleaned_data)
        except Invalid as problem:
            add_errors(form, problem)
        else:
            facts = (Fact("诉求", found.title, wide=True), Fact("称呼", shown.name), Fact("电话", shown.phone))
            return _show(request, found, "联系方式", None, lead="本次查看已记录。仅限办理本件使用。", facts=facts)
    return _show(request, found, "查看联系方式", form, lead=lead, submit="记录并查看")


def go(request: HttpRequest, pk: int) -> HttpResponse:
    """The case of a request."""
    return HttpResponseRedirect(reverse("case", args=[queries.request(actor_of(request), pk).case_id]))


REQUEST_URLS = (
    route("hotline/requests/<int:pk>/", go, "hotline_request", needs("hotline.request", "view")),
    route("hotline/requests/<int:pk>/matter/", matter, "hotline_matter", needs("hotline.request", "triage")),
    route("hotline/requests/<int:pk>/split/", split, "hotline_split", needs("hotline.request", "triage")),
    route("hotline/requests/<int:pk>/contact/", contact, "hotline_contact", needs("hotline.reporter", "contact")),
)
