"""A person deleted by law: what was pushed is replaced, what lies here is destroyed, who has copies is told and answers."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from yiwang.data.protection import queries as protected
from yiwang.data.protection.models import HandedOut, Notice, PersonRequest
from yiwang.data.protection.services import persons
from yiwang.data.protection.tests.test_detection import identities
from yiwang.data.sharing.models import Grant, UsageDay
from yiwang.data.sharing.services import deliveries
from yiwang.data.sharing.tests.world import Bureau
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Actor, Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.people.models import Account

WHO, OTHER = identities(2)
COLUMNS = [{"name": "id_number", "type": "text"}, {"name": "name", "type": "text"}, {"name": "status", "type": "text"}]


@pytest.fixture
def shared(bureau: Bureau, target: str, settings: Any, tmp_path: Path) -> dict[str, Grant]:
    """One grant of each way to 民政局, all of them used; WHO is in the data."""
    settings.LAKE = tmp_path / "lake"
    assert bureau.resource is not None
    table = lake.ensure_table(SYSTEM, bureau.resource.table, "常住人口", COLUMNS, ["id_number"])
    rows = [{"id_number": number, "name": "王小明", "status": "在册"} for number in (WHO, OTHER)]
    lake.publish(SYSTEM, lake.stage(SYSTEM, table, parquet(tmp_path, COLUMNS, rows), "replace", {"test": 1}), "测试")
    plain = {"fields": ["id_number", "name"], "plain_fields": ["id_number"], "said": {"plain": "id_number"}}
    made = {way: bureau.grant(way=way, **plain) for way in ("api", "table", "file")}
    place = deliveries.register_target(bureau["民政需求员"], name="民政前置库", url=target, schema="consumer")
    deliveries.choose_target(bureau["民政需求员"], made["table"].pk, place.pk)
    deliveries.push(SYSTEM, made["table"].pk)
    deliveries.fetch(ANONYMOUS, deliveries.package(SYSTEM, made["file"].pk).token)
    deliveries.package(SYSTEM, made["file"].pk)
    UsageDay.objects.create(grant=made["api"], provider=made["api"].provider, organisation=made["api"].organisation,
                            day=timezone.localdate(), answered=3, rows=2)  # fmt: skip
    return made


def deleted(bureau: Bureau, run: Any, number: str = WHO) -> PersonRequest:
    found = persons.submit(
        persons.DESK, kind="delete", name="王小明", id_number=number, contact="13812345678", statement="请删除。"
    )
    flow.act(bureau["个人信息办理员"], found.case_id, "verify", data={"verified_how": "窗口核验原件"})
    found.refresh_from_db()
    persons.find(bureau["个人信息办理员"], found.pk)
    with run(execute=True):
        persons.erase(bureau["个人信息办理员"], found.pk)
    return found


def told(found: PersonRequest, actor: Actor) -> str:
    shown = {section.title: section for section in protected.sections(actor, found)}
    return str([(fact.label, fact.value) for fact in shown["已经交出去的"].facts])


def test_已推送的整表替换_已下载与读取的通知删除_都在证明里(
    bureau: Bureau, shared: dict[str, Grant], django_capture_on_commit_callbacks: Any
) -> None:
    found = deleted(bureau, django_capture_on_commit_callbacks)
    assert not list((Path(settings.VAR) / "sharing").glob("*.ywpkg"))
    assert set(found.copies.values_list("way", flat=True)) == {"接口查询", "库表推送", "文件"}
    notice = found.notices.get()
    assert (
        notice.organisation_id == bureau.unit("民政局")
        and notice.due_at is not None
        and notice.case.number in told(found, bureau["个人信息办理员"])
    )
    assert Job.objects.filter(name="sharing.push", key=f"{shared['table'].pk}:recall").count() == 1
    assert "整表替换" not in told(found, bureau["个人信息办理员"])
    again = deliveries.push(SYSTEM, shared["table"].pk)
    assert again is not None and again.since is None and again.rows == 1
    said = told(found, bureau["个人信息办理员"])
    assert f"整表替换（交付记录 {again.pk}" in said and "未回执" in said and WHO not in said
    assert "备份" in str(protected.sections(bureau["个人信息办理员"], found)[-1].facts)
    # Told once, however often the deletion is run again.
    with django_capture_on_commit_callbacks(execute=True):
        persons.erase(bureau["个人信息办理员"], found.pk)
    assert Notice.objects.count() == 1 and HandedOut.objects.count() == 3
    with pytest.raises(DatabaseError), transaction.atomic():
        HandedOut.objects.update(rows=0)


def test_接收部门看到要删除的人要留痕_回执进证明_别人看不到(
    bureau: Bureau, shared: dict[str, Grant], django_capture_on_commit_callbacks: Any
) -> None:
    found = deleted(bureau, django_capture_on_commit_callbacks)
    notice = found.notices.get()
    client, address = Client(), f"/protection/notices/{notice.pk}/"
    client.force_login(Account.objects.get(person_id=bureau["民政安全员"].person_id))
    assert f"/protection/notices/{notice.pk}/" in client.get("/r/protection.notice/").content.decode()
    page = client.get(address).content.decode()
    assert "民政前置库" in page and WHO not in page
    assert WHO in client.post(address, {"do": "reveal"}).content.decode()
    stranger = Client()
    stranger.force_login(Account.objects.get(person_id=bureau["教育安全员"].person_id))
    assert stranger.get(address).status_code in (403, 404) and stranger.post(address, {"do": "reveal"}).status_code in (
        403,
        404,
    )
    with pytest.raises(Refused):
        persons.person_to_delete(bureau["个人信息办理员"], notice.pk)
    with pytest.raises(Invalid):
        flow.act(bureau["民政安全员"], notice.case_id, "deleted", data={"receipt": " "})
    flow.act(bureau["民政安全员"], notice.case_id, "deleted", data={"receipt": "前置库 1 行、下载文件 1 份已删除。"})
    said = told(found, bureau["个人信息办理员"])
    assert "已删除。前置库 1 行、下载文件 1 份已删除。" in said and "未回执" not in said


def test_没有含本人的部门不通知_删除之后生成的份不算(
    bureau: Bureau, shared: dict[str, Grant], django_capture_on_commit_callbacks: Any
) -> None:
    UsageDay.objects.all().delete()
    deleted(bureau, django_capture_on_commit_callbacks)
    deliveries.push(SYSTEM, shared["table"].pk)
    deliveries.fetch(ANONYMOUS, deliveries.package(SYSTEM, shared["file"].pk).token)
    Job.objects.all().delete()
    second = deleted(bureau, django_capture_on_commit_callbacks, OTHER)
    # Both hold the second person, in what went out before and after the first deletion.
    assert set(second.copies.values_list("way", flat=True)) == {"库表推送", "文件"}
    assert Job.objects.filter(name="sharing.push").count() == 1
    third = deleted(bureau, django_capture_on_commit_callbacks, identities(3)[2])
    assert not third.copies.exists() and not third.notices.exists()
