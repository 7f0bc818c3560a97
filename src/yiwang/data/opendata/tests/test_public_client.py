"""The unmodified public client of CKAN against a live server. Apart from the other tests: their world is a transaction
that stays open for its whole module, and a live server's test empties the tables.
"""

from pathlib import Path

import pytest
from ckanapi import NotFound, RemoteCKAN, ValidationError
from pytest_django.live_server_helper import LiveServer

from yiwang.data.opendata.models import Dataset
from yiwang.data.opendata.tests.world import OPEN_NAMES, furnish


@pytest.mark.django_db(transaction=True)
def test_the_public_client_reads_everything_unmodified(live_server: LiveServer, tmp_path: Path) -> None:
    dataset = furnish(tmp_path).opened()
    reads(RemoteCKAN(f"{live_server.url}/ckan"), dataset)
    reads(RemoteCKAN(f"{live_server.url}/ckan", get_only=True), dataset)


def reads(client: RemoteCKAN, dataset: Dataset) -> None:
    act = client.action
    assert act.site_read() is True
    assert act.package_list() == [dataset.name]
    package = act.package_show(id=dataset.name)
    assert package["title"] == "停车场" and {each["format"] for each in package["resources"]} == {"CSV", "XLSX", "JSON"}
    found = act.package_search(q="停车", rows=5, fq=f"organization:{package['owner_org']}")
    assert found["count"] == 1 and found["results"][0]["name"] == dataset.name
    assert act.package_search(q="没有的词")["count"] == 0
    assert act.organization_list() == [package["owner_org"]]
    assert act.organization_show(id=package["owner_org"])["package_count"] == 1
    assert act.group_list() == ["transport"] and act.group_show(id="transport")["title"] == "交通"
    assert set(act.tag_list()) == {"停车", "便民"}
    resource = act.resource_show(id=f"{dataset.name}-csv")
    assert resource["datastore_active"] is True
    assert act.resource_search(query="format:csv")["count"] == 1
    rows = act.datastore_search(resource_id=resource["id"], limit=5, offset=2, sort="places desc")
    assert rows["total"] == 40 and [each["places"] for each in rows["records"]] == [35, 34, 33, 32, 31]
    assert {each["id"] for each in rows["fields"]} == {"_id", *OPEN_NAMES}
    with pytest.raises(NotFound):
        act.package_show(id="nothing")
    with pytest.raises(ValidationError):
        act.package_show()
