"""DCAT 3 / DCAT-AP 的 JSON-LD 供稿：目录分页，每个数据集一份。"""

import hashlib
import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from yiwang.data.opendata import queries
from yiwang.data.opendata.pages import limits
from yiwang.data.opendata.services import counting
from yiwang.data.opendata.terms import LICENCE_URLS, MEDIA, Door, Format, Licence
from yiwang.kernel.access.actors import ANONYMOUS, Refused
from yiwang.kernel.ui.routes import PUBLIC, route

PAGE = 100
EU = "http://publications.europa.eu/resource/authority/"
FILE_TYPES = {Format.CSV: "CSV", Format.XLSX: "XLSX", Format.JSON: "JSON"}
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#", "spdx": "http://spdx.org/rdf/terms#",
    "hydra": "http://www.w3.org/ns/hydra/core#", "xsd": "http://www.w3.org/2001/XMLSchema#",
}  # fmt: skip
Node = dict[str, Any]


def _words(text: str) -> Node:
    return {"@language": "zh-CN", "@value": text}


def _typed(value: object, kind: str) -> Node:
    return {"@type": f"xsd:{kind}", "@value": str(value)}


def _agent(base: str, key: object, name: str) -> Node:
    return {"@id": f"{base}/dcat/agents/{key}", "@type": "foaf:Agent", "foaf:name": _words(name)}


def _distribution(base: str, seen: queries.Shown, file: Any) -> Node:
    form = Format(file.format)
    address = f"{base}/public/open/files/{seen.dataset.name}/{file.edition.number}/{form}"
    return {
        "@id": f"{address}#distribution", "@type": "dcat:Distribution", "dct:title": _words(f"{seen.dataset.title}（{form.label}）"),
        "dcat:accessURL": {"@id": f"{base}/public/open/{seen.dataset.name}/"}, "dcat:downloadURL": {"@id": address},
        "dct:license": {"@id": LICENCE_URLS[Licence(seen.dataset.licence)], "@type": "dct:LicenseDocument"},
        "dct:format": {"@id": f"{EU}file-type/{FILE_TYPES[form]}", "@type": "dct:MediaTypeOrExtent"},
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{MEDIA[form]}", "@type": "dct:MediaType"},
        "dcat:byteSize": _typed(file.size, "nonNegativeInteger"), "dct:modified": _typed(file.edition.published_at.isoformat(), "dateTime"),
        "spdx:checksum": {"@type": "spdx:Checksum", "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
                          "spdx:checksumValue": _typed(file.sha256, "hexBinary")},
    }  # fmt: skip


def described(base: str, seen: queries.Shown) -> Node:
    """One data set as a dcat:Dataset."""
    dataset = seen.dataset
    return {
        "@id": f"{base}/dcat/datasets/{dataset.name}", "@type": "dcat:Dataset", "dct:identifier": dataset.name,
        "dct:title": _words(dataset.title), "dct:description": _words(dataset.description),
        "dct:publisher": _agent(base, dataset.organisation_id, seen.organisation),
        "dcat:keyword": [_words(tag) for tag in dataset.tags],
        "dcat:theme": {"@id": f"{base}/dcat/themes/{dataset.topic}", "@type": "skos:Concept",
                       "skos:prefLabel": _words(dataset.get_topic_display())},
        "dct:issued": _typed((dataset.opened_at or dataset.created_at).isoformat(), "dateTime"),
        "dct:modified": _typed(seen.modified_at.isoformat(), "dateTime"),
        "dct:accrualPeriodicity": {"@id": f"{EU}frequency/{seen.frequency}", "@type": "dct:Frequency"},
        "dct:accessRights": {"@id": f"{EU}access-right/PUBLIC", "@type": "dct:RightsStatement"},
        "dcat:landingPage": {"@id": f"{base}/public/open/{dataset.name}/", "@type": "foaf:Document"},
        "dcat:distribution": [_distribution(base, seen, file) for file in seen.files],
    }  # fmt: skip


def _answer(request: HttpRequest, content: Node, modified: Any) -> HttpResponse:
    body = json.dumps({"@context": CONTEXT, **content}, ensure_ascii=False).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type="application/ld+json")
    response["ETag"], response["Access-Control-Allow-Origin"] = etag, "*"
    response["Cache-Control"] = "public, max-age=0, must-revalidate"
    seconds = int(modified.timestamp()) if modified else None
    if modified:
        response["Last-Modified"] = modified.strftime("%a, %d %b %Y %H:%M:%S GMT")
    # The tag decides: files and fields may change within a second.
    conditional = get_conditional_response(request, etag=etag, last_modified=seconds, response=response)
    return conditional if conditional is not None else response


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """A page of the catalogue with its neighbours; eleven statements whatever its size."""
    limits.allow(limits.CALLS, request)
    base = request.build_absolute_uri("/").rstrip("/")
    given = request.GET.get("page", "1")
    if not (given.isascii() and given.isdigit() and int(given[:7]) > 0 and len(given) < 7):
        raise Refused("page 须为从 1 起的整数。", code="absent")
    number = int(given)
    found = queries.search().order_by("pk")
    total = found.count()
    last = max(1, -(-total // PAGE))
    if number > last:
        raise Refused(f"目录只有 {last} 页。", code="absent")
    rows = queries.shown(found[(number - 1) * PAGE : number * PAGE])
    address = f"{base}/dcat/catalog.jsonld"
    paging: Node = {
        "@id": f"{address}?page={number}", "@type": "hydra:PartialCollectionView", "hydra:totalItems": total,
        "hydra:first": {"@id": f"{address}?page=1"}, "hydra:last": {"@id": f"{address}?page={last}"},
    }  # fmt: skip
    if number < last:
        paging["hydra:next"] = {"@id": f"{address}?page={number + 1}"}
    if number > 1:
        paging["hydra:previous"] = {"@id": f"{address}?page={number - 1}"}
    whole = {
        "@id": address, "@type": "dcat:Catalog", "dct:title": _words(f"{settings.CITY_NAME}公共数据开放目录"),
        "dct:description": _words("由各部门提供、经审核向社会开放的公共数据集。"),
        "dct:publisher": _agent(base, "platform", settings.CITY_NAME or "公共数据开放平台"),
        "foaf:homepage": {"@id": f"{base}/public/open/", "@type": "foaf:Document"},
        "dcat:dataset": [described(base, each) for each in rows],
    }  # fmt: skip
    counting.note(ANONYMOUS, None, Door.FEED, "catalog")
    return _answer(request, {"@graph": [whole, paging]}, max((each.modified_at for each in rows), default=None))


@require_safe
def single(request: HttpRequest, name: str) -> HttpResponse:
    limits.allow(limits.CALLS, request)
    seen = queries.one(name)
    counting.note(ANONYMOUS, seen.dataset, Door.FEED, "dataset")
    base = request.build_absolute_uri("/").rstrip("/")
    return _answer(request, described(base, seen), seen.modified_at)


URLS = (
    route("dcat/catalog.jsonld", catalogue, "dcat_catalog", PUBLIC),
    route("dcat/datasets/<slug:name>.jsonld", single, "dcat_dataset", PUBLIC),
)
