"""Open311 GeoReport v2 (http://wiki.open311.org/GeoReport_v2): read for anybody, write with an API token.

Anybody reads only requests whose reporter consented, never a report (举报) or a confidential one; telephone and
identity numbers inside the text are masked.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any
from xml.etree import ElementTree

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt

from yiwang.city.command import contract as command
from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.intake import Intake, register_for_matter
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import ANONYMOUS, Actor, Invalid, Refused
from yiwang.kernel.crypto.masks import mask_text
from yiwang.kernel.registers.tokens import actor_of_token
from yiwang.kernel.ui.routes import PUBLIC, route

JURISDICTION = "yiwang"
LONGEST_SPAN = timedelta(days=90)
MOST_ROWS = 1000
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2
SINGULAR = {"services": "service", "service_requests": "request", "errors": "error", "values": "value"}
Answer = dict[str, Any] | list[dict[str, Any]]


def _element(name: str, value: Any) -> ElementTree.Element:
    """A list becomes repeated singular children: services → service, service_requests → request."""
    element = ElementTree.Element(name)
    if isinstance(value, dict):
        element.extend(_element(key, inner) for key, inner in value.items())
    elif isinstance(value, list):
        singular = SINGULAR.get(name, "attribute")
        element.extend(_element(singular, inner) for inner in value)
    elif value is not None:
        element.text = str(value).lower() if isinstance(value, bool) else UNWRITABLE.sub("", str(value))
    return element


def _respond(name: str, value: Answer, form: str, status: int = 200) -> HttpResponse:
    if form == "json":
        body = json.dumps(value, ensure_ascii=False, default=str).encode()
        return HttpResponse(body, status=status, content_type="application/json; charset=utf-8")
    body = ElementTree.tostring(_element(name, value), encoding="utf-8", xml_declaration=True)
    return HttpResponse(body, status=status, content_type="text/xml; charset=utf-8")


def _endpoint(name: str) -> Callable[[Callable[..., tuple[Answer, int]]], Callable[..., HttpResponse]]:
    """Answer in the form the path asks for; a refusal becomes the standard's error list with its status."""

    def decorate(view: Callable[..., tuple[Answer, int]]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, form: str, **kwargs: Any) -> HttpResponse:
            if form not in ("json", "xml"):
                return _respond("errors", [{"code": 404, "description": "只提供 json 和 xml 两种格式。"}], "json", 404)
            wanted = request.GET.get("jurisdiction_id", JURISDICTION)
            if wanted != JURISDICTION:
                wrong = [
                    {"code": 404, "description": f"没有辖区 {wanted}；本平台的 jurisdiction_id 为 {JURISDICTION}。"}
                ]
                return _respond("errors", wrong, form, 404)
            if request.method not in ("GET", "HEAD", "POST"):
                return _respond("errors", [{"code": 405, "description": "只支持 GET 和 POST。"}], form, 405)
            try:
                value, status = view(request, *args, **kwargs)
            except Refused as refusal:
                status = 404 if refusal.code == "absent" else 400 if isinstance(refusal, Invalid) else refusal.status
                return _respond("errors", [{"code": status, "description": refusal.message}], form, status)
            return _respond(name, value, form, status)

        return answer

    return decorate


@_endpoint("services")
def services(request: HttpRequest) -> tuple[Answer, int]:
    """The service list: matters of the dictionary in force."""
    found = command.matters_in_force(timezone.localdate())
    return [
        {
            "service_code": matter.code,
            "service_name": matter.name,
            "description": matter.closing_condition,
            "metadata": True,
            "type": "realtime",
            "keywords": ",".join(matter.keywords),
            "group": matter.category,
        }
        for matter in found
    ], 200


@_endpoint("service_definition")
def definition(request: HttpRequest, code: str) -> tuple[Answer, int]:
    """The attributes asked for a service: the kind of request, always."""
    if command.matter_in_force(code, timezone.localdate()) is None:
        raise Refused(f"没有服务 {code}。服务清单见 services。", code="absent")
    kinds = [{"key": value, "name": label} for value, label in Kind.choices]
    attribute = {
        "variable": True,
        "code": "kind",
        "datatype": "singlevaluelist",
        "required": False,
        "datatype_description": "",
        "order": 1,
        "description": "诉求类别",
        "values": kinds,
    }
    return {"service_code": code, "attributes": [attribute]}, 200


def _facts(found: Request) -> dict[str, Any]:
    reply = found.replies.last() if found.case.status == "closed" else None
    return {
        "service_request_id": found.number,
        "status": "closed" if found.case.status == "closed" else "open",
        "status_notes": queries.reading(ANONYMOUS, found)(reply.text) if reply else "",
        "service_name": found.matter_name or found.category or "未分类",
        "service_code": found.matter_code,
        "description": mask_text(f"{found.title}\n{found.content}"),
        "agency_responsible": found.organisation.name,
        "service_notice": "",
        "requested_datetime": timezone.localtime(found.received_at).isoformat(),
        "updated_datetime": timezone.localtime(found.updated_at).isoformat(),
        "expected_datetime": None,
        "address": found.address,
        "address_id": None,
        "zipcode": "",
        "lat": float(found.latitude) if found.latitude is not None else None,
        "long": float(found.longitude) if found.longitude is not None else None,
        "media_url": "",
    }


