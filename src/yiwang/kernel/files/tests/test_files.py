"""Storing, reading, adopting, withdrawing and sweeping."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import RequestFactory

from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid, Refused
from yiwang.kernel.files import doors, pages, queries, services, storage
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.tests import samples
from yiwang.kernel.ledger.models import Entry

OWNER = ("test.case", 5)


@pytest.fixture(autouse=True)
def _reader():
    doors.register_owner("test.case", lambda actor, pk: actor.name == "可看" and pk == 5)


def actor(name: str) -> Actor:
    return Actor(person_id=None, account_id=None, name=name)


@pytest.mark.django_db
def test_存入后内容在摘要名下且入账(settings):
    file = services.store(SYSTEM, "批复.pdf", samples.PDF, owner=OWNER, kind="附件")
    path = storage.path_of(file.digest)
    assert path.is_relative_to(settings.VAR)
    assert path.read_bytes() == samples.PDF
    assert (file.media_type, file.size, file.name) == ("application/pdf", len(samples.PDF), "批复.pdf")
    assert list(queries.of(OWNER)) == [file]
    assert Entry.objects.get(action="files.store").target_id == str(file.pk)


@pytest.mark.django_db
def test_同一内容只存一份():
    one = services.store(SYSTEM, "甲.pdf", samples.PDF, owner=OWNER)
    two = services.store(SYSTEM, "乙.pdf", io.BytesIO(samples.PDF), owner=OWNER)
    assert one.digest == two.digest
    assert len([path for path in storage.root().rglob("*") if path.is_file()]) == 1


@pytest.mark.django_db
def test_超过上限与空文件被拒绝(settings):
    settings.FILE_SIZE_LIMIT = 1 << 20
    with pytest.raises(Invalid, match="超过单个附件 1 MB"):
        services.store(SYSTEM, "大.txt", b"a" * ((1 << 20) + 1), owner=OWNER)
    with pytest.raises(Invalid, match="空的"):
        services.store(SYSTEM, "空.txt", b"", owner=OWNER)
    assert not StoredFile.objects.exists()
    assert not storage.root().exists()


def ask(file: StoredFile, name: str):
    request = RequestFactory().get("/files/1/")
    request.actor = actor(name)
    return pages.download(request, file.pk)


@pytest.mark.django_db
def test_下载只作附件并带防执行标头():
    file = services.store(SYSTEM, "说明.txt", b"<script>alert(1)</script>", owner=OWNER)
    response = ask(file, "可看")
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "private, no-store"
    assert b"".join(response.streaming_content) == b"<script>alert(1)</script>"
    assert Entry.objects.filter(action="files.download").count() == 1


@pytest.mark.django_db
def test_无权者与未登记类别一律如同不存在():
    file = services.store(SYSTEM, "甲.pdf", samples.PDF, owner=OWNER)
    nobody = services.store(SYSTEM, "乙.pdf", samples.PDF, owner=("unregistered", 5))
    other = services.store(SYSTEM, "丙.pdf", samples.PDF, owner=("test.case", 6))
    said = set()
    for found, name in ((file, "旁人"), (nobody, "可看"), (other, "可看")):
        with pytest.raises(Refused) as refusal:
            ask(found, name)
        said.add(str(refusal.value))
    with pytest.raises(Refused) as refusal:
        doors.readable_file(actor("可看"), 10**9)
    assert said == {str(refusal.value)}
    assert not Entry.objects.filter(action="files.download").exists()


@pytest.mark.django_db
def test_内容缺失时下载给出说明():
    file = services.store(SYSTEM, "甲.pdf", samples.PDF, owner=OWNER)
    storage.path_of(file.digest).unlink()
    with pytest.raises(Refused, match="从备份恢复"):
        ask(file, "可看")


@pytest.mark.django_db
def test_撤下后不可读但行与内容仍在():
    file = services.store(SYSTEM, "甲.pdf", samples.PDF, owner=OWNER)
    services.withdraw(SYSTEM, file.pk, "传错")
    with pytest.raises(Refused):
        ask(file, "可看")
    assert not queries.of(OWNER).exists()
    assert storage.path_of(file.digest).exists()


@pytest.mark.django_db
def test_草稿附件只能由本人转入且只转一次(django_user_model):
    uploader = Actor(person_id=None, account_id=None, name="甲")
    file = services.store(uploader, "甲.pdf", samples.PDF, owner=(doors.DRAFT, 77))
    mine, other = (Actor(person_id=pk, account_id=pk, name="x") for pk in (77, 78))
    with pytest.raises(Refused, match="不是您上传的"):
        services.adopt(other, [file.pk], OWNER)
    assert [found.owner_id for found in services.adopt(mine, [file.pk], OWNER)] == [5]
    with pytest.raises(Refused):
        services.adopt(mine, [file.pk], ("test.case", 6))


@pytest.mark.django_db(transaction=True)
def test_回滚留下的内容被清理而在用的不动():
    kept = services.store(SYSTEM, "留.pdf", samples.PDF, owner=OWNER)
    with pytest.raises(RuntimeError), transaction.atomic():
        lost = services.store(SYSTEM, "弃.png", samples.PNG, owner=OWNER)
        raise RuntimeError
    assert storage.path_of(lost.digest).exists()
    assert services.sweep() == 0, "刚写入的不清理，可能仍在提交途中"
    for digest in (kept.digest, lost.digest):
        os.utime(storage.path_of(digest), (1, 1))
    assert services.sweep() == 1
    assert not storage.path_of(lost.digest).exists()
    assert storage.path_of(kept.digest).exists()


@pytest.mark.django_db(transaction=True)
def test_清理遇到正在引用同一内容的上传时让路():
    with pytest.raises(RuntimeError), transaction.atomic():
        lost = services.store(SYSTEM, "弃.png", samples.PNG, owner=OWNER)
        raise RuntimeError
    path = storage.path_of(lost.digest)
    os.utime(path, (1, 1))
    other = connection.copy()
    try:
        with transaction.atomic():
            again = services.store(SYSTEM, "又传.png", samples.PNG, owner=OWNER)
            os.utime(path, (1, 1))
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [int(again.digest[:15], 16)])
                assert cursor.fetchone() == (False,)
    finally:
        other.close()
    assert services.sweep() == 0
    assert path.exists()


KILLED = """
import os, sys
sys.path[:0] = {path!r}
os.environ["DJANGO_SETTINGS_MODULE"] = "yiwang.site.settings"
import django; django.setup()
from django.conf import settings
from django.db import transaction
from pathlib import Path
settings.VAR = Path({var!r})
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import services
with transaction.atomic():
    services.store(SYSTEM, "甲.pdf", {content!r}, owner=("test.case", 5))
    print("stored", flush=True)
    import time; time.sleep(60)
