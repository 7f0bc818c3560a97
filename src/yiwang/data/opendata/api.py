"""CKAN Action API 的只读子集：公开的 ckanapi 客户端原样可用。"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from yiwang.data.opendata import queries
from yiwang.data.opendata.models import Dataset
from yiwang.data.opendata.pages import limits
from yiwang.data.opendata.queries import Asked, Shown
from yiwang.data.opendata.services import counting
from yiwang.data.opendata.terms import LICENCE_URLS, MEDIA, Door, Format, Licence, Topic
from yiwang.kernel.access.actors import ANONYMOUS, Invalid, Refused
from yiwang.kernel.ui.routes import PUBLIC, route

Json = dict[str, Any]
MOST_PACKAGES, MOST_RECORDS, DEEPEST, LONGEST_BODY = 1000, 1000, 100_000, 100_000
TYPES = {"integer": "int8", "decimal": "numeric", "boolean": "bool"}
SORTS = {"name": "name", "title": "title", "title_string": "title", "metadata_modified": "changed_at",
         "metadata_created": "created_at", "score": "id", "relevance": "id"}  # fmt: skip
FACETS = {"organization": "organization", "groups": "groups", "tags": "tags"}


def _plain(found: Json) -> Json:
    """PostgreSQL keeps no NUL, so no row can hold what is asked for."""
    if "\\u0000" in json.dumps(found):
        raise Invalid("参数中有不能识别的字符。", errors={"parameters": ["NUL"]})
    return found


class Call:
    """One call: its parameters, read with bounds, and the address that links begin with."""

    def __init__(self, request: HttpRequest, action: str) -> None:
        self.action, self.base, self.given = (
            action,
            request.build_absolute_uri("/").rstrip("/"),
            _plain(_given(request)),
        )
        self.about: Dataset | None = None
        self.rows = 0

    def text(self, name: str, default: str = "") -> str:
        value = self.given.get(name, default)
        return default if value is None else str(value)[:400]

    def need(self, name: str) -> str:
        value = self.text(name).strip()
        if not value:
            raise Invalid(f"缺少参数 {name}。", errors={name: ["Missing value"]})
        return value

    def number(self, name: str, default: int, most: int) -> int:
        value = self.given.get(name)
        if value is None or value == "":
            return default
        if not re.fullmatch(r"\d{1,9}", str(value)):
            raise Invalid(f"{name} 须为不小于 0 的整数。", errors={name: ["Invalid integer"]})
        return min(int(value), most)

    def names(self, name: str) -> list[str]:
        """A JSON list, a list, or words set apart by commas."""
        value = self.given.get(name) or []
        if isinstance(value, str):
            value = _loaded(name, value) if value.startswith("[") else value.split(",")
        if not isinstance(value, list):
            raise Invalid(f"{name} 须为列表。", errors={name: ["Not a list"]})
        return [str(each).strip()[:200] for each in value[:200] if str(each).strip()]

    def mapping(self, name: str) -> Json:
        value = self.given.get(name) or {}
        if isinstance(value, str):
            value = _loaded(name, value)
        if not isinstance(value, dict):
            raise Invalid(f"{name} 须为对象。", errors={name: ["Not an object"]})
        return value

    def flag(self, name: str) -> bool:
        return str(self.given.get(name, "")).lower() in ("true", "1", "yes")


def _loaded(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{name} 不是正确的 JSON。", errors={name: ["Invalid JSON"]}) from error


def _given(request: HttpRequest) -> Json:
    if request.method != "POST":
        return dict(request.GET.items())
    if len(request.body) > LONGEST_BODY:
        raise Invalid("请求内容过长。", errors={"body": ["Too long"]})
    if request.content_type != "application/json":
        return dict(request.POST.items())
    found = _loaded("body", request.body.decode("utf-8", "replace") or "{}")
    if not isinstance(found, dict):
        raise Invalid("请求内容须为 JSON 对象。", errors={"body": ["Not an object"]})
    return found


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() if at else None


def _organisation(key: object, name: str) -> Json:
    return {"id": f"org-{key}", "name": f"org-{key}", "title": name, "display_name": name, "type": "organization",
            "is_organization": True, "state": "active", "approval_status": "approved", "description": ""}  # fmt: skip


def _group(topic: str) -> Json:
    label = Topic(topic).label
    return {
        "id": topic,
        "name": topic,
        "title": label,
        "display_name": label,
        "type": "group",
        "state": "active",
        "description": "",
    }


def _tag(name: str) -> Json:
    return {"id": name, "name": name, "display_name": name, "state": "active", "vocabulary_id": None}


def _resource(call: Call, seen: Shown, file: Any, position: int) -> Json:
    form, name = Format(file.format), seen.dataset.name
    at = _moment(file.edition.published_at)
    return {
        "id": f"{name}-{form}", "package_id": name, "name": f"{seen.dataset.title}（{form.label}）", "description": "",
        "format": form.label, "mimetype": MEDIA[form], "url": f"{call.base}/public/open/files/{name}/{file.edition.number}/{form}",
        "size": file.size, "hash": file.sha256, "hash_algorithm": "sha256", "state": "active", "position": position,
        "datastore_active": form == Format.CSV and file.edition.queryable, "created": at, "last_modified": at,
        "metadata_modified": at, "url_type": None, "resource_type": None,
    }  # fmt: skip


def _package(call: Call, seen: Shown) -> Json:
    dataset = seen.dataset
    licence = Licence(dataset.licence)
    resources = [_resource(call, seen, file, position) for position, file in enumerate(seen.files)]
    extras = {"update_cycle": seen.cycle, "data_updated": _moment(seen.loaded_at) or "",
              "fields": "、".join(item.title for item in seen.items)}  # fmt: skip
    return {
        "id": dataset.name, "name": dataset.name, "title": dataset.title, "notes": dataset.description, "type": "dataset",
        "state": "active", "private": False, "isopen": True, "license_id": dataset.licence, "license_title": licence.label,
        "license_url": LICENCE_URLS[licence], "url": f"{call.base}/public/open/{dataset.name}/", "version": "",
        "metadata_created": _moment(dataset.opened_at or dataset.created_at), "metadata_modified": _moment(seen.modified_at),
        "organization": _organisation(dataset.organisation_id, seen.organisation), "owner_org": f"org-{dataset.organisation_id}",
        "groups": [_group(dataset.topic)], "tags": [_tag(tag) for tag in dataset.tags], "num_tags": len(dataset.tags),
        "resources": resources, "num_resources": len(resources), "author": seen.organisation, "maintainer": "",
        "extras": [{"key": key, "value": value} for key, value in extras.items()],
        "relationships_as_subject": [], "relationships_as_object": [],
    }  # fmt: skip


def _status(call: Call) -> Json:
    return {"ckan_version": "2.11.0", "site_title": f"{settings.CITY_NAME}公共数据开放", "site_url": call.base, "site_description": "",
            "locale_default": "zh_Hans_CN", "extensions": ["datastore"], "error_emails_to": None}  # fmt: skip


def _package_list(call: Call) -> list[str]:
    limit, offset = call.number("limit", 100_000, 100_000), call.number("offset", 0, 10_000_000)
    return list(queries.search().order_by("name").values_list("name", flat=True)[offset : offset + limit])


def _package_show(call: Call) -> Json:
    seen = queries.one(call.need("id"))
    call.about = seen.dataset
    return _package(call, seen)


def _filtered(text: str) -> dict[str, Any]:
    """`fq` in the forms that clients write: field:value or field:"value", all of them to hold."""
    given: dict[str, Any] = {}
    for field, quoted, plain in re.findall(r'\+?(\w+):\(?(?:"([^"]*)"|([^\s()]+))\)?', text):
        value = quoted or plain
        if field == "organization" or field == "owner_org":
            key = value.removeprefix("org-")
            given["organisation"] = int(key) if re.fullmatch(r"[0-9]{1,12}", key) else -1
        elif field in ("groups", "tags", "res_format", "license_id"):
            name = {"groups": "topic", "tags": "tag", "res_format": "form", "license_id": "licence"}[field]
            given[name] = value.lower() if field == "res_format" else value
        elif field not in ("state", "type", "private", "capacity", "dataset_type"):
            raise Invalid(f"不支持按 {field[:40]} 筛选。", errors={"fq": ["Unknown field"]})
    return given


def _ordered(text: str) -> list[str]:
    made = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, way = part.partition(" ")
        if name not in SORTS:
            raise Invalid(f"不支持按 {name[:40]} 排序。", errors={"sort": ["Unknown field"]})
        made.append(("-" if way.strip().lower() == "desc" or name == "score" else "") + SORTS[name])
    return [*made, "pk"]


def _package_search(call: Call) -> Json:
    words = re.sub(r"^\*:\*$|[\"*]", "", call.text("q")).strip()
    asked = {}
    if ":" in words:
        asked, words = _filtered(words), ""
    filters = " ".join([call.text("fq"), *call.names("fq_list")])
    found = queries.search(words, **{**asked, **_filtered(filters)})
    start, rows = call.number("start", 0, 1_000_000), call.number("rows", 10, MOST_PACKAGES)
    page = found.order_by(*_ordered(call.text("sort") or "metadata_modified desc"))[start : start + rows]
    results = [_package(call, seen) for seen in queries.shown(page)] if rows else []
    wanted = [name for name in call.names("facet.field") if name in FACETS]
    counted = queries.facets(found) if wanted else {}
    facets = {name: {_facet(name, key): count for key, _, count in counted[name]} for name in wanted}
    detail = {
        name: {"title": name, "items": [{"name": _facet(name, key), "display_name": label, "count": count}
                                        for key, label, count in counted[name]]} for name in wanted
    }  # fmt: skip
    return {
        "count": found.count(),
        "sort": call.text("sort"),
        "results": results,
        "facets": facets,
        "search_facets": detail,
    }


def _facet(name: str, key: str) -> str:
    return f"org-{key}" if name == "organization" else key


def _organization_list(call: Call) -> list[Any]:
    found = [
        {**_organisation(key, label), "package_count": n}
        for key, label, n in queries.facets(queries.search())["organization"]
    ]
    return found if call.flag("all_fields") else [each["name"] for each in found]


def _organization_show(call: Call) -> Json:
    name = call.need("id")
    found = queries.search(**_filtered(f'organization:"{name}"'))
    first = found.first()
    if first is None:
        raise Refused("没有这个部门，或它没有开放数据。", code="absent")
    made = {
        **_organisation(first.organisation_id, str(first.organisation)),
        "package_count": found.count(),
        "users": [],
    }
    if call.flag("include_datasets"):
        made["packages"] = [_package(call, seen) for seen in queries.shown(found.order_by("pk")[:100])]
    return made


def _group_list(call: Call) -> list[Any]:
    found = [{**_group(key), "package_count": n} for key, _, n in queries.facets(queries.search())["groups"]]
    return found if call.flag("all_fields") else [each["name"] for each in found]


def _group_show(call: Call) -> Json:
    name = call.need("id")
    if name not in Topic.values:
        raise Refused("没有这个领域。", code="absent")
    return {**_group(name), "package_count": queries.search(topic=name).count(), "users": []}


def _tag_list(call: Call) -> list[Any]:
    found = [name for name, _, _ in queries.facets(queries.search(call.text("query")))["tags"]]
    return [_tag(name) for name in found] if call.flag("all_fields") else found


def _of_resource(call: Call, name: str) -> tuple[Shown, Json]:
    """By the id of a resource: a data set and one of its formats."""
    given = call.need(name)
    seen = queries.one(given.rpartition("-")[0])
    call.about = seen.dataset
    found = next((each for each in _package(call, seen)["resources"] if each["id"] == given), None)
    if found is None:
        raise Refused("没有找到这个数据资源。", code="absent")
    return seen, found


def _resource_show(call: Call) -> Json:
    return _of_resource(call, "id")[1]


def _resource_search(call: Call) -> Json:
    """`query` of the form name:words or format:csv."""
    wanted = call.names("query") or [call.need("query")]
    words, form = "", ""
    for each in wanted:
        field, _, value = each.partition(":")
        if field == "format":
            form = value.lower()
        elif field in ("name", "description", "title"):
            words = f"{words} {value}"
        else:
            raise Invalid(f"不支持按 {field[:40]} 查找资源。", errors={"query": ["Unknown field"]})
    offset, limit = call.number("offset", 0, 100_000), call.number("limit", 100, 100)
    page = queries.search(words, form=form).order_by("pk")[offset : offset + limit]
    found = [each for seen in queries.shown(page) for each in _package(call, seen)["resources"]]
    results = [each for each in found if not form or each["format"].lower() == form]
    return {"count": len(results), "results": results}


def _sorted(text: str) -> tuple[tuple[str, bool], ...]:
    parts = [part.split() for part in text.split(",") if part.strip()]
    if any(len(part) > 2 or (len(part) == 2 and part[1].lower() not in ("asc", "desc")) for part in parts):
        raise Invalid("sort 须写成“字段 asc, 字段 desc”。", errors={"sort": ["Invalid"]})
    return tuple((part[0].strip('"'), len(part) == 2 and part[1].lower() == "desc") for part in parts)


def _datastore_search(call: Call) -> Json:
    seen, found = _of_resource(call, "resource_id")
    words = call.given.get("q") or ""
    filters = call.mapping("filters")
    if isinstance(words, dict) or (isinstance(words, str) and words.startswith("{")):
        raise Invalid("q 只支持文字；按字段请用 filters。", errors={"q": ["Only text"]})
    if any(isinstance(value, dict) for value in filters.values()):
        raise Invalid("filters 的值须为单值或列表。", errors={"filters": ["Invalid value"]})
    asked = Asked(call.number("limit", 100, MOST_RECORDS), call.number("offset", 0, DEEPEST), tuple(call.names("fields")), filters,
                  str(words), _sorted(call.text("sort")))  # fmt: skip
    total, records = queries.records(seen, asked)
    call.rows = len(records)
    names = set(asked.fields) or {column["name"] for column in (seen.edition.columns if seen.edition else ())}
    fields = [{"id": column["name"], "type": TYPES.get(column["type"].partition("(")[0], column["type"]), "info": {"label": column["title"]}}
              for column in (seen.edition.columns if seen.edition else ()) if column["name"] in names]  # fmt: skip
    return {"resource_id": found["id"], "fields": [{"id": "_id", "type": "int"}, *fields], "records": records, "total": total,
            "limit": asked.limit, "offset": asked.offset, "include_total": True, "records_format": "objects"}  # fmt: skip


def _help(call: Call) -> str:
    name = call.need("name")
    if name not in ACTIONS:
        raise Refused("没有这个动作。", code="absent")
    return HELP.get(name, "见 CKAN Action API 文档；本平台提供只读子集。")


HELP = {"datastore_search": "按行查询：resource_id、filters、q、fields、sort、limit（至多 1000）、offset。",
        "package_search": "查找数据集：q、fq（organization、groups、tags、res_format、license_id）、sort、rows、start、facet.field。"}  # fmt: skip
ACTIONS: dict[str, Callable[[Call], Any]] = {
    "site_read": lambda call: True, "status_show": _status, "help_show": _help, "package_list": _package_list,
    "package_show": _package_show, "package_search": _package_search, "organization_list": _organization_list,
    "organization_show": _organization_show, "group_list": _group_list, "group_show": _group_show, "tag_list": _tag_list,
    "resource_show": _resource_show, "resource_search": _resource_search, "datastore_search": _datastore_search,
}  # fmt: skip
KINDS = {404: "Not Found Error", 409: "Validation Error", 429: "Rate Limit Error"}


def _failed(problem: Refused, base: str) -> HttpResponse:
    status = 404 if problem.code == "absent" else 409 if isinstance(problem, Invalid) else problem.status
    error: Json = {"__type": KINDS.get(status, "Authorization Error"), "message": problem.message}
    if isinstance(problem, Invalid):
        error.update(problem.errors)
    return _json({"help": base, "success": False, "error": error}, status)


def _json(content: Json, status: int = 200) -> HttpResponse:
    response = JsonResponse(content, status=status, json_dumps_params={"ensure_ascii": False})
    response["Access-Control-Allow-Origin"], response["X-Robots-Tag"] = "*", "noindex"
    return response


@csrf_exempt
def action(request: HttpRequest, name: str) -> HttpResponse:
    """One action. Nothing is changed by any, so that a post from elsewhere does no harm."""
    base = request.build_absolute_uri(f"/ckan/api/3/action/help_show?name={name}")
    try:
        limits.allow(limits.CALLS, request)
        if request.method not in ("GET", "POST", "HEAD"):
            raise Invalid("只支持 GET 和 POST。", errors={"method": ["GET, POST"]})
        found = ACTIONS.get(name)
        if found is None:
            raise Refused(f"没有动作 {name[:60]}；本平台提供 CKAN 的只读子集。", code="absent")
        call = Call(request, name)
        result = found(call)
    except Refused as problem:
        return _failed(problem, base)
    counting.note(ANONYMOUS, call.about, Door.API, name, call.rows)
    return _json({"help": base, "success": True, "result": result})


URLS = (
    route("ckan/api/3/action/<slug:name>", action, "ckan_action_3", PUBLIC),
    route("ckan/api/action/<slug:name>", action, "ckan_action", PUBLIC),
)