def _moment(request: HttpRequest, name: str) -> datetime | None:
    text = request.GET.get(name)
    if not text:
        return None
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or timezone.is_naive(moment):
        raise Invalid(f"{name} 须为带时区的 ISO 8601 时间，如 2026-01-01T00:00:00+08:00。")
    return moment


def _selected(request: HttpRequest) -> QuerySet[Request]:
    found = queries.public_requests().prefetch_related("replies")
    numbers = [number for number in request.GET.get("service_request_id", "").split(",") if number]
    if numbers:
        return found.filter(number__in=numbers)
    since, until = _moment(request, "start_date"), _moment(request, "end_date")
    until = until or min(timezone.now(), since + LONGEST_SPAN if since else timezone.now())
    since = since or until - LONGEST_SPAN
    if until - since > LONGEST_SPAN:
        raise Invalid("时间范围不能超过 90 天，请缩小 start_date 与 end_date 的间隔。", rule="GeoReport v2")
    found = found.filter(received_at__gte=since, received_at__lte=until)
    codes = [code for code in request.GET.get("service_code", "").split(",") if code]
    if codes:
        found = found.filter(matter_code__in=codes)
    statuses = {status for status in request.GET.get("status", "").split(",") if status}
    if statuses - {"open", "closed"}:
        raise Invalid("status 只能是 open 或 closed。")
    if statuses == {"closed"}:
        found = found.filter(case__status="closed")
    elif statuses == {"open"}:
        found = found.filter(~Q(case__status="closed"))
    return found


def _token_actor(request: HttpRequest) -> Actor:
    token = request.POST.get("api_key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    actor = actor_of_token(token) if token else None
    if actor is None:
        raise Refused(
            "缺少有效的 api_key。请在“我的接口令牌”中申请后再提交。", rule="写接口须鉴权", code="unauthorised"
        )
    return actor


def _decimal(request: HttpRequest, name: str, limit: int) -> Decimal | None:
    text = request.POST.get(name)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as problem:
        raise Invalid(f"{name} 须为十进制度数。") from problem
    if not value.is_finite() or abs(value) > limit:
        raise Invalid(f"{name} 须在 -{limit} 到 {limit} 之间。")
    return value.quantize(Decimal("0.000001"))


def _post(request: HttpRequest) -> tuple[Answer, int]:
    actor = _token_actor(request)
    code = request.POST.get("service_code", "")
    if command.matter_in_force(code, timezone.localdate()) is None:
        raise Invalid(f"没有服务 {code or '（空）'}。service_code 见 services。")
    kind = request.POST.get("attribute[kind]", Kind.COMPLAINT)
    if kind not in Kind.values:
        raise Invalid(f"attribute[kind] 只能是：{'、'.join(Kind.values)}。")
    description = request.POST.get("description", "")
    name = f"{request.POST.get('last_name', '')}{request.POST.get('first_name', '')}"
    intake = Intake(
        channel=Channel.OPEN311,
        kind=Kind(kind),
        title=description.strip().split("\n")[0][:60],
        content=description,
        name=name,
        phone=request.POST.get("phone", ""),
        external_user=request.POST.get("account_id", "") or request.POST.get("device_id", ""),
        address=request.POST.get("address_string", ""),
        longitude=_decimal(request, "long", 180),
        latitude=_decimal(request, "lat", 90),
        public=True,
    )
    registered = register_for_matter(actor, intake, code, key=request.headers.get("Idempotency-Key", "")[:64])
    notice = "请保存查询码，可在公众查询页查看办理进展。"
    return [{"service_request_id": registered.number, "service_notice": f"查询码 {registered.tracking_code}；{notice}",
             "account_id": None}], 201  # fmt: skip


@csrf_exempt
@_endpoint("service_requests")
def requests(request: HttpRequest) -> tuple[Answer, int]:
    """GET: the public requests of at most 90 days, newest first, at most 1,000. POST: a new request."""
    if request.method == "POST":
        return _post(request)
    return [_facts(found) for found in _selected(request)[:MOST_ROWS]], 200


@_endpoint("service_requests")
def request_detail(request: HttpRequest, number: str) -> tuple[Answer, int]:
    found = queries.public_requests().filter(number=number).first()
    if found is None:
        raise Refused(f"没有公开的工单 {number}。", code="absent")
    return [_facts(found)], 200


URLS = (
    route("open311/v2/services.<slug:form>", services, "open311_services", PUBLIC),
    route("open311/v2/services/<str:code>.<slug:form>", definition, "open311_definition", PUBLIC),
    route("open311/v2/requests.<slug:form>", requests, "open311_requests", PUBLIC),
    route("open311/v2/requests/<str:number>.<slug:form>", request_detail, "open311_request", PUBLIC),
)
