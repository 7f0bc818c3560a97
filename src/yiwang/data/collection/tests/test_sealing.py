"""Sealed at rest: of a load of level 3 data nothing lies in the clear, however the process ends."""

import io
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries
from yiwang.data.collection.jobs import seal_loop
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import intake
from yiwang.data.collection.tests.world import District, csv, rows
from yiwang.data.governance.models import Run
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import sealed
from yiwang.kernel.files.jobs import sweep
from yiwang.kernel.files.queries import content, damaged
from yiwang.kernel.files.services import renew_keys
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.jobs import look as lake_look

pytestmark = pytest.mark.django_db
PLANTED = "欧阳机密测试"


def grade(district: District, level: int) -> None:
    catalog.set_levels(SYSTEM, district.resource, {item.id: (level, "") for item in district.facts().items}, "测试")


def batch(mark: str = PLANTED) -> list[list[str]]:
    """One planted row that passes and one that the rules keep back."""
    good, bad = rows(12), ["B9999", f"{mark}坏", "不是日期", "3"]
    good[3][1] = mark
    return [*good, bad]


def in_the_clear(word: str = PLANTED) -> list[str]:
    """Files below VAR and database rows in which the word can be read."""
    var = Path(settings.VAR)
    files = (path for path in var.rglob("*") if path.is_file())
    found = [str(path.relative_to(var)) for path in files if word.encode() in readable(path)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
                       "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")  # fmt: skip
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{word}%"])  # noqa: S608
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def readable(path: Path) -> bytes:
    """What somebody with the disk reads: Parquet and zip are compressed, not secret."""
    raw = path.read_bytes()
    if raw[:4] not in (b"PAR1", b"PK\x03\x04"):
        return raw
    return PLANTED.encode()  # such a file must not be there at all


def test_nothing_of_a_load_lies_in_the_clear(district: District) -> None:
    package = district.hand_in(csv(batch()), "名册.csv")
    assert (package.state, package.valid, package.bad) == ("waiting", 12, 1)
    intake.refuse(district["管理员"], package.pk, "测试")
    assert package.file.sealed and queries.returned(package) is not None
    assert in_the_clear() == []
    with content(package.file) as stream:
        assert PLANTED.encode() in stream.read()
    assert list(damaged()) == []


def test_what_came_before_the_grading_is_sealed_after_it(
    district: District, django_capture_on_commit_callbacks: Any
) -> None:
    grade(district, 2)
    package = district.hand_in(csv(batch()), "名册.csv")
    assert not package.file.sealed and in_the_clear() != []
    grade(district, 3)
    seal_loop()
    lake_look()
    with django_capture_on_commit_callbacks(execute=True):
        run_all()
    package.refresh_from_db()
    assert package.file.sealed and Run.objects.get().sealed and in_the_clear() == []
    seal_loop()
    assert run_all() == 0


def test_a_sealed_download_streams_for_who_sees_the_package_only(district: District) -> None:
    package = district.hand_in(csv(batch()), "名册.csv", run=False)
    address = f"/files/{package.file_id}/"
    answer = district.client("报送员").get(address)
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer.status_code == 200 and int(answer["Content-Length"]) == len(body) and PLANTED.encode() in body
    assert district.client("教育报送员").get(address).status_code in (403, 404)


def test_an_opened_copy_of_a_killed_process_goes_at_the_next_start(district: District) -> None:
    package = district.hand_in(csv(batch()), "名册.csv", run=False)
    source = Path(settings.VAR) / "clear" / "copy"
    sealed.keep(io.BytesIO(PLANTED.encode()), source)
    child = os.fork()
    if child == 0:
        with sealed.plain(source):
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert any("opened" in each for each in in_the_clear())
    with sealed.plain(source) as (path,):
        assert sweep() == 1 and path.read_text() == PLANTED  # the one in use stays
    assert in_the_clear() == [] and not any(sealed.opened_root().iterdir())
    assert package.pk


def test_moved_changed_and_old_keyed_files(district: District, settings: Any) -> None:
    package = district.hand_in(csv(batch()), "名册.csv")
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret-of-the-site", [old]
    assert renew_keys() > 0 and renew_keys() == 0
    settings.SECRET_KEY_FALLBACKS = []
    assert list(damaged()) == []
    settings.SECRET_KEY = old
    assert {what for _, what in damaged()} != set()
    assert package.pk


def test_sealed_data_become_a_snapshot_like_any_other(district: District) -> None:
    package = district.hand_in(csv(rows(20)), "名册.csv")
    assert package.state == "published" and Package.objects.get().file.sealed
    snapshot = lake.current(lake.table(district.facts().table))
    assert snapshot is not None and snapshot.rows == 20
    made = intake.replay(district["管理员"], package.pk, "再来")
    run_all()
    assert Package.objects.get(pk=made.pk).state == "published"
