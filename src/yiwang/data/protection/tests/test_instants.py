"""A platform went back to an instant before a person was deleted: the person goes again before anybody is served."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest
from django.conf import settings as platform

from yiwang.data.catalog.tests.world import District
from yiwang.data.protection.services import persons
from yiwang.data.protection.tests.restoring import left, run, there
from yiwang.data.protection.tests.test_persons import graded, submit, verify
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files.restored import DUE
from yiwang.site import backups, pointintime
from yiwang.site.localdb import Cluster

MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A PostgreSQL of its own, that archives its log; in memory where there is room, for it is ten thousand files."""
    memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    var = Path(mkdtemp(prefix="yiwang-", dir=MEMORY)) if memory else tmp_path / "own"
    var.mkdir(exist_ok=True)
    var.chmod(0o755)
    own = Cluster(var)
    own.ensure()
    yield own
    own.stop()
    for folder in (own.socket, own.library, var):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_going_back_to_an_instant_deletes_again_whom_it_brought_back(
    committed: District, tmp_path: Path, database_url: str, cluster: Cluster
) -> None:
    """`./run restore --to`: base backup, archived log, a deletion after the instant."""
    var, own = Path(platform.VAR), cluster.var
    graded(committed, tmp_path)
    found = verify(committed, submit())
    persons.find(committed["办理员"], found.pk)
    saved = backups.backup(database_url, to=own / "backups", var=var)
    backups.restore(cluster.url(), saved, replace=True, var=own)
    pointintime.base(cluster)
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.1)
    # In the restored cluster, after the moment to go back to.
    there(cluster.url(), lambda: persons.erase(SYSTEM, found.pk), own)
    assert left(cluster.url(), own) == 0
    aside = (own / "backups").rename(own / "elsewhere")
    back = ("-m", "yiwang.site.cli", "restore", "--to", moment)
    assert "个文件不在盘上" in run("", *back, var=own, refused=True) and (own / DUE).exists()
    aside.rename(own / "backups")
    said = run("", *back, var=own)
    assert f"{found.case.number}：已重新删除，数据表 1 行" in said and "已恢复到" in said
    assert left(cluster.url(), own) == 0 and not (own / DUE).exists()
    with psycopg.connect(cluster.url()) as plain:
        assert plain.execute("SELECT count(*) FROM protection_deletion").fetchone() == (0,), "the instant is before it"
        assert plain.execute("SELECT count(*) FROM lake_proof").fetchone() == (1,)
