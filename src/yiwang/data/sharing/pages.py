"""申请共享、我的共享、谁在用我的数据、授权页（接口说明与密钥）、一次性下载。"""

import json
import os
from typing import Any
from urllib.parse import quote

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import ResourceFacts
from yiwang.data.sharing import queries
from yiwang.data.sharing.gateway.signing import SKEW
from yiwang.data.sharing.models import Grant
from yiwang.data.sharing.services import deliveries, keys, requests, sandbox
from yiwang.data.sharing.services.keys import IssuedKey
from yiwang.data.sharing.terms import Frequency, ShareType, Way
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.ui.charts import line
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import PUBLIC, SIGNED_IN, needs, route

SHOWN, FEW = 100, 12


def gateway_address() -> str:
    """What callers write in front of the path; the site says it when a proxy stands before the gateway."""
    return os.environ.get("YIWANG_GATEWAY_URL", "http://127.0.0.1:8090").rstrip("/")


class ApplyForm(forms.Form):
    fields_wanted = forms.MultipleChoiceField(label="需要的字段", widget=forms.CheckboxSelectMultiple,
                                              help_text="只选履职必需的字段；不予共享与未定级的没有列出")  # fmt: skip
    purpose = forms.CharField(label="使用目的", widget=forms.Textarea(attrs={"rows": 3}),
                              help_text="用于哪项工作、怎样使用。授权后不得超出此目的，扩大须重新申请")  # fmt: skip
    matter = forms.CharField(label="业务事项", max_length=200)
    legal_basis = forms.CharField(label="履职依据", max_length=300, help_text="法律、法规、规章或文件的名称与条款")
    row_filter = forms.CharField(label="数据范围", required=False, help_text="行条件，如 status = '在业'；不填为全部行")
    way = forms.ChoiceField(label="提供方式", choices=Way.choices)
    frequency = forms.ChoiceField(label="频率", choices=Frequency.choices, initial=Frequency.REAL_TIME)
    daily_quota = forms.IntegerField(label="预计每日调用次数", initial=1000, min_value=1)
    wanted_until = forms.DateField(
        label="使用期限至", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    plain_fields = forms.MultipleChoiceField(label="申请明文的敏感字段", required=False, widget=forms.CheckboxSelectMultiple,
                                             help_text="敏感字段默认脱敏；确需明文的勾选，由提供部门核准")  # fmt: skip

    def __init__(self, facts: ResourceFacts, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        open_now = queries.allowed(facts, ShareType.CONDITIONAL)
        shown = [item for item in facts.items if item.name in open_now]
        words = {"unconditional": "无条件", "conditional": "有条件"}
        chosen: Any = self.fields["fields_wanted"]
        kinds = {
            item.name: "：".join(filter(None, (words.get(item.share_type), item.share_condition))) for item in shown
        }
        chosen.choices = [(item.name, f"{item.title}（{kinds[item.name]}）") for item in shown]
        listed = "、".join(f"{item.title} {item.name}" for item in shown[:FEW])
        self.fields["row_filter"].help_text = (
            f"只要其中一部分行的，写行条件，如 {shown[0].name} = '某值'；不填为全部行。条件里用英文名：{listed}"
            f"{'等，全部见目录' if len(shown) > FEW else ''}" if shown else "没有可用的字段"
        )  # fmt: skip
        plain: Any = self.fields["plain_fields"]
        plain.choices = [(item.name, item.title) for item in shown if item.sensitive or item.declared_sensitive]
        if not plain.choices:
            del self.fields["plain_fields"]


def choose(request: HttpRequest) -> HttpResponse:
    """Resources of other departments with something that may be shared."""
    actor, words = actor_of(request), request.GET.get("q", "").strip()[:60]
    found = [
        each for each in catalog.resources(actor)
        if each.organisation_id != actor.organisation_id and queries.allowed(each, ShareType.CONDITIONAL)
        and words in f"{each.name} {each.organisation} {each.code}"
    ]  # fmt: skip
    context = {"found": found[:SHOWN], "more": len(found) > SHOWN, "words": words, "total": len(found)}
    return page(request, "sharing/choose.html", context, title="申请共享")


def apply(request: HttpRequest, resource_id: int) -> HttpResponse:
    actor = actor_of(request)
    facts = catalog.resource(actor, resource_id)
    form = ApplyForm(facts, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            made = requests.apply(
                actor, resource_id, fields=data.pop("fields_wanted"), plain_fields=data.pop("plain_fields", ()),
                key=request.POST.get("key", "")[:40], **data,
            )  # fmt: skip
            return HttpResponseRedirect(reverse("case", args=[made.case_id]))
        except Invalid as problem:
            for name, sentences in (problem.errors or {"": [problem.message]}).items():
                place = "fields_wanted" if name == "fields" else name
                form.add_error(place if place in form.fields else None, sentences)
    key = request.POST.get("key") or f"apply-{timezone.now():%Y%m%d%H%M%S%f}-{actor.person_id}"
    context = {"form": form, "facts": facts, "key": key}
    return page(request, "sharing/apply.html", context, title="申请共享", status=422 if form.errors else 200)


class TargetForm(forms.Form):
    """Where pushed rows go; the parts of a connection apart, so that nobody writes an address by hand."""

    name = forms.CharField(label="名称", max_length=60, help_text="如“民政局前置库”，在授权页按它选用")
    host = forms.CharField(label="主机", max_length=200, help_text="数据库所在的主机名或 IP 地址")
    port = forms.IntegerField(label="端口", initial=5432, min_value=1, max_value=65535)
    database = forms.CharField(label="库名", max_length=63)
    username = forms.CharField(label="账号", max_length=63, help_text="能在该库建模式、建表、写入的账号")
    password = forms.CharField(
        label="口令", max_length=200, strip=False, widget=forms.PasswordInput, help_text="加密保存，不再显示"
    )
    schema = forms.CharField(label="模式", max_length=63, initial="shared", help_text="推送的表放在这里，没有则新建")

    def url(self) -> str:
        given = {name: quote(str(value), safe="") for name, value in self.cleaned_data.items()}
        return "postgresql://{username}:{password}@{host}:{port}/{database}".format(**given)


def new_target(request: HttpRequest) -> HttpResponse:
    """Register a department's own database; the connection is tried before it is kept."""
    form = TargetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = deliveries.register_target(
                actor_of(request), name=form.cleaned_data["name"], url=form.url(), schema=form.cleaned_data["schema"]
            )
            return HttpResponseRedirect(f"/r/sharing.target/{made.pk}/")
        except Invalid as problem:
            place = next(iter(problem.errors), "")
            form.add_error(place if place in form.fields else None, problem.message)
    return page(request, "sharing/target.html", {"form": form}, title="推送目标", status=422 if form.errors else 200)


def _chart(found: list[dict[str, Any]]) -> Any:
    return line([f"{row['day']:%m-%d}" for row in found], [("应答", [row["answered"] for row in found]),
                   ("拒绝", [row["refused"] for row in found])], title="近 30 天接口调用", unit="次")  # fmt: skip


def _overview(request: HttpRequest, resource: str, title: str, lead: str, drill: str) -> HttpResponse:
    actor = actor_of(request)
    seen = doors.rows(actor, resource)
    days = queries.trend(seen)
    context = {
        "rows": queries.by_grant(seen), "chart": _chart(days), "lead": lead, "drill": drill, "provider": resource == "sharing.provided",
        "may_apply": actor.can("sharing.request", "add"),
        "answered": sum(row["answered"] for row in days), "refused": sum(row["refused"] for row in days),
        "returned": sum(row["rows"] for row in days),
        "waiting": list(doors.rows(actor, "sharing.request").filter(organisation_id=actor.organisation_id, way=Way.API)
                        .exclude(state="refused").order_by("-id")[:10]) if actor.can("sharing.request", "try") else [],
    }  # fmt: skip
    return page(request, "sharing/overview.html", context, title=title)


def mine(request: HttpRequest) -> HttpResponse:
    """The consumer's view: grants, calls, quota left."""
    return _overview(
        request, "sharing.grant", "我的共享", "授权、用量与今日余额；点授权看接口说明与密钥。", "/r/sharing.call/"
    )


def readers(request: HttpRequest) -> HttpResponse:
    """The provider's view: who reads what, how many rows, since when."""
    return _overview(
        request,
        "sharing.provided",
        "谁在用我的数据",
        "哪个部门、为什么目的、读了多少行；每一次调用都有记录。",
        "/r/sharing.read/",
    )


def seen_grant(actor: Actor, pk: int) -> Grant:
    """A grant that the actor gets or gives; else a refusal that tells nothing."""
    for code in ("sharing.grant", "sharing.provided"):
        found = doors.rows(actor, code).filter(pk=pk).select_related("organisation", "provider", "request").first()
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise Refused("没有找到该授权，或它不在您的数据范围内。", rule="数据范围", code="absent")


@never_cache
def grant(request: HttpRequest, pk: int) -> HttpResponse:
    """Facts, keys, how to call; a new key or package is shown in this answer and nowhere else."""
    actor = actor_of(request)
    found = seen_grant(actor, pk)
    issued: IssuedKey | None = None
    handed: deliveries.Handed | None = None
    if request.method == "POST" and request.POST.get("do") == "package":
        handed = deliveries.package(actor, pk)
    elif request.method == "POST" and request.POST.get("do") == "target":
        deliveries.choose_target(actor, pk, request.POST.get("target", ""))
        return HttpResponseRedirect(request.path)
    elif request.method == "POST":
        issued = keys.issue_key(actor, pk)
    return page(request, "sharing/grant.html", _grant_context(request, actor, found, issued, handed), title=str(found))


def _grant_context(
    request: HttpRequest, actor: Actor, found: Grant, issued: IssuedKey | None, handed: deliveries.Handed | None
) -> dict[str, Any]:
    facts, table = queries.facts_of(found.resource_id), queries.serving(found.resource_id, found.kind == "sandbox")
    titles = queries.titles_of(facts)
    key = table.keys[0] if table else "key"
    rows = [
        {"name": name, "title": titles.get(name, name), "mask": found.masks.get(name, ""), "shown": name in found.projection}
        for name in found.fields
    ]  # fmt: skip
    link = request.build_absolute_uri(reverse("sharing_package", args=[handed.token])) if handed else ""
    mine = (
        actor.can("sharing.grant", "issue") and doors.rows(actor, "sharing.grant", "issue").filter(pk=found.pk).exists()
    )
    return {
        "grant": found, "fields": rows, "table": table, "address": gateway_address(), "key_name": key, "issued": issued,
        "handed": handed, "link": link, "keys": queries.keys_of(found), "may_issue": mine and found.way == Way.API,
        "may_package": found.way == Way.FILE and actor.can("sharing.grant", "deliver"), "skew": SKEW // 60,
        "may_keys": actor.can("sharing.apikey", "view"), "targets": queries.targets_for(actor, found), "left": queries.left_today(found), "chart": _chart(queries.trend(queries.only(found))),
        "post": json.dumps({key: "…", "fields": found.projection[:3]}, ensure_ascii=False),
    }  # fmt: skip


def openapi(request: HttpRequest, pk: int) -> HttpResponse:
    found = seen_grant(actor_of(request), pk)
    return JsonResponse(
        queries.openapi(found, gateway_address()), json_dumps_params={"ensure_ascii": False, "indent": 2}
    )


@never_cache
@require_POST
def try_out(request: HttpRequest, pk: int) -> HttpResponse:
    """A sandbox key of one's own request, shown once."""
    actor = actor_of(request)
    issued = sandbox.try_out(actor, pk)
    found = seen_grant(actor, issued.key.grant_id)
    return page(request, "sharing/grant.html", _grant_context(request, actor, found, issued, None), title="沙箱密钥")


@never_cache
def package(request: HttpRequest, token: str) -> HttpResponse:
    """The page asks first, because a mail scanner that follows links must not use the link up."""
    if request.method != "POST":
        return page(request, "sharing/package.html", {}, title="下载数据文件")
    made, content = deliveries.fetch(actor_of(request), token)
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = (
        f'attachment; filename="{made.delivery.grant.code}-{made.delivery.snapshot}.ywpkg"'
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


URLS = (
    route("sharing/apply/", choose, "sharing_choose", needs("sharing.request", "add")),
    route("sharing/apply/<int:resource_id>/", apply, "sharing_apply", needs("sharing.request", "add")),
    route("sharing/targets/new/", new_target, "sharing_new_target", needs("sharing.target", "add")),
    route("sharing/mine/", mine, "sharing_mine", needs("sharing.grant")),
    route("sharing/readers/", readers, "sharing_readers", needs("sharing.provided")),
    route("sharing/grants/<int:pk>/", grant, "sharing_grant", SIGNED_IN),
    route("sharing/grants/<int:pk>/openapi.json", openapi, "sharing_openapi", SIGNED_IN),
    route("sharing/requests/<int:pk>/sandbox/", try_out, "sharing_sandbox", needs("sharing.request", "try")),
    route("public/sharing/package/<str:token>/", package, "sharing_package", PUBLIC),
)
