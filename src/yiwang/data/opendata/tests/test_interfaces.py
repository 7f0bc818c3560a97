"""The unmodified public client, DCAT shapes, bounded statements, bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pyshacl import validate
from rdflib import Graph, URIRef

from yiwang.data.opendata.models import Dataset, Use
from yiwang.data.opendata.tests.world import City

pytestmark = pytest.mark.django_db
SHAPES = Path(__file__).parent / "dcat_ap_shapes.ttl"
API = "/ckan/api/3/action/"


def ask(client: Client, action: str, **given: Any) -> Any:
    response = client.post(f"{API}{action}", json.dumps(given), content_type="application/json")
    found = response.json()
    assert found["success"] is (response.status_code == 200), found
    return found["result"] if found["success"] else found["error"]


def test_rows_are_filtered_sorted_and_searched(client: Client, dataset: Dataset) -> None:
    key = f"{dataset.name}-csv"
    found = ask(
        client,
        "datastore_search",
        resource_id=key,
        filters={"kind": ["公共", "路内"], "is_public": True},
        fields="code,kind",
    )
    assert found["total"] == len(found["records"]) == 13
    assert all(set(each) == {"_id", "code", "kind"} and each["kind"] != "立体" for each in found["records"])
    assert ask(client, "datastore_search", resource_id=key, q="停车场17")["total"] == 1
    first = ask(client, "datastore_search", resource_id=key, sort="fee", limit=1)["records"][0]
    assert first["fee"] == "2.00", "a decimal sorts as a number"
    assert ask(client, "datastore_search", resource_id=key, limit=0)["records"] == []


@pytest.mark.parametrize(
    "given",
    [{"limit": "x"}, {"filters": "{"}, {"filters": {"kind": {"a": 1}}}, {"sort": "kind; drop"}, {"sort": "kind sideways"}, {"q": {"kind": "a"}},
     {"fields": {"a": 1}}, {"offset": -1}, {"filters": [1]},
     {"q": "\0"}, {"filters": {"kind": "\0"}}],
)  # fmt: skip
def test_wrong_parameters_get_a_sentence(client: Client, dataset: Dataset, given: dict[str, Any]) -> None:
    found = ask(client, "datastore_search", resource_id=f"{dataset.name}-csv", **given)
    assert found["__type"] == "Validation Error" and found["message"].endswith("。")


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b"[" * 20_000, b'{"id": "' + b"x" * 200_000])
def test_broken_bodies_get_a_sentence(client: Client, body: bytes) -> None:
    response = client.post(f"{API}package_show", body, content_type="application/json")
    assert response.status_code == 409 and response.json()["error"]["message"]


def test_writing_and_unknown_actions_are_refused(client: Client) -> None:
    assert client.post(f"{API}package_create", "{}", content_type="application/json").status_code == 404
    assert client.put(f"{API}package_list").status_code == 409


def test_statements_do_not_grow_with_the_catalogue(client: Client, city: City, dataset: Dataset) -> None:
    addresses = ("/public/open/", "/dcat/catalog.jsonld", f"{API}package_search?rows=100&facet.field=[\"tags\",\"organization\"]",
                 f"{API}organization_list")  # fmt: skip
    counted = []
    for _ in range(2):
        row = []
        for address in addresses:
            with CaptureQueriesContext(
                connection,
            ) as seen:
                assert client.get(address).status_code == 200
            row.append(len(seen))
        counted.append(row)
        if len(counted) == 1:
            for number in range(3):
                city.opened(f"公园{number}", 3)
    assert counted[0] == counted[1]
    assert max(counted[0]) <= 24


def test_uses_are_counted_without_saying_who(client: Client, dataset: Dataset) -> None:
    Use.objects.all().delete()
    for _ in range(2):
        b"".join(client.get(f"/public/open/files/{dataset.name}/1/csv").streaming_content)
    ask(client, "datastore_search", resource_id=f"{dataset.name}-csv", limit=3)
    found = {(each.door, each.form): (each.times, each.rows) for each in Use.objects.all()}
    assert found == {("download", "csv"): (2, 80), ("api", "datastore_search"): (1, 3)}
    assert {field.name for field in Use._meta.concrete_fields} == {
        "id",
        "day",
        "dataset",
        "organisation",
        "door",
        "form",
        "times",
        "rows",
    }


def graph(client: Client, address: str) -> Graph:
    response = client.get(address)
    assert response["Content-Type"] == "application/ld+json"
    return Graph().parse(data=response.content.decode(), format="json-ld")


@pytest.mark.parametrize("address", ["/dcat/catalog.jsonld", "/dcat/datasets/{}.jsonld"])
def test_the_feed_fulfils_the_mandatory_shapes(client: Client, dataset: Dataset, address: str) -> None:
    data = graph(client, address.format(dataset.name))
    conforms, _, report = validate(data, shacl_graph=str(SHAPES), shacl_graph_format="turtle")
    assert conforms, report
    kinds = {
        str(each).rpartition("#")[2]
        for each in data.objects(None, URIRef("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"))
    }
    assert {"Dataset", "Distribution"} <= kinds


def test_the_shapes_can_fail(client: Client, dataset: Dataset) -> None:
    data = graph(client, f"/dcat/datasets/{dataset.name}.jsonld")
    data.remove((None, URIRef("http://purl.org/dc/terms/title"), None))
    assert not validate(data, shacl_graph=str(SHAPES), shacl_graph_format="turtle")[0]


def test_an_unchanged_feed_is_not_sent_again(client: Client, city: City, dataset: Dataset) -> None:
    first = client.get("/dcat/catalog.jsonld")
    assert client.get("/dcat/catalog.jsonld", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304
    assert first["Last-Modified"].endswith("GMT")
    city.regrade(dataset, "name", 2)
    assert client.get("/dcat/catalog.jsonld", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


@pytest.mark.parametrize("page", ["0", "2", "x", "-1", "99999999"])
def test_pages_that_do_not_exist(client: Client, dataset: Dataset, page: str) -> None:
    assert client.get("/dcat/catalog.jsonld", {"page": page}).status_code == 404
