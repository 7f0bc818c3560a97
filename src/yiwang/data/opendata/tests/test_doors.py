"""Nothing that is undeclared, ungraded, of a higher level or not open leaves by any door."""

import io
import json
import zipfile
from itertools import product

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import ItemFacts
from yiwang.data.opendata import queries
from yiwang.data.opendata.api import ACTIONS
from yiwang.data.opendata.models import Dataset, Edition
from yiwang.data.opendata.services import building, subscribing
from yiwang.data.opendata.tests.world import FORMULA, ITEMS, OPEN_NAMES, SECRET, City
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Refused
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.messages.models import Delivery

pytestmark = pytest.mark.django_db
WORDS = (SECRET, *(item.name for item in ITEMS if item.name not in OPEN_NAMES))


def file_address(dataset: Dataset, form: str = "csv", number: int = 1) -> str:
    return f"/public/open/files/{dataset.name}/{number}/{form}"


def body(response: object) -> bytes:
    return b"".join(response.streaming_content) if getattr(response, "streaming", False) else response.content  # type: ignore[attr-defined]


def unpacked(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


def doors(dataset: Dataset) -> list[str]:
    name = dataset.name
    calls = [
        "package_list", f"package_show?id={name}", "package_search?q=停车&facet.field=[\"organization\",\"tags\",\"groups\"]",
        "organization_list?all_fields=true", "group_list?all_fields=true", "tag_list", f"resource_show?id={name}-csv",
        f"resource_search?query=name:{name}", f"datastore_search?resource_id={name}-csv&limit=100", "status_show", "site_read",
        f"datastore_search?resource_id={name}-csv&q={SECRET}", f"datastore_search?resource_id={name}-csv&filters={{\"kind\":\"公共\"}}",
    ]  # fmt: skip
    return [
        "/public/open/", "/public/open/?q=停车", f"/public/open/{name}/", *(file_address(dataset, form) for form in ("csv", "xlsx", "json")),
        "/dcat/catalog.jsonld", f"/dcat/datasets/{name}.jsonld", f"/public/open/talk/?dataset={name}",
        *(f"/ckan/api/3/action/{call}" for call in calls),
    ]  # fmt: skip


def test_no_door_says_a_word_of_what_is_not_open(client: Client, dataset: Dataset) -> None:
    for address in doors(dataset):
        response = client.get(address)
        assert response.status_code == 200, (address, response.status_code, body(response)[:300])
        content = body(response)
        text = unpacked(content) if content[:2] == b"PK" else content.decode()
        asked = SECRET if SECRET in address else ""
        found = [word for word in WORDS if word in text.replace(asked or "\0", "")]
        assert not found, (address, found)


def test_error_texts_do_not_tell_that_a_hidden_field_exists(client: Client, dataset: Dataset) -> None:
    answers = set()
    for field in ("graded_secret", "withheld_secret", "nothing_at_all"):
        for asked in ({"fields": [field]}, {"sort": f"{field} desc"}, {"filters": {field: "x"}}):
            response = client.post("/ckan/api/3/action/datastore_search", json.dumps({"resource_id": f"{dataset.name}-csv", **asked}),
                                   content_type="application/json")  # fmt: skip
            assert response.status_code == 409
            answers.add(response.content.decode().replace(field, "…"))
    assert len(answers) == 1
    assert client.get("/public/open/", {"q": SECRET}).content.decode().count("共 0 个") == 1


def test_mail_says_no_field_and_no_value(city: City, dataset: Dataset) -> None:
    subscribing.subscribe(ANONYMOUS, dataset, "a@example.cn", "https://open.example.cn")
    token = Delivery.objects.latest("pk").body.split("/subscriptions/")[1].split("/")[0]
    subscribing.confirm(ANONYMOUS, token)
    city.load(catalog.resource(SYSTEM, dataset.resource_id), 41)
    building.build(SYSTEM, dataset.pk)
    news = Delivery.objects.latest("pk")
    assert "第 2 期" in news.body
    assert not [word for word in (*WORDS, "停车场3", "车位数") if word in news.body + news.title]


def test_files_hold_exactly_the_open_columns(client: Client, dataset: Dataset) -> None:
    csv_text = body(client.get(file_address(dataset))).decode()
    assert csv_text.splitlines()[0] == "编号,名称,类别,车位数,收费标准,启用日期,对外开放"
    assert f"'{FORMULA}" in csv_text and f",{FORMULA}" not in csv_text
    assert "T001" in csv_text and ",-2," in csv_text, "a negative number is no formula"
    records = json.loads(body(client.get(file_address(dataset, "json"))))
    assert {column["name"] for column in records["fields"]} == OPEN_NAMES
    assert len(records["records"]) == 40 and set(records["records"][0]) == OPEN_NAMES
    assert records["records"][0]["name"] == FORMULA, "JSON is no spreadsheet: the value as it is"
    assert f"<f>{FORMULA[1:]}" not in unpacked(body(client.get(file_address(dataset, "xlsx"))))


def test_excel_gets_its_mark_only_when_asked(client: Client, dataset: Dataset) -> None:
    plain, marked = body(client.get(file_address(dataset))), client.get(file_address(dataset) + "?bom=1")
    content = body(marked)
    assert content == b"\xef\xbb\xbf" + plain
    assert marked["Content-Length"] == str(len(content))


def test_the_preview_says_yes_and_no_in_words(client: Client, dataset: Dataset) -> None:
    page = client.get(f"/public/open/{dataset.name}/").content.decode()
    assert '<td class="nowrap">是</td>' in page and '<td class="nowrap">否</td>' in page and ">True<" not in page


@pytest.mark.parametrize(("name", "level", "kind"), [("name", 2, ""), ("places", 4, ""), ("name", 1, "name")])
def test_a_changed_grade_stops_files_at_once_and_the_next_edition_is_narrower(
    client: Client, city: City, dataset: Dataset, name: str, level: int, kind: str
) -> None:
    city.regrade(dataset, name, level, kind)
    assert client.get(file_address(dataset)).status_code == 404
    assert client.get(f"/ckan/api/3/action/datastore_search?resource_id={dataset.name}-csv").status_code == 404
    page = client.get(f"/public/open/{dataset.name}/").content.decode()
    assert "停车场3" not in page and "文件正在准备" in page
    assert [each.pk for each in queries.due()] == [dataset.pk]
    made = building.build(SYSTEM, dataset.pk)
    assert made is not None
    columns = {column["name"] for column in made.columns}
    assert columns == (OPEN_NAMES if kind else OPEN_NAMES - {name})
    text = body(client.get(file_address(dataset, number=2))).decode()
    assert "停车场3" not in text or name != "name"
    assert client.get(file_address(dataset)).status_code == 404, "the former edition stays closed"
    assert queries.due() == []


def test_a_mask_for_the_public_is_in_every_form(client: Client, city: City, dataset: Dataset) -> None:
    city.regrade(dataset, "name", 1, "name")
    building.build(SYSTEM, dataset.pk)
    for form in ("csv", "json", "xlsx"):
        content = body(client.get(file_address(dataset, form, 2)))
        text = unpacked(content) if form == "xlsx" else content.decode()
        assert "停车场3" not in text and "****" in text
    assert (
        "停车场3"
        not in client.get(f"/ckan/api/3/action/datastore_search?resource_id={dataset.name}-csv").content.decode()
    )


def test_an_offline_resource_is_gone_from_every_door(client: Client, city: City, dataset: Dataset) -> None:
    facts = catalog.resource(SYSTEM, dataset.resource_id)
    for item in facts.items:
        city.regrade(dataset, item.name, 3)
    for address in doors(dataset):
        response = client.get(address)
        assert "停车场3" not in (body(response).decode() if "xlsx" not in address else "")
        if dataset.name in address and "resource_search" not in address:
            assert response.status_code == 404, address


def item(share_type: str, open_type: str, level: int, graded: bool = True) -> ItemFacts:
    return ItemFacts(1, "x", "甲", "text", 0, False, False, True, share_type, "", "", open_type, "", level if graded else 4, graded, "",
                     False, "", "", "own")  # fmt: skip


def test_every_classification_of_an_item_against_the_open_door(dataset: Dataset) -> None:
    """Exhaustive: what is shown is what the one rule allows, and that is level 1, open without condition, not withheld."""
    facts = catalog.resource(SYSTEM, dataset.resource_id)
    kinds = ("unconditional", "conditional", "withheld")
    for share_type, open_type, level, graded in product(kinds, kinds, (1, 2, 3, 4), (True, False)):
        found = item(share_type, open_type, level, graded)
        shown = queries.open_items(facts.__class__(**{**facts.__dict__, "items": (found,)}))
        wanted = share_type != "withheld" and open_type == "unconditional" and level == 1 and graded
        assert bool(shown) == wanted == catalog.allowed(found, "open")


NAMES = st.sampled_from(["a", "b", "c", "d"])


@given(st.sets(NAMES, min_size=1), st.sets(NAMES), st.dictionaries(NAMES, st.just(["name", "replace"])))
def test_an_edition_is_served_only_while_all_its_fields_are_open_and_masked_alike(
    columns: set[str], allowed: set[str], plan: dict[str, list[str]]
) -> None:
    items = [ItemFacts(**{**item("unconditional", "unconditional", 1).__dict__, "name": name}) for name in allowed]
    edition = Edition(
        columns=[{"name": name} for name in columns], plan={k: v for k, v in plan.items() if k in columns}
    )
    assert queries.servable(edition, items, plan) == (columns <= allowed)
    other = {key: ["phone", "mask"] for key in columns}
    assert not queries.servable(edition, items, other)


def test_building_twice_changes_nothing_and_lake_is_left_alone(dataset: Dataset) -> None:
    snapshots = LakeTable.objects.get(name=queries.facts_of(dataset.resource_id).table).snapshots.count()  # type: ignore[union-attr]
    before = list(dataset.editions.values_list("pk", flat=True))
    assert building.build(SYSTEM, dataset.pk) == dataset.editions.get()
    assert list(dataset.editions.values_list("pk", flat=True)) == before
    assert LakeTable.objects.get(name=queries.facts_of(dataset.resource_id).table).snapshots.count() == snapshots  # type: ignore[union-attr]


def test_only_reading_actions_exist() -> None:
    assert not [name for name in ACTIONS if name.endswith(("_create", "_update", "_delete", "_patch"))]


def test_absent_and_unopened_are_told_alike(city: City, client: Client) -> None:
    made = city.apply(city.resource("未开放的"))
    answers = [
        client.get(f"/ckan/api/3/action/package_show?id={name}").json()["error"]
        for name in (made.dataset.name, "dataset-0")
    ]
    assert answers[0] == answers[1]
    with pytest.raises(Refused):
        queries.one(made.dataset.name)