"""


@pytest.mark.django_db(transaction=True)
def test_上传途中被杀只留可清理的内容(settings, database_url):
    script = KILLED.format(path=sys.path, var=str(settings.VAR), content=samples.PDF)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=os.environ | {"DATABASE_URL": database_url}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"stored\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not StoredFile.objects.exists()
    left = [path for path in storage.root().rglob("*") if path.is_file()]
    assert len(left) == 1
    os.utime(left[0], (1, 1))
    for _ in range(100):  # the server notices the dead client, and its lock goes, within moments
        if services.sweep():
            break
        time.sleep(0.05)
    assert not left[0].exists()


@pytest.mark.django_db
def test_核对命令逐个指出缺失与改动(settings):
    fine = services.store(SYSTEM, "好.txt", "好".encode(), owner=OWNER)
    missing = services.store(SYSTEM, "缺.pdf", samples.PDF, owner=OWNER)
    changed = services.store(SYSTEM, "改.png", samples.PNG, owner=OWNER)
    assert list(queries.damaged()) == []
    storage.path_of(missing.digest).unlink()
    path: Path = storage.path_of(changed.digest)
    path.chmod(0o640)
    path.write_bytes(b"changed")
    assert dict(queries.damaged()) == {missing.digest: "内容缺失", changed.digest: "内容与摘要不符"}
    assert fine.digest not in dict(queries.damaged())
