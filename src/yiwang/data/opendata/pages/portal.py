"""公众页：查找、数据集、下载、订阅、反馈。"""

import binascii
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, BinaryIO
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from yiwang.data.catalog import contract as catalog
from yiwang.data.opendata import queries
from yiwang.data.opendata.pages import limits
from yiwang.data.opendata.services import counting, feedback, subscribing
from yiwang.data.opendata.services.feedback import DESK, Words
from yiwang.data.opendata.terms import LICENCE_URLS, MEDIA, TYPES, Door, FeedbackKind, Format, Licence
from yiwang.kernel.access.actors import ANONYMOUS, Invalid, Refused
from yiwang.kernel.files import queries as files
from yiwang.kernel.ui.charts import bar
from yiwang.kernel.ui.render import page
from yiwang.kernel.ui.routes import PUBLIC, route

SIZE, BLOCK = 20, 1 << 16
FACETS = (("organization", "department", "提供部门"), ("groups", "topic", "领域"), ("tags", "tag", "标签"))
BOM = "\ufeff".encode()


def _chosen(request: HttpRequest) -> dict[str, str]:
    names = ("q", "department", "topic", "tag", "format", "licence")
    return {name: text for name in names if (text := request.GET.get(name, "").replace("\0", "").strip()[:60])}


def _link(chosen: dict[str, str], **change: str) -> str:
    return f"{reverse('open_search')}?{urlencode({name: text for name, text in {**chosen, **change}.items() if text})}"


def _facets(chosen: dict[str, str], found: dict[str, list[tuple[str, str, int]]]) -> list[dict[str, Any]]:
    made = []
    for key, parameter, title in FACETS:
        active = chosen.get(parameter, "")
        rows = [
            {"label": label, "count": count, "on": value == active, "url": _link(chosen, **{parameter: "" if value == active else value})}
            for value, label, count in found[key][:12]
        ]  # fmt: skip
        made.append({"title": title, "rows": rows, "open": bool(active)})
    return made


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request)
    unit = chosen.get("department", "")
    found = queries.search(
        chosen.get("q", ""), organisation=int(unit) if unit.isascii() and unit.isdigit() and len(unit) < 12 else None,
        topic=chosen.get("topic", ""), tag=chosen.get("tag", ""), form=chosen.get("format", ""), licence=chosen.get("licence", ""),
    ).order_by("-changed_at", "-id")  # fmt: skip
    given = request.GET.get("page", "1")
    number = max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 6 else 1
    total = found.count()
    rows = queries.shown(found[(number - 1) * SIZE : number * SIZE])
    context = {
        "rows": rows, "total": total, "chosen": chosen, "facets": _facets(chosen, queries.facets(found)), "number": number,
        "newer": _link(chosen, page=str(number - 1)) if number > 1 else "",
        "older": _link(chosen, page=str(number + 1)) if number * SIZE < total else "",
        "clear": reverse("open_search") if chosen else "", "formats": Format.choices,
    }  # fmt: skip
    return page(request, "opendata/search.html", context, title="开放数据")


def _charts(seen: queries.Shown) -> list[Any]:
    made = []
    for chart in seen.edition.charts if seen.edition else ():
        rows = [(str(label), count) for label, count in chart["rows"]]
        title = f"各年数量（{chart['title']}）" if chart["by_year"] else f"按{chart['title']}"
        made.append(bar(rows, title=title, unit="条"))
    return made


def _quality(resource_id: int) -> Any:
    today = timezone.localdate()
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    return catalog.quality_of(resource_id, month) or catalog.quality_of(resource_id, before)


class MailForm(forms.Form):
    address = forms.EmailField(label="邮箱", max_length=200, help_text="确认后，数据更新或撤下时发邮件；每封都能退订")


@require_safe
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    gone = queries.gone(name)
    if gone is not None and gone.withdrawn_at:
        raise Refused(
            f"这个数据集已于 {timezone.localtime(gone.withdrawn_at):%Y-%m-%d} 撤下：{gone.reason}", code="absent"
        )
    seen = queries.one(name)
    counting.note(ANONYMOUS, seen.dataset, Door.PAGE)
    quality = _quality(seen.dataset.resource_id)
    context = {
        "seen": seen, "dataset": seen.dataset, "columns": seen.edition.columns if seen.edition else [],
        "preview": queries.preview(seen) if seen.edition and seen.edition.queryable else [], "charts": _charts(seen),
        "licence_url": LICENCE_URLS[Licence(seen.dataset.licence)], "quality": quality[0] if quality else None,
        "types": TYPES, "past": queries.past(seen.dataset, seen.items),
        "stopped": queries.stopped(seen.dataset), "form": MailForm(),
        "package": request.build_absolute_uri(f"/ckan/api/3/action/package_show?id={name}"),
    }  # fmt: skip
    return page(request, "opendata/dataset.html", context, title=seen.dataset.title)


def _blocks(content: BinaryIO, bom: bool) -> Iterator[bytes]:
    with content:
        if bom:
            yield BOM
        while block := content.read(BLOCK):
            yield block


@require_safe
def download(request: HttpRequest, name: str, number: int, form: str) -> HttpResponseBase:
    """A published file. `?bom=1` puts the mark in front that Excel needs to read UTF-8."""
    limits.allow(limits.FILES, request)
    seen, file = queries.file_of(name, number, form)
    bom = form == Format.CSV and request.GET.get("bom") == "1"
    if request.method != "HEAD":
        counting.note(ANONYMOUS, seen.dataset, Door.DOWNLOAD, form, file.edition.rows)
    response = StreamingHttpResponse(_blocks(files.content(file.file), bom), content_type=MEDIA[Format(form)])
    response["Content-Length"] = str(file.size + (len(BOM) if bom else 0))
    response["Content-Disposition"] = f'attachment; filename="{name}-{number}.{form}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Repr-Digest"] = "" if bom else f"sha-256=:{_base64(file.sha256)}:"
    return response


