"""The lake and PostgreSQL stay together: verified, backed up, restored, and not torn apart by a backup under way."""

import hashlib
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import sealed
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.lake import checking, places, queries, services
from yiwang.kernel.lake.models import DataFile, LakeTable, Snapshot
from yiwang.kernel.lake.tests.conftest import COLUMNS, row
from yiwang.site import backups, database


@pytest.fixture
def other_database(transactional_db, database_url):
    name = f"{connection.settings_dict['NAME']}_restored"
    url = database_url.replace(f"/{connection.settings_dict['NAME']}?", f"/{name}?")
    with psycopg.connect(database_url, autocommit=True) as plain:
        plain.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        plain.execute(f'CREATE DATABASE "{name}"')
        yield url
        plain.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_备份带走湖目录_恢复后每个快照的文件都在且相符(people, put, database_url, other_database, settings, tmp_path):
    put(people, [row(1), row(2)])
    put(people, [row(3)], "append")
    services.export(SYSTEM, people)
    (places.root() / ".work").mkdir(exist_ok=True)
    (places.root() / ".work" / "half.parquet").write_bytes(b"half")
    folder = backups.backup(database_url, var=Path(settings.VAR), to=tmp_path / "backups")
    put(people, [row(9)])
    services.expire(SYSTEM, people, 1)
    there = tmp_path / "elsewhere"
    backups.restore(other_database, folder, var=there)
    with database.connect(other_database) as restored:
        files = restored.execute("SELECT path, digest FROM lake_datafile WHERE removed_at IS NULL").fetchall()
        numbers = restored.execute("SELECT number FROM lake_snapshot WHERE expired_at IS NULL ORDER BY 1").fetchall()
        rebuild = restored.execute("SELECT bool_and(rebuild) FROM lake_laketable").fetchone()
        catalog = restored.execute("SELECT count(*) FROM iceberg.iceberg_tables WHERE table_name = 'people'").fetchone()
    assert [number for (number,) in numbers] == [1, 2] and len(files) == 2
    for path, digest in files:
        assert hashlib.sha256((there / "lake" / str(path)).read_bytes()).hexdigest() == digest
    assert rebuild == (True,) and catalog == (1,)
    assert not (there / "lake" / ".work").exists()


def test_加密的湖表_备份与恢复全程密文_凭密钥读出原样_没有密钥恢复不了(
    db, put, database_url, other_database, settings, tmp_path, monkeypatch
):
    table = services.ensure_table(SYSTEM, "secret", "加密", COLUMNS, ["id"], sealed=True)
    put(table, [row(1, name="欧阳机密测试"), row(2)])
    put(table, [row(3)], "append")
    folder = backups.backup(database_url, var=Path(settings.VAR), to=tmp_path / "backups")
    there = tmp_path / "elsewhere"
    backups.restore(other_database, folder, var=there)
    kept = [path for place in (folder / "lake", there / "lake") for path in place.rglob("*") if path.is_file()]
    assert len(kept) == 4 and {path.suffix for path in kept} == {sealed.SUFFIX}
    for path in kept:
        raw = path.read_bytes()
        assert "欧阳机密测试".encode() not in raw and not raw.startswith(b"PAR1")
    with database.connect(other_database) as restored:
        files = restored.execute("SELECT path, digest FROM lake_datafile WHERE removed_at IS NULL").fetchall()
    for path, digest in files:
        with sealed.stream(there / "lake" / str(path)) as content:
            assert hashlib.file_digest(content, "sha256").hexdigest() == digest
    monkeypatch.setenv("YIWANG_SECRET_KEY", "somebody-elses-key" * 3)
    with pytest.raises(database.DatabaseProblem, match="密钥"):
        backups.restore(other_database, folder, var=tmp_path / "third")


@pytest.mark.django_db(transaction=True)
def test_备份进行时放弃的文件留在盘上_之后清理(people, put, database_url):
    put(people, [row(1)])
    put(people, [row(2)])
    data = places.root() / people.folder / "data"
    with psycopg.connect(database_url) as copying:
        copying.execute("SELECT pg_advisory_lock_shared(%s, 0)", [places.BACKUP_LOCK])
        services.expire(SYSTEM, people, 1)
        services.sweep()
        assert len(list(data.iterdir())) == 2
        assert Job.objects.get(name="lake.sweep").state == "queued"
        # The server lets a lock go some time after its connection closes.
        copying.execute("SELECT pg_advisory_unlock_shared(%s, 0)", [places.BACKUP_LOCK])
    services.sweep()
    assert len(list(data.iterdir())) == 1


@pytest.mark.django_db
def test_核对说出每一种不符(people, put, capsys):
    put(people, [row(1)])
    put(people, [row(2)], "append")
    services.export(SYSTEM, people)
    assert list(checking.problems(everything=True)) == []
    call_command("verify_lake")
    first, second = (Path(path) for path in queries.paths(queries.current(people)))
    content = first.read_bytes()
    first.chmod(0o640)
    first.write_bytes(content[:-1] + b"x")
    second.rename(second.with_suffix(".moved"))
    found = list(checking.problems())
    assert any("内容与登记不符" in each for each in found) and any("湖文件缺失" in each for each in found)
    with pytest.raises(SystemExit):
        call_command("verify_lake", "--all")
    assert "2 处问题" in capsys.readouterr().err
    first.write_bytes(content)
    second.with_suffix(".moved").rename(second)
    LakeTable.objects.update(current=people.snapshots.get(number=1))
    assert any("不是最后发布的那个" in each for each in checking.problems())
    LakeTable.objects.update(current=people.snapshots.get(number=2))
    Snapshot.objects.filter(number=2).update(rows=7)
    assert any("摘要或行数与文件登记不符" in each for each in checking.problems())
    Snapshot.objects.filter(number=2).update(rows=2)
    DataFile.objects.filter(path__endswith=second.name).update(digest="0" * 64)
    assert len(list(checking.problems())) == 2
