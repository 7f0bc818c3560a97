"""The JSON API of every register: the same queries and services as the pages. Problems are RFC 9457 problem JSON."""

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Router
from ninja.errors import HttpError, ValidationError
from ninja.utils import check_csrf
from pydantic import BaseModel, Field, create_model

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.registers import queries, services
from yiwang.kernel.registers.declarations import Bound, Posting, RecordAction, Register
from yiwang.kernel.registers.guards import version_of
from yiwang.kernel.registers.paths import resolve
from yiwang.kernel.registers.registry import all_registers
from yiwang.kernel.ui.render import actor_of
from yiwang.kernel.ui.routes import SIGNED_IN

_TYPES = {"integer": "integer", "boolean": "boolean", "related": "integer", "organisation": "integer", "many": "array"}
_PAGING = ("q", "sort", "after", "before", "columns", "size")
LONGEST_KEY = 60
IDEMPOTENCY: dict[str, Any] = {
    "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": LONGEST_KEY},
    "description": "同一令牌账号以同一标识重复提交，只新增一次，返回首次的结果",
}  # fmt: skip
READ_ONLY = frozenset({"GET", "HEAD", "OPTIONS"})


def _door(request: HttpRequest) -> Actor | None:
    """A token by its own, or a session with its CSRF token."""
    actor = actor_of(request)
    if actor.account_id is None:
        return None
    if not getattr(request, "by_token", False) and request.method not in READ_ONLY and check_csrf(request) is not None:
        raise Refused("请求缺少有效的 CSRF 令牌，没有执行。请从本系统页面提交，或改用接口令牌。", rule="跨站请求防护")
    return actor


def problem(status: int, detail: str, *, code: str = "", rule: str = "", errors: Any = None) -> HttpResponse:
    body = {"type": "about:blank", "title": code or "error", "status": status, "detail": detail, "rule": rule}
    text = json.dumps(body | ({"errors": errors} if errors else {}), ensure_ascii=False)
    return HttpResponse(text, status=status, content_type="application/problem+json")


def _problem(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    if isinstance(error, Refused):
        status = 404 if error.code == "absent" else error.status
        errors = error.errors if isinstance(error, Invalid) else None
        return problem(status, error.message, code=error.code, rule=error.rule, errors=errors)
    if isinstance(error, ValidationError):
        return problem(422, "请求内容的格式不对，没有执行。请对照 /api/openapi.json 改正。", errors=error.errors)
    status = error.status_code if isinstance(error, HttpError) else 404 if isinstance(error, Http404) else 400
    words = {401: "请先登录或提供有效的接口令牌。", 404: "没有这个接口或记录。"}
    return problem(status, words.get(status, "请求无法识别，没有执行。"))


def plain_value(bound: Bound, record: Any, plain: frozenset[int]) -> Any:
    """The value for machines: keys and names of related rows, codes of choices, numbers exact as text."""
    value: Any = bound.value(record)
    if bound.mask and record.pk not in plain:
        return queries.shown(bound, record, plain)
    if bound.path is not None and bound.path.field.is_relation and not isinstance(value, list):
        return None if value is None else {"id": value.pk, "name": str(value)}
    if isinstance(value, list):
        return [{"id": item.pk, "name": str(item)} for item in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _row(register: Register, record: Any, bounds: tuple[Bound, ...], plain: frozenset[int]) -> dict[str, Any]:
    values = {bound.name: plain_value(bound, record, plain) for bound in bounds}
    return {"id": record.pk, **values}


def _detail(actor: Actor, register: Register, pk: int) -> dict[str, Any]:
    record = queries.one(actor, register, pk)
    bounds = tuple(queries.offered_columns(register).values())
    row = _row(register, record, bounds, queries.unmasked_of(actor, register, [record]))
    return {**row, "version": version_of(register, record)}


def _input(register: Register, name: str, fields: dict[str, tuple[str, str]]) -> type[BaseModel]:
    """The body as documented; the register's form checks it, so every door says the same sentences."""
    made: dict[str, Any] = {
        field: (Any, Field(default=None, title=label, json_schema_extra={"type": kind}))
        for field, (label, kind) in fields.items()
    }
    model: type[BaseModel] = create_model(
        f"{register.code.replace('.', '_')}_{name}", __config__={"extra": "allow"}, **made
    )
    return model


def _form_fields(register: Register) -> dict[str, tuple[str, str]]:
    paths = {name: resolve(register.model, name) for name in register.form_fields}
    return {name: (path.label, _TYPES.get(path.kind, "string")) for name, path in paths.items()}


def _parameters(register: Register) -> list[dict[str, Any]]:
    labels = {name: item.label for item in register.bound_filters for name in item.parameters}
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": labels.get(name, ""),
            "schema": {"type": "string"},
        }
        for name in (*_PAGING, *labels)
    ]


