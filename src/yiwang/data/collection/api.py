"""推送接口：清单、分块、核对。凭接口令牌；断点续传；同一幂等键只成一包。"""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from yiwang.data.collection import queries, terms
from yiwang.data.collection.services import pushing
from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.registers.api import problem
from yiwang.kernel.ui.render import actor_of
from yiwang.kernel.ui.routes import needs, route

MANIFEST_LIMIT = 65536
Answer = tuple[dict[str, Any], int]


def _endpoint(*methods: str) -> Callable[[Callable[..., Answer]], Callable[..., HttpResponse]]:
    """JSON in and out for requests by token; refusals as problem JSON."""

    def decorate(view: Callable[..., Answer]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        def answer(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not getattr(request, "by_token", False):
                return problem(401, "请在请求头 Authorization 中提供接口令牌。", code="token", rule="接口推送规则")
            if request.method not in methods:
                return problem(405, f"只支持 {'、'.join(methods)}。", code="method")
            try:
                body, status = view(request, **kwargs)
            except Refused as refusal:
                status = 404 if refusal.code == "absent" else refusal.status
                errors = refusal.errors if isinstance(refusal, Invalid) else None
                return problem(status, refusal.message, code=refusal.code, rule=refusal.rule, errors=errors)
            return HttpResponse(json.dumps(body, ensure_ascii=False), status=status, content_type="application/json")

        answer.__name__ = view.__name__
        answer.__doc__ = view.__doc__
        return answer

    return decorate


def _read(request: HttpRequest, limit: int) -> bytes:
    """The body, never more than the limit; streamed, so that Django's own limit for forms doesn't apply."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared[:18]) > limit:
        raise Invalid(f"请求体超过 {limit:,} 字节，没有接收。", rule=pushing.RULE)
    content = request.read(limit + 1)
    if len(content) > limit:
        raise Invalid(f"请求体超过 {limit:,} 字节，没有接收。", rule=pushing.RULE)
    return content


def _manifest(request: HttpRequest) -> dict[str, Any]:
    try:
        given = json.loads(_read(request, MANIFEST_LIMIT))
        return {
            "source_id": int(given["source"]), "name": str(given["name"]), "size": int(given["size"]),
            "sha256": str(given["sha256"]), "batch": str(given.get("batch", ""))[:120],
        }  # fmt: skip
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid(
            "清单须为 JSON，含 source、name、size、sha256，可有 batch。没有受理。", rule=pushing.RULE
        ) from error


@_endpoint("POST")
def begin(request: HttpRequest) -> Answer:
    """清单 → 推送编号与已收字节。"""
    actor, given = actor_of(request), _manifest(request)
    source = given.pop("source_id")
    push = pushing.begin(actor, source, key=request.headers.get("Idempotency-Key", ""), **given)
    return pushing.status(actor, push.pk), 201


@_endpoint("PUT", "GET")
def push(request: HttpRequest, pk: int) -> Answer:
    """PUT ?offset=n：一块；GET：到哪一步。"""
    actor = actor_of(request)
    if request.method == "PUT":
        offset = request.GET.get("offset", "")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 16):
            raise Invalid("请用 ?offset= 给出这一块从第几字节开始。", rule=pushing.RULE)
        pushing.add_chunk(actor, pk, int(offset), _read(request, terms.CHUNK_LIMIT))
    return pushing.status(actor, pk), 200


@_endpoint("POST")
def finish(request: HttpRequest, pk: int) -> Answer:
    """核对摘要，成包；再调一次得到同一个包。"""
    actor = actor_of(request)
    _, fresh = pushing.finish(actor, pk)
    return pushing.status(actor, pk), 201 if fresh else 200


URLS = (
    route("api/collection/push/", begin, "collection_push_begin", needs(queries.DELIVERY, "add")),
    route("api/collection/push/<int:pk>/", push, "collection_push", needs(queries.DELIVERY, "add")),
    route("api/collection/push/<int:pk>/finish/", finish, "collection_push_finish", needs(queries.DELIVERY, "add")),
)
