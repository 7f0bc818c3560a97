"""A person was deleted, then an older backup is restored: nobody is served before the person is gone again."""

import io
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest
from django.conf import settings as platform
from django.core.management import call_command
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from yiwang.data.catalog.tests.world import District
from yiwang.data.protection.models import PersonRequest
from yiwang.data.protection.services import persons, tombstones
from yiwang.data.protection.tests.test_persons import WHO, graded, submit, verify
from yiwang.data.protection.tests.world import answering, safe
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import sealed
from yiwang.kernel.files.restored import DUE
from yiwang.kernel.files.services import renew_keys
from yiwang.kernel.keys.models import forget
from yiwang.kernel.lake import erasing
from yiwang.kernel.lake import queries as lake
from yiwang.site import backups, pointintime
from yiwang.site.localdb import ROOT, Cluster, DatabaseProblem

MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108
GATEWAY = "from yiwang.data.sharing.gateway import server; server.create()"
# A platform that runs while somebody restores beside it.
RUNNING = """
from wsgiref.util import setup_testing_defaults
from yiwang.kernel.files.restored import DUE
from yiwang.site import localdb, wsgi

def ask():
    environ, said = {"HTTP_HOST": "127.0.0.1"}, []
    setup_testing_defaults(environ)
    list(wsgi.application(environ, lambda status, head: said.append(status[:3])))
    print(said[0])

ask()
(localdb.VAR / DUE).touch()
ask()
(localdb.VAR / DUE).unlink()
ask()
"""


@pytest.fixture
def district(
    transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[District]:
    var = tmp_path / "var"
    monkeypatch.setattr(platform, "VAR", str(var))
    settings.LAKE = str(var / "lake")
    yield answering(safe())


@pytest.fixture
def restored(transactional_db: None, database_url: str) -> Iterator[str]:
    """An empty database to restore into."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with psycopg.connect(database_url, autocommit=True) as plain:
        plain.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        plain.execute(f'CREATE DATABASE "{name}"')
        yield database_url.replace(f"/{connection.settings_dict['NAME']}?", f"/{name}?")
        plain.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run(url: str, *command: str, var: Path | None = None, refused: bool = False) -> str:
    """What a command of the platform says; `refused`: it must end itself, and says why."""
    environment = {
        **os.environ, "DATABASE_URL": url, "YIWANG_VAR": str(var or platform.VAR), "DJANGO_SETTINGS_MODULE": "yiwang.site.settings",
        "YIWANG_SECRET_KEY": platform.SECRET_KEY, "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    environment.pop("YIWANG_LAKE", None)
    if not url:
        environment.pop("DATABASE_URL")
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert bool(done.returncode) == refused, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stderr if refused else done.stdout


def there(url: str, act: Callable[[], object], var: Path | None = None) -> str:
    """What `act` gives, as text, in a process that has the platform of another database and folder."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        connection.connection = None  # the parent's; the child opens its own
        try:
            given = conninfo_to_dict(url)
            connection.settings_dict |= {"NAME": given["dbname"], "HOST": given["host"], "PORT": given.get("port", ""),
                                         "USER": given["user"], "PASSWORD": given.get("password", "")}  # fmt: skip
            platform.VAR, platform.LAKE = str(var or platform.VAR), None
            forget()
            os.write(theirs, str(act()).encode())
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent sees the exit
            traceback.print_exc()
        finally:
            os._exit(99)
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as said:
        answer = said.read()
    assert os.waitpid(pid, 0)[1] == 0
    return answer


def told(*words: str) -> str:
    """What `delete_again` prints; a process of its own imports for a second what it needs for a tenth."""
    said = io.StringIO()
    call_command("delete_again", *words, stdout=said)
    return said.getvalue()


def left(url: str, var: Path | None = None) -> int:
    """Rows of the lake that name the person."""
    naming = erasing.written(WHO["sfz"])
    return int(
        there(
            url, lambda: sum(len(lake.keys_naming(each.table, each.columns, naming)) for each in persons._tables()), var
        )
    )


@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_deletes_again_whom_it_brought_back(
    district: District, tmp_path: Path, database_url: str, restored: str
) -> None:
    var = Path(platform.VAR)
    graded(district, tmp_path)
    before = backups.backup(database_url, to=tmp_path / "backups", var=var)
    found = verify(district, submit())
    persons.find(district["办理员"], found.pk)
    persons.erase(district["办理员"], found.pk)
    assert tombstones.due() == [] and [each.case for each in tombstones._stones()] == [found.case.number]
    kept = next((var / "erasures").rglob(f"*{sealed.SUFFIX}"))
    assert WHO["sfz"].encode() not in kept.read_bytes()
    later = backups.backup(database_url, to=tmp_path / "backups", var=var)
    assert list((later / "erasures").rglob(f"*{sealed.SUFFIX}")) and not (before / "erasures").exists()
    kept.unlink()  # another machine: it knows of the deletion by the later backup beside this one
    backups.restore(restored, before, var=var)
    with pytest.raises(DatabaseProblem, match="delete_again"):
        backups.refuse_while_due(var)
    assert left(restored) == 1, "the person is back"
    assert found.case.number in there(restored, lambda: told("--list"))
    for door in (("-m", "yiwang.site", "worker"), ("-c", "import yiwang.site.wsgi"), ("-c", GATEWAY)):
        assert "delete_again" in run(restored, *door, refused=True), door
    assert (var / DUE).exists()
    said = run(restored, "-m", "yiwang.site", "delete_again")
    assert f"{found.case.number}：已重新删除，数据表 1 行" in said and WHO["sfz"] not in said
    assert left(restored) == 0
    backups.refuse_while_due(var)
    assert "没有要重新删除" in there(restored, told)
    assert run(restored, "-c", RUNNING).split() == ["302", "503", "302"]
    with psycopg.connect(restored) as plain:
        proofs = plain.execute("SELECT count(*) FROM lake_proof").fetchone()
    assert proofs == (1,)


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
    district: District, tmp_path: Path, database_url: str, cluster: Cluster
) -> None:
    """`./run restore --to`: base backup, archived log, a deletion after the instant."""
    var, own = Path(platform.VAR), cluster.var
    graded(district, tmp_path)
    found = verify(district, submit())
    persons.find(district["办理员"], found.pk)
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


@pytest.mark.django_db(transaction=True)
def test_deletions_of_before_are_kept_too_and_follow_a_renewed_key(
    district: District, tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    graded(district, tmp_path)
    found = verify(district, submit())
    persons.find(district["办理员"], found.pk)
    persons.erase(district["办理员"], found.pk)
    path = tombstones._path(found.case.number)
    sealed.remove(path)
    token = PersonRequest.objects.get(pk=found.pk).id_number
    PersonRequest.objects.filter(pk=found.pk).update(id_number="lost")
    assert tombstones.keep_all(SYSTEM) == 0 and found.case.number in caplog.text, "one that can't be kept is named"
    PersonRequest.objects.filter(pk=found.pk).update(id_number=token)
    assert tombstones.keep_all(SYSTEM) == 1 and tombstones.keep_all(SYSTEM) == 0
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret-of-the-site", [settings.SECRET_KEY]
    renew_keys()
    settings.SECRET_KEY_FALLBACKS = []
    forget()
    assert [each.number for each in tombstones._stones()] == [WHO["sfz"]]
    forget()
