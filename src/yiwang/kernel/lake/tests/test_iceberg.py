"""What another engine reads: the published snapshots, and nothing else."""

from datetime import date

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs import testing as jobs
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.lake import jobs as lake_jobs
from yiwang.kernel.lake import places, queries, services
from yiwang.kernel.lake.services.exporting import catalog_uri
from yiwang.kernel.lake.tests.conftest import COLUMNS, row

pytestmark = pytest.mark.django_db


def opened(table):
    return SqlCatalog("yiwang", uri=catalog_uri(), warehouse=str(places.root())).load_table(("lake", table.name))


def read(table, snapshot_id=None) -> list[int]:
    return sorted(opened(table).scan(snapshot_id=snapshot_id).to_arrow()["id"].to_pylist())


def test_别的引擎读到的就是现行快照_也能按快照号读(people, put):
    first = put(people, [row(1), row(2)])
    put(people, [row(3)], "append")
    put(people, [row(4)], "append", publish=False)
    assert services.export(SYSTEM, people) == 1
    assert read(people) == [1, 2, 3]
    put(people, [row(3, name="改"), row(5)], "merge")
    services.rollback(SYSTEM, people, first.number, "有误")
    assert services.export(SYSTEM, people) == 2
    merged, back = people.snapshots.get(kind="merge"), people.snapshots.get(kind="rollback")
    assert read(people) == [1, 2] == read(people, back.iceberg_id)
    assert read(people, merged.iceberg_id) == [1, 2, 3, 5]
    assert services.export(SYSTEM, people) == 0


def test_类型_字段编号_后加的列_分区都对得上(put):
    table = services.ensure_table(SYSTEM, "by_day", "按日", COLUMNS, ["id"], partition="born")
    put(table, [row(1), row(2, born=date(2026, 3, 1)), row(3, born=None)])
    services.export(SYSTEM, table)
    wider = [*COLUMNS, {"name": "phone", "title": "电话", "type": "text"}]
    table = services.ensure_table(SYSTEM, "by_day", "按日", wider, ["id"], partition="born")
    put(table, [row(4, phone="138")], "append", wider)
    services.export(SYSTEM, table)
    found = opened(table)
    assert {field.name: field.field_id for field in found.schema().fields} == {
        c["name"]: c["id"] for c in table.columns
    }
    rows = sorted(found.scan().to_arrow().to_pylist(), key=lambda each: each["id"])
    assert rows[0] == {**row(1), "phone": None} and rows[3]["phone"] == "138"
    kept = found.scan(row_filter="born == '2026-03-01'").plan_files()
    assert [task.file.record_count for task in kept] == [1]


def test_清单里没有数据值的上下界_只有写时复制(people, put):
    put(people, [row(1, name="李四独有"), row(2)])
    services.export(SYSTEM, people)
    found = opened(people)
    (task,) = found.scan().plan_files()
    assert not task.file.lower_bounds and not task.file.upper_bounds
    assert {found.properties[f"write.{kind}.mode"] for kind in ("delete", "update", "merge")} == {"copy-on-write"}


def test_外人写过的_删除过个人信息的_从现行快照重建(people, put, django_capture_on_commit_callbacks):
    put(people, [row(1), row(2)])
    services.export(SYSTEM, people)
    foreign = opened(people)
    foreign.append(pa.Table.from_pylist([{"id": 99}], schema=pa.schema([("id", pa.int64())])))
    assert read(people) == [1, 2, 99]
    put(people, [row(3)], "append")
    services.export(SYSTEM, people)
    assert read(people) == [1, 2, 3]
    with django_capture_on_commit_callbacks(execute=True):
        services.rewrite_without(SYSTEM, people, [[2]], "依申请删除")
    people.refresh_from_db()
    assert people.rebuild and lake_jobs.behind() == [people]
    services.export(SYSTEM, people)
    assert read(people) == [1, 3]
    assert len(opened(people).snapshots()) == 1
    assert lake_jobs.behind() == []


def test_到期的快照从湖格式中去掉_无名的元数据也去掉(people, put, django_capture_on_commit_callbacks):
    for number in range(1, 4):
        put(people, [row(number)])
        services.export(SYSTEM, people)
    metadata = places.root() / people.folder / "metadata"
    (metadata / "stray.avro").write_bytes(b"x")
    with django_capture_on_commit_callbacks(execute=True):
        services.expire(SYSTEM, people, 1)
    put(people, [row(9)])
    services.export(SYSTEM, people)
    assert read(people) == [9]
    numbers = {snapshot.summary.additional_properties["yiwang.number"] for snapshot in opened(people).snapshots()}
    assert numbers == {"3", "4"}
    assert not (metadata / "stray.avro").exists()
    assert read(people, people.snapshots.get(number=3).iceberg_id) == [3]


def test_提交成了而应答丢了_重来不重复提交(people, put):
    put(people, [row(1)])
    services.export(SYSTEM, people)
    known = people.snapshots.get().iceberg_id
    people.snapshots.update(iceberg_id=None)
    assert services.export(SYSTEM, people) == 1
    assert people.snapshots.get().iceberg_id == known
    assert len(opened(people).snapshots()) == 1


def test_发布之后由后台任务写出_夜里维护一次(people, put, monkeypatch):
    put(people, [row(1)])
    lake_jobs.look()
    lake_jobs.look()
    assert Job.objects.filter(name="lake.export").count() == 1
    jobs.run_all()
    assert read(people) == [1]
    put(people, [row(2)], "append")
    monkeypatch.setattr(lake_jobs, "NIGHT", range(24))
    lake_jobs.look()
    lake_jobs.look()
    assert Job.objects.filter(name="lake.night").count() == 1
    jobs.run_all()
    assert {job.state for job in Job.objects.all()} == {"done"}
    assert len(queries.current(people).files) == 1
    lake_jobs.look()
    jobs.run_all()
    assert read(people) == [1, 2]
