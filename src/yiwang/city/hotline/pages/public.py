"""公众页：提交诉求、查询进展。"""

import uuid
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.pages.desk import add_errors, intake_of, materials
from yiwang.city.hotline.services.intake import WEB_DESK, register_with_files
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import ANONYMOUS, Invalid, Refused
from yiwang.kernel.people.limits import Limit
from yiwang.kernel.people.services import throttle
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import PUBLIC, route

SUBMISSIONS, LOOKUPS = Limit("hotline", 20, 60), Limit("track", 60, 10)


def _allow(limit: Limit, request: HttpRequest) -> None:
    """An address that asks too often waits; the count is shared by all web processes."""
    until = throttle.reserve(limit, actor_of(request).address)
    if until is not None:
        raise Invalid(f"操作过于频繁，请在 {timezone.localtime(until):%H:%M} 以后再试，或拨打 12345。", rule="防止滥用")


class PublicForm(forms.Form):
    kind = forms.ChoiceField(label="类别", choices=Kind.choices, initial=Kind.HELP)
    title = forms.CharField(label="标题", max_length=200, help_text="一句话说清：哪里、什么事")
    content = forms.CharField(
        label="内容", widget=forms.Textarea(attrs={"rows": 8}), help_text="请写明时间、地点和您的要求"
    )
    address = forms.CharField(label="地点", max_length=200, required=False)
    name = forms.CharField(label="称呼", max_length=40, required=False)
    phone = forms.CharField(
        label="手机号码",
        max_length=11,
        validators=[RegexValidator(r"^1[3-9]\d{9}$", "请填写 11 位手机号码")],
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
        help_text="仅用于核实和回访；举报人的身份对被举报单位和承办单位保密",
    )
    confidential = forms.BooleanField(label="要求保密", required=False)
    public = forms.BooleanField(label="同意隐去个人信息后公开", required=False)
    file = materials()
    key = forms.CharField(widget=forms.HiddenInput, max_length=40)


def submit(request: HttpRequest) -> HttpResponse:
    """The web form; a repeated post of the same form gives the same receipt."""
    form = PublicForm(request.POST or None, request.FILES or None, initial={"key": uuid.uuid4().hex})
    if request.method == "POST" and form.is_valid():
        try:
            _allow(SUBMISSIONS, request)
            said, intake = form.cleaned_data, intake_of(form.cleaned_data, Channel.WEB)
            registered = register_with_files(WEB_DESK, intake, said["file"], key=f"web:{said['key']}")
        except Invalid as problem:
            add_errors(form, problem)
        else:
            return HttpResponseRedirect(f"{reverse('hotline_track')}?code={registered.tracking_code}&new=1")
    status = 422 if form.is_bound and form.errors else 200
    return page(request, "hotline/public.html", {"form": form}, title="反映诉求", status=status)


def _progress(code: str) -> dict[str, Any]:
    found = queries.tracked(code)
    handled = queries.handled_as(found)
    closed = handled.case.status == "closed"
    reply = handled.replies.last() if closed else None
    return {
        "found": found,
        "into": handled if handled != found else None,
        "parts": [(part, queries.stage_name(part.case)) for part in found.parts.select_related("case").order_by("pk")],
        "closed": closed,
        "closed_at": handled.closed_at,
        "reply": queries.reading(ANONYMOUS, handled)(reply.text) if reply else "",
        "unit": handled.organisation.name,
        "stage": queries.stage_name(handled.case),
        "code": code.strip().upper(),
    }


def track(request: HttpRequest) -> HttpResponse:
    """Progress by tracking code: stage, unit and, when closed, the answer. Nothing of the reporter is shown."""
    code, context = request.GET.get("code", ""), {}
    status = 200
    if code:
        try:
            _allow(LOOKUPS, request)
            context = _progress(code)
        except Refused as problem:
            status = 404 if problem.code == "absent" else problem.status
            context = {"problem": problem.message, "code": code}
    context["is_new"] = request.GET.get("new") == "1"
    return page(request, "hotline/public.html", context, title="查询进展", status=status)


PUBLIC_URLS = (
    route("public/hotline/", submit, "hotline_public", PUBLIC),
    route("public/hotline/track/", track, "hotline_track", PUBLIC),
)