def _router(register: Register) -> Router:
    router = Router(tags=[register.name])

    def listed(request: HttpRequest) -> Any:
        actor = actor_of(request)
        asked = queries.wish(register, {key: [str(v) for v in values] for key, values in request.GET.lists()})
        page, bounds = queries.listing(actor, register, asked), queries.columns_of(register, asked)
        items = [_row(register, record, bounds, page.plain) for record in page.records]
        return {"items": items, "next": page.next, "previous": page.previous, "total": page.total, "exact": page.exact}

    def read(request: HttpRequest, pk: int) -> Any:
        return _detail(actor_of(request), register, pk)

    name = register.code.replace(".", "_")
    router.get("/", operation_id=f"{name}_list", summary=f"列出{register.name}",
               openapi_extra={"parameters": _parameters(register)})(listed)  # fmt: skip
    router.get("/{int:pk}", operation_id=f"{name}_read", summary=f"读取{register.name}")(read)
    if "add" in register.writes:
        body = _input(register, "add", _form_fields(register))
        router.post("/", operation_id=f"{name}_add", summary=f"新增{register.name}")(_adder(register, body))
    if register.posting is not None:
        given = {item.name: (item.label, _TYPES.get(item.kind, "string")) for item in register.posting.fields}
        body = _input(register, "add", given)
        router.post("/", operation_id=f"{name}_add", summary=f"新增{register.name}",
                    openapi_extra={"parameters": [IDEMPOTENCY]})(_poster(register, register.posting, body))  # fmt: skip
    if "change" in register.writes:
        body = _input(register, "change", {"version": ("读取时的版本", "string"), **_form_fields(register)})
        router.patch("/{int:pk}", operation_id=f"{name}_change", summary=f"修改{register.name}")(
            _changer(register, body)
        )
    for action in register.actions:
        fields = {item.name: (item.label, _TYPES.get(item.kind, "string")) for item in action.fields}
        body = _input(register, f"act_{action.code}", {"version": ("读取时的版本", "string"), **fields})
        router.post(f"/{{int:pk}}/act/{action.code}", operation_id=f"{name}_act_{action.code}", summary=action.name)(
            _doer(register, action, body)
        )
    return router


def _given(body: BaseModel) -> tuple[dict[str, Any], str | None]:
    """What the body holds, and apart from it the version."""
    values = body.model_dump(exclude_unset=True)
    version = values.pop("version", None)
    return values, None if version is None else str(version)


def _adder(register: Register, kind: type[BaseModel]) -> Callable[..., Any]:
    def add(request: HttpRequest, body: Any) -> Any:
        actor, (values, _) = actor_of(request), _given(body)
        made = services.save(actor, register, values, key=request.headers.get("Idempotency-Key", ""))
        return {"id": made.pk}

    add.__annotations__["body"] = kind
    return add


def _poster(register: Register, posting: Posting, kind: type[BaseModel]) -> Callable[..., Any]:
    def add(request: HttpRequest, body: Any) -> Any:
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > LONGEST_KEY:
            raise Invalid(
                f"Idempotency-Key 不超过 {LONGEST_KEY} 个字符，没有新增。", errors={"Idempotency-Key": ["过长"]}
            )
        made = services.post(actor_of(request), register, _given(body)[0], key)
        return {"id": made.pk, **posting.answer(made)}

    add.__annotations__["body"] = kind
    return add


def _changer(register: Register, kind: type[BaseModel]) -> Callable[..., Any]:
    def change(request: HttpRequest, pk: int, body: Any) -> Any:
        actor, (values, version) = actor_of(request), _given(body)
        changed = services.save(actor, register, values, pk=pk, version=version)
        return {"id": changed.pk, "version": version_of(register, changed)}

    change.__annotations__["body"] = kind
    return change


def _doer(register: Register, action: RecordAction, kind: type[BaseModel]) -> Callable[..., Any]:
    def act(request: HttpRequest, pk: int, body: Any) -> Any:
        actor, (values, version) = actor_of(request), _given(body)
        done = services.act(actor, register, pk, action.code, values, version=version)
        return {"id": done.pk, "version": version_of(register, done)}

    act.__annotations__["body"] = kind
    return act


def build() -> NinjaAPI:
    """The API of all registers; the services ask for the verb."""
    made = NinjaAPI(title="一网接口", version="1", urls_namespace="api", docs_url=None, auth=_door)
    for kind in (Refused, ValidationError, HttpError, Http404, BadRequest, DataError):
        made.add_exception_handler(kind, _problem)
    for register in all_registers():
        if register.api:
            made.add_router(f"/r/{register.code}", _router(register))
    return made


def guarded(made: NinjaAPI) -> Any:
    """The URLs of the API, each open to signed-in accounts only; made once, since ninja makes new views each time."""
    urls = made.urls
    for pattern in urls[0]:
        pattern.callback.requirement = SIGNED_IN  # type: ignore[union-attr]
    return urls


@cache
def urls() -> Any:
    """Made when the site's addresses are, once: by then every register is known, whoever imported this module before."""
    return guarded(build())
