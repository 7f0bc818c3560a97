"""A person was deleted, then an older backup is restored: nobody is served before the person is gone again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as platform
from django.db import connection

from yiwang.data.catalog.tests.world import District
from yiwang.data.protection.models import PersonRequest
from yiwang.data.protection.services import persons, tombstones
from yiwang.data.protection.tests.restoring import left, run, there, told
from yiwang.data.protection.tests.test_persons import WHO, graded, submit, verify
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import sealed
from yiwang.kernel.files.restored import DUE
from yiwang.kernel.files.services import renew_keys
from yiwang.kernel.keys.models import forget
from yiwang.site import backups
from yiwang.site.localdb import DatabaseProblem

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
def restored(transactional_db: None, database_url: str) -> Iterator[str]:
    """An empty database to restore into."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with psycopg.connect(database_url, autocommit=True) as plain:
        plain.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        plain.execute(f'CREATE DATABASE "{name}"')
        yield database_url.replace(f"/{connection.settings_dict['NAME']}?", f"/{name}?")
        plain.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_deletes_again_whom_it_brought_back(
    committed: District, tmp_path: Path, database_url: str, restored: str
) -> None:
    var = Path(platform.VAR)
    graded(committed, tmp_path)
    before = backups.backup(database_url, to=tmp_path / "backups", var=var)
    found = verify(committed, submit())
    persons.find(committed["办理员"], found.pk)
    persons.erase(committed["办理员"], found.pk)
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


@pytest.mark.django_db(transaction=True)
def test_deletions_of_before_are_kept_too_and_follow_a_renewed_key(
    committed: District, tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    graded(committed, tmp_path)
    found = verify(committed, submit())
    persons.find(committed["办理员"], found.pk)
    persons.erase(committed["办理员"], found.pk)
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
