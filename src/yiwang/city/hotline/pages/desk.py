"""话务台：接听、登记、查重、当场答复。"""

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from yiwang.city.hotline import queries
from yiwang.city.hotline.services.intake import LARGEST_FILE, MOST_FILES, Intake, register_with_files
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.ui.forms import FilesField
from yiwang.kernel.ui.render import actor_of, fragment, page
from yiwang.kernel.ui.routes import needs, route


def materials() -> FilesField:
    limit = f"照片、录音、文书等，至多 {MOST_FILES} 个，每个不超过 {LARGEST_FILE >> 20} MB"
    return FilesField(label="附件", required=False, help_text=limit)


class DeskForm(forms.Form):
    phone = forms.CharField(label="来电号码", max_length=20, required=False, help_text="填写后显示该号码的历史诉求")
    name = forms.CharField(label="称呼", max_length=40, required=False)
    kind = forms.ChoiceField(label="诉求类别", choices=Kind.choices, initial=Kind.COMPLAINT)
    title = forms.CharField(label="诉求标题", max_length=200, help_text="一句话说清：哪里、什么事")
    content = forms.CharField(
        label="诉求内容",
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text="时间、地点、对象、经过、诉求人希望怎样解决",
    )
    region = forms.ModelChoiceField(label="所在区划", queryset=queries.regions(), required=False)
    address = forms.CharField(label="地址", max_length=200, required=False)
    wants_callback = forms.BooleanField(label="需要回访", required=False, initial=True)
    confidential = forms.BooleanField(
        label="要求保密", required=False, help_text="举报件一律对承办单位保密，无须再勾选"
    )
    public = forms.BooleanField(label="同意公开", required=False, help_text="隐去个人信息后可供公众查询")
    file = materials()
    key = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("title", "content"):
            self.fields[name].widget.attrs |= {
                "hx-post": reverse("hotline_matches"),
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#matches",
                "hx-params": "title,content",
                "hx-include": "#desk-form",
            }
        self.fields["phone"].widget.attrs |= {
            "hx-post": reverse("hotline_history"),
            "hx-trigger": "input changed delay:400ms",
            "hx-target": "#history",
            "inputmode": "tel",
            "autocomplete": "off",
            "autofocus": True,
        }


def intake_of(cleaned: dict[str, Any], channel: Channel) -> Intake:
    """The intake of a cleaned form; desk and public form share the field names."""
    region = cleaned.get("region")
    return Intake(
        channel=channel,
        kind=Kind(cleaned["kind"]),
        title=cleaned["title"],
        content=cleaned["content"],
        name=cleaned.get("name", ""),
        phone=cleaned.get("phone", ""),
        wants_callback=cleaned.get("wants_callback", True),
        confidential=cleaned.get("confidential", False),
        public=cleaned.get("public", False),
        region_id=region.pk if region else None,
        address=cleaned.get("address", ""),
    )


def add_errors(form: forms.Form, problem: Invalid) -> None:
    """A service's refusal becomes errors at the fields it names, or on top of the form."""
    for name, sentences in problem.errors.items():
        form.add_error(name if name in form.fields else None, sentences)
    if not problem.errors:
        form.add_error(None, problem.message)


def desk(request: HttpRequest) -> HttpResponse:
    """The operator's form. 保存 keeps it at registration, 登记并派单 sends it on."""
    actor = actor_of(request)
    form = DeskForm(request.POST or None, request.FILES or None, initial={"key": uuid.uuid4().hex})
    if request.method == "POST" and form.is_valid():
        submit = request.POST.get("then") != "keep"
        try:
            said, intake = form.cleaned_data, intake_of(form.cleaned_data, Channel.PHONE)
            registered = register_with_files(actor, intake, said["file"], submit=submit, key=said["key"])
        except Invalid as problem:
            add_errors(form, problem)
        else:
            return HttpResponseRedirect(reverse("case", args=[registered.case_id]))
    status = 422 if form.is_bound and form.errors else 200
    return page(request, "hotline/desk.html", {"form": form}, title="话务台", status=status)


@require_POST
def history(request: HttpRequest) -> HttpResponse:
    """Earlier requests of the number being typed; posted, so that no number stands in an address or a log."""
    phone = request.POST.get("phone", "").strip()[:20]
    found = queries.caller_history(actor_of(request), phone) if len(phone) >= 5 else []
    context = {
        "found": found,
        "caption": "该号码的历史诉求",
        "nothing": "该号码没有历史诉求。" if len(phone) >= 5 else "",
    }
    return fragment(request, "hotline/matches.html", context)


@require_POST
def matches(request: HttpRequest) -> HttpResponse:
    """Similar requests to what is being typed; posted too: what a reporter says is long and no matter for a log."""
    text = f"{request.POST.get('title', '')} {request.POST.get('content', '')}".strip()
    found = queries.similar(actor_of(request), text) if len(text) >= 6 else []
    context = {"found": found, "caption": "可能相同的诉求", "nothing": "没有发现相似诉求。" if len(text) >= 6 else ""}
    return fragment(request, "hotline/matches.html", context)


DESK_URLS = (
    route("hotline/desk/", desk, "hotline_desk", needs("hotline.request", "add")),
    route("hotline/desk/history/", history, "hotline_history", needs("hotline.reporter", "view")),
    route("hotline/desk/matches/", matches, "hotline_matches", needs("hotline.request", "add")),
)
