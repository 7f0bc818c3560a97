"""来源：登记、修改、接入说明、开通前置库、立即巡检。"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Source
from yiwang.data.collection.services import sources, sweeping
from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid, Refused
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

DECLARED = tuple((code, label) for code, label in terms.Way.choices if code != terms.Way.UPLOAD)


PULL = (
    "driver",
    "host",
    "port",
    "database",
    "username",
    "password",
    "encryption",
    "authority",
    "query",
    "cursor_item",
    "start",
)
# Fields that only one way has a use for; every other is common to all.
ONLY = {terms.Way.PULL: PULL}
WAYS = {
    terms.Way.LANDING: "单位把数据写进平台给它开的表", terms.Way.PULL: "平台用只读账号去单位的数据库读",
    terms.Way.PUSH: "单位的系统调用接口送来", terms.Way.DROP: "单位把文件放进投递目录",
}  # fmt: skip


def _narrow(form: forms.BaseForm, way: str) -> None:
    """Leave the fields that the way has a use for."""
    for name in {name for other, names in ONLY.items() if other != way for name in names} & set(form.fields):
        del form.fields[name]
    if way == terms.Way.PUSH:
        form.fields.pop("every_minutes", None)


# The password is asked for behind the account.
ACCOUNT = sources.EDITABLE.index("username") + 1


class SourceForm(forms.ModelForm):  # type: ignore[type-arg]
    password = forms.CharField(
        label="口令", required=False, strip=False, help_text="只读账号的口令；加密保存，不再显示。不改留空",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    class Meta:
        model = Source
        fields = sources.EDITABLE

    def __init__(self, *args: Any, way: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _narrow(self, way or self.instance.way)


class NewSourceForm(SourceForm):
    resource = forms.TypedChoiceField(label="信息资源", coerce=int)
    way = forms.ChoiceField(label="归集方式", choices=DECLARED, widget=forms.HiddenInput)
    start = forms.CharField(
        label="起始位置", required=False, max_length=120,
        help_text="增量抽取第一次从哪里往后读，如 0、1900-01-01；字段是文字的可以留空",
    )  # fmt: skip
    field_order = (
        "resource",
        "way",
        *sources.EDITABLE[:ACCOUNT],
        "password",
        *sources.EDITABLE[ACCOUNT:-1],
        "start",
        "every_minutes",
    )

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        offered = [(facts.id, f"{facts.name}（{facts.organisation}）") for facts in queries.deliverable(actor)]
        self.fields["resource"].choices = [("", "请选择"), *offered]  # type: ignore[attr-defined]


WAYS_SHOWN = [(code, label, WAYS[terms.Way(code)]) for code, label in DECLARED]


def _say(form: forms.Form | SourceForm, problem: Refused) -> None:
    errors = problem.errors if isinstance(problem, Invalid) else {}
    for name, sentences in errors.items():
        form.add_error(name if name in form.fields else None, sentences)
    if not errors:
        form.add_error(None, problem.message)


def new(request: HttpRequest) -> HttpResponse:
    """The way first, then what that way needs: links, so that it works without script too."""
    actor = actor_of(request)
    way = str((request.POST if request.method == "POST" else request.GET).get("way", ""))
    if way not in WAYS:
        return page(request, "collection/source.html", {"form": None, "source": None, "ways": WAYS_SHOWN}, title="新建来源",
                    status=422 if request.method == "POST" else 200)  # fmt: skip
    given = {name: request.GET[name] for name in ("resource", "name") if name in request.GET}
    form = NewSourceForm(actor, request.POST or None, way=way, initial={**given, "way": way})
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            made = sources.create_source(actor, data.pop("resource"), data.pop("way"), **data)
            return HttpResponseRedirect(reverse("collection_source", args=[made.pk]))
        except Refused as problem:
            _say(form, problem)
    context = {"form": form, "source": None, "ways": WAYS_SHOWN, "way": way}
    return page(request, "collection/source.html", context, title="新建来源", status=422 if form.errors else 200)


def detail(request: HttpRequest, pk: int, shown: tuple[str, str] | None = None) -> HttpResponse:
    actor = actor_of(request)
    source = queries.source(actor, pk)
    changes = actor.can(queries.SOURCE, "change")
    form = (
        SourceForm(
            request.POST if shown is None and request.method == "POST" else None, instance=queries.source(actor, pk)
        )
        if changes
        else None
    )
    if form is not None and form.is_bound and form.is_valid():
        try:
            sources.change_source(actor, pk, **form.cleaned_data)
            return HttpResponseRedirect(reverse("collection_source", args=[pk]))
        except Refused as problem:
            _say(form, problem)
    context = {
        "form": form, "source": source, "credentials": shown, "facts": catalog.resource(SYSTEM, source.resource_id),
        "table": sources.landing_table(source), "packages": source.packages.order_by("-pk")[:10], "chunk_mb": terms.CHUNK_LIMIT >> 20,
        "sweeps": source.way in sweeping.SWEEPS,
    }  # fmt: skip
    return page(
        request,
        "collection/source.html",
        context,
        title=source.name,
        status=422 if form is not None and form.errors else 200,
    )


@require_POST
def landing(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the landing schema; the new password is shown on this answer only."""
    return detail(request, pk, sources.open_landing(actor_of(request), pk))


@require_POST
def reposition(request: HttpRequest, pk: int) -> HttpResponse:
    sources.reposition(actor_of(request), pk, request.POST.get("position", ""), request.POST.get("reason", ""))
    return HttpResponseRedirect(reverse("collection_source", args=[pk]))


@require_POST
def look_now(request: HttpRequest, pk: int) -> HttpResponse:
    sources.sweep_soon(actor_of(request), pk)
    return HttpResponseRedirect(reverse("collection_source", args=[pk]))


SOURCE_URLS = (
    route("collection/source/new/", new, "collection_new_source", needs(queries.SOURCE, "add")),
    route("collection/source/<int:pk>/", detail, "collection_source", needs(queries.SOURCE)),
    route("collection/source/<int:pk>/landing/", landing, "collection_landing", needs(queries.SOURCE, "change")),
    route("collection/source/<int:pk>/position/", reposition, "collection_position", needs(queries.SOURCE, "change")),
    route("collection/source/<int:pk>/sweep/", look_now, "collection_sweep", needs(queries.SOURCE, "change")),
)