def _base64(digest: str) -> str:
    return binascii.b2a_base64(bytes.fromhex(digest), newline=False).decode()


@never_cache
@require_POST
def subscribe(request: HttpRequest, name: str) -> HttpResponse:
    limits.allow(limits.MAILS, request)
    seen, form = queries.one(name), MailForm(request.POST)
    if form.is_valid():
        subscribing.subscribe(
            ANONYMOUS, seen.dataset, form.cleaned_data["address"], request.build_absolute_uri("/").rstrip("/")
        )
        return _said(request, "请查收邮件", "确认邮件已发出，打开其中的链接才算订阅；已订阅的不再重复发送。", name)
    context = {"mail": form, "dataset": seen.dataset}
    return page(request, "opendata/talk.html", context, title="订阅更新", status=422)


def _said(request: HttpRequest, title: str, text: str, name: str) -> HttpResponse:
    context = {"said": text, "back": reverse("open_dataset", args=[name]), "private": True}
    return page(request, "opendata/talk.html", context, title=title)


@never_cache
def subscription(request: HttpRequest, token: str) -> HttpResponse:
    """Asks first, because mail scanners follow links; the answer is a post."""
    limits.allow(limits.LOOKUPS, request)
    seen = subscribing.found(token)
    if request.method == "POST" and request.POST.get("do") == "confirm":
        subscribing.confirm(ANONYMOUS, token)
        return _said(request, "已订阅", f"“{seen.dataset.title}”更新或撤下时，您会收到邮件。", seen.dataset.name)
    if request.method == "POST":
        subscribing.unsubscribe(ANONYMOUS, token)
        return _said(request, "已退订", "您的邮箱地址已从本平台删除。", seen.dataset.name)
    return page(request, "opendata/talk.html", {"subscription": seen, "private": True}, title="订阅")


class TalkForm(forms.Form):
    kind = forms.ChoiceField(label="类别", choices=FeedbackKind.choices)
    title = forms.CharField(label="标题", max_length=120)
    content = forms.CharField(label="内容", max_length=3000, widget=forms.Textarea(attrs={"rows": 6}),
                              help_text="纠错请写明哪一行哪一列、应当是什么；需求请写明数据内容和用途")  # fmt: skip
    contact = forms.CharField(
        label="联系方式", max_length=100, required=False, help_text="可不填。只用于核实本件，加密保存"
    )
    key = forms.CharField(widget=forms.HiddenInput, max_length=40)


def talk(request: HttpRequest) -> HttpResponse:
    """Feedback, correction, or a wish for data; a repeated post gives the same receipt."""
    name = request.GET.get("dataset", "")
    about = queries.one(name) if name else None
    kind = request.GET.get("kind", FeedbackKind.OPINION if about else FeedbackKind.WANTED)
    form = TalkForm(request.POST or None, initial={"key": uuid.uuid4().hex, "kind": kind})
    if request.method == "POST" and form.is_valid():
        limits.allow(limits.WORDS, request)
        given = dict(form.cleaned_data)
        key = f"open:{given.pop('key')}"
        try:
            made = feedback.submit(DESK, Words(**given), about.dataset if about else None, key=key)
            return HttpResponseRedirect(f"{reverse('open_track')}?code={made.tracking_code}&new=1")
        except Invalid as problem:
            for field, sentences in (problem.errors or {"": [problem.message]}).items():
                form.add_error(field if field in form.fields else None, sentences)
    context = {"form": form, "dataset": about.dataset if about else None}
    return page(request, "opendata/talk.html", context, title="反馈与需求", status=422 if form.errors else 200)


@never_cache
@require_safe
def track(request: HttpRequest) -> HttpResponse:
    code, status = request.GET.get("code", "").strip(), 200
    context: dict[str, Any] = {"track": True, "private": True}
    if code:
        limits.allow(limits.LOOKUPS, request)
        try:
            context |= {"found": queries.tracked(code), "is_new": request.GET.get("new") == "1"}
        except Refused as problem:
            context["problem"], status = problem.message, 404
    return page(request, "opendata/talk.html", {**context, "code": code.upper()[:16]}, title="查询反馈", status=status)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Pages may be indexed; files, interfaces and links sent by mail may not."""
    lines = ["User-agent: *", "Disallow: /ckan/", "Disallow: /public/open/files/", "Disallow: /public/open/subscriptions/",
             "Disallow: /public/open/track/", "Disallow: /public/open/talk/", "Crawl-delay: 5", "Allow: /public/", "Disallow: /"]  # fmt: skip
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


URLS = (
    route("robots.txt", robots, "open_robots", PUBLIC),
    route("public/open/", search, "open_search", PUBLIC),
    route("public/open/talk/", talk, "open_talk", PUBLIC),
    route("public/open/track/", track, "open_track", PUBLIC),
    route("public/open/subscriptions/<str:token>/", subscription, "open_subscription", PUBLIC),
    route("public/open/files/<slug:name>/<int:number>/<slug:form>", download, "open_download", PUBLIC),
    route("public/open/<slug:name>/", dataset, "open_dataset", PUBLIC),
    route("public/open/<slug:name>/subscribe/", subscribe, "open_subscribe", PUBLIC),
)
