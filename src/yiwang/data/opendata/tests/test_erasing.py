"""A person deleted by law: editions of such data are destroyed at every door, the next one is made of what is left."""

from typing import Any

import pytest
from django.test import Client

from yiwang.data.opendata import queries
from yiwang.data.opendata.models import Dataset, Edition, Row, Stop
from yiwang.data.opendata.services import building, counting, erasing, subscribing
from yiwang.data.opendata.terms import Door
from yiwang.data.opendata.tests.world import City
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Conflict, Refused
from yiwang.kernel.files import queries as files
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.lake import erasing as places
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake import services as lakes
from yiwang.kernel.lake.erasing import Subject
from yiwang.kernel.messages.models import Delivery

REASON = "个人信息保护法第四十七条，测试"


def test_含本人的期停止提供_文件销毁_公告停用_下一期照发(
    city: City, dataset: Dataset, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    facts = queries.facts_of(dataset.resource_id)
    assert facts is not None
    table, edition = lake.table(facts.table), dataset.editions.get()
    counting.note(ANONYMOUS, dataset, Door.DOWNLOAD, "csv", 40)
    subscribing.subscribe(ANONYMOUS, dataset, "reader@example.cn", "https://open.example.cn")
    token = Delivery.objects.latest("pk").body.split("/subscriptions/")[1].split("/")[0]
    subscribing.confirm(ANONYMOUS, token)
    lakes.rewrite_without(SYSTEM, table, [["T007"]], REASON)
    table.refresh_from_db()
    subject = Subject(("x",), {dataset.resource_id: table.current.number})
    assert erasing.PLACE in places.places() and places.search(erasing.PLACE, subject).searched == 1
    with django_capture_on_commit_callbacks(execute=True):
        done = places.erase(SYSTEM, erasing.PLACE, subject, REASON)
    assert [trace.reference for trace in done.traces] == [str(edition)]
    assert not Row.objects.filter(edition=edition).exists()
    assert all(each.erased_at for each in StoredFile.objects.filter(pk__in=edition.files.values("file")))
    with pytest.raises((Refused, FileNotFoundError)):
        files.content(edition.files.select_related("file")[0].file)
    assert "停止提供" in Delivery.objects.latest("pk").body
    page = client.get(f"/public/open/{dataset.name}/").content.decode()
    assert "第 1 期因依法删除个人信息" in page and "停车场7" not in page
    assert client.get(f"/public/open/files/{dataset.name}/1/csv").status_code == 404
    assert client.get("/ckan/api/3/action/datastore_search", {"resource_id": f"{dataset.name}-csv"}).status_code == 404
    assert queries.due() == [dataset]
    made = building.build(SYSTEM, dataset.pk)
    assert made is not None and made.number == 2 and made.rows == 39
    names = {row.content["name"] for row in Row.objects.filter(edition=made)}
    assert "停车场6" in names and "停车场7" not in names
    assert "第 1 期因依法删除个人信息" in client.get(f"/public/open/{dataset.name}/").content.decode()
    # The new edition is of data without the person; nothing more is to be done, and the public is said to have had it.
    assert places.search(erasing.PLACE, subject).traces == []
    copies = [each for each in places.handed_out(subject) if each.way == "数据开放"]
    assert copies[0].organisation_id is None and "已停止提供" in copies[0].recalled


def test_没有一期的资源与别的资源不受影响(city: City, dataset: Dataset) -> None:
    subject = Subject(("x",), {dataset.resource_id + 1: None})
    assert places.search(erasing.PLACE, subject).searched == 0 and places.handed_out(subject) == []
    assert places.erase(SYSTEM, erasing.PLACE, subject, REASON).traces == [] and not Stop.objects.exists()


def test_生成文件时数据被更新_不发布旧的(city: City, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = queries.facts_of(dataset.resource_id)
    assert facts is not None
    city.load(facts, 30)
    seen = queries.servable

    def meanwhile(*given: Any) -> bool:
        lakes.rewrite_without(SYSTEM, lake.table(facts.table), [["T007"]], REASON)
        return seen(*given)

    monkeypatch.setattr(queries, "servable", meanwhile)
    with pytest.raises(Conflict, match="数据有更新"):
        building.build(SYSTEM, dataset.pk)
    assert Edition.objects.filter(dataset=dataset).count() == 1
