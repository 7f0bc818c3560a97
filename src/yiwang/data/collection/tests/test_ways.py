"""Five ways in, each with its attacks: nothing half taken, nothing twice, every refusal in words."""

import hashlib
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from yiwang.data.collection.models import Package, Push, Source
from yiwang.data.collection.services import adapters, pushing, sources, sweeping
from yiwang.data.collection.services.adapters import basics
from yiwang.data.collection.tests.world import District, csv, furnish, rows
from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.registers.services import issue_token

NOW = timezone.now()


def drop(source: Source, content: bytes, name: str = "数据.csv", **given: Any) -> Path:
    folder = sweeping.drop_folder(source)
    (folder / name).write_bytes(content)
    manifest = {
        "file": name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "batch": "01",
        **given,
    }
    (folder / f"{name}.manifest.json").write_text(json.dumps(manifest, ensure_ascii=False))
    return folder


def age(folder: Path, seconds: int = 120) -> None:
    """Nobody has touched these files for a while."""
    for path in folder.iterdir():
        if path.is_file():
            os.utime(path, (time.time() - seconds,) * 2)


def said(folder: Path) -> str:
    return "\n".join(path.read_text() for path in (folder / "refused").glob("*.txt"))


def test_a_dropped_file_is_taken_once(district: District) -> None:
    source = district.source("drop", name="投递")
    folder = drop(source, csv(rows(5)).getvalue())
    assert len(sweeping.sweep(source, NOW)) == 1
    run_all()
    package = Package.objects.get()
    assert (package.state, package.batch, package.rows) == ("published", "01", 5)
    assert sorted(path.name for path in folder.iterdir()) == ["taken"]
    # The manifest stays as the receipt; the data lie in the package alone.
    assert [path.name.endswith(".manifest.json") for path in (folder / "taken").iterdir()] == [True]
    drop(source, csv(rows(5)).getvalue())
    sweeping.sweep(source, NOW)
    assert Package.objects.count() == 1, "the same batch again is the same package"


def test_a_half_written_file_is_waited_for(district: District) -> None:
    source = district.source("drop", name="投递")
    whole = csv(rows(5)).getvalue()
    folder = drop(source, whole[:40], size=len(whole), sha256=hashlib.sha256(whole).hexdigest())
    assert sweeping.sweep(source, NOW) == [] and not (folder / "refused").exists()
    (folder / "数据.csv").write_bytes(whole)
    assert len(sweeping.sweep(source, NOW)) == 1


def test_a_file_that_stays_wrong_is_set_aside_with_a_reason(district: District) -> None:
    source = district.source("drop", name="投递")
    folder = drop(source, b"short", sha256="0" * 64)
    age(folder)
    assert sweeping.sweep(source, NOW) == []
    assert "与清单不符" in said(folder) and not list(folder.glob("*.manifest.json"))


@pytest.mark.parametrize(
    "name",
    [
        "../数据.csv",
        "/etc/passwd",
        "a\\b.csv",
        "sub/数据.csv",
        ".hidden",
        "数据\u202ecsv.exe",
        "a\u2215b.csv",
        "．．",
        "",
        5,
        None,
    ],
)
def test_path_tricks_are_refused(district: District, name: Any) -> None:
    source = district.source("drop", name="投递")
    folder = drop(source, csv(rows(1)).getvalue(), file=name)
    assert sweeping.sweep(source, NOW) == []
    assert "不能用" in said(folder) and Package.objects.count() == 0


def test_links_are_refused(district: District, tmp_path: Path) -> None:
    source = district.source("drop", name="投递")
    secret = tmp_path / "secret.csv"
    secret.write_bytes(csv(rows(3)).getvalue())
    content = secret.read_bytes()
    folder = drop(source, content)
    (folder / "数据.csv").unlink()
    (folder / "数据.csv").symlink_to(secret)
    assert sweeping.sweep(source, NOW) == []
    assert "链接" in said(folder) and Package.objects.count() == 0


def test_a_manifest_that_is_none(district: District) -> None:
    source = district.source("drop", name="投递")
    folder = sweeping.drop_folder(source)
    (folder / "x.manifest.json").write_text('{"file": ')
    assert sweeping.sweep(source, NOW) == [] and not (folder / "refused").exists(), "still being written"
    age(folder)
    sweeping.sweep(source, NOW)
    assert "不是有效的 JSON" in said(folder)


def test_pulling_goes_on_where_it_stopped(district: District) -> None:
    facts = connection.settings_dict
    source = district.source(
        "pull", name="抽取", mode="incremental", driver="postgresql", host=facts["HOST"], database=facts["NAME"],
        username=facts["USER"], password=facts["PASSWORD"] or "x", cursor_item="code", port=int(facts["PORT"] or 5432),
        query="SELECT 'A' || lpad(n::text, 4, '0') AS code, '人' AS name, DATE '1990-01-01' AS birth, n AS people "
              "FROM generate_series(1, 7) AS n WHERE 'A' || lpad(n::text, 4, '0') > :cursor ORDER BY 1",
    )  # fmt: skip
    sweeping.sweep(source, NOW)
    run_all()
    source.refresh_from_db()
    assert (source.cursor, source.trouble) == ("A0007", "")
    assert len(district.data()) == 7
    assert sweeping.sweep(source, NOW) == [], "nothing new"
    Source.objects.filter(pk=source.pk).update(cursor="A0005")
    source.refresh_from_db()
    sweeping.sweep(source, NOW)
    run_all()
    assert Package.objects.order_by("pk").last().rows == 2


def test_pulling_only_reads(district: District) -> None:
    facts = connection.settings_dict
    given = {
        "driver": "postgresql", "host": facts["HOST"], "database": facts["NAME"], "username": facts["USER"],
        "password": facts["PASSWORD"] or "x", "port": int(facts["PORT"] or 5432),
    }  # fmt: skip
    for query in ("DELETE FROM orgs_organisation", "SELECT 1; DROP TABLE x", "SELECT 1 -- x", ""):
        with pytest.raises(Invalid):
            district.source("pull", name="抽取", query=query, **given)
    source = district.source("pull", name="抽取", query="SELECT nextval('orgs_post_id_seq')", **given)
    assert sweeping.sweep(source, NOW) == []
    source.refresh_from_db()
    assert "来源数据库没有读成" in source.trouble and "read-only" in source.trouble


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_no_source_leads_into_the_platform_itself(district: District, settings: Any, driver: str) -> None:
    """A socket's path as host lets the platform's own account in without a password, past every scope."""
    facts = connection.settings_dict
    given = {"driver": driver, "database": facts["NAME"], "username": facts["USER"], "password": "x",
             "query": "SELECT password AS code FROM people_account"}  # fmt: skip
    declared = district.source("pull", name="早先登记的", host=facts["HOST"], **given)
    settings.OWN_DATABASE_IS_FOREIGN = False
    for host in (facts["HOST"], "/var/run/postgresql", "h1,/tmp", "h1 port=1"):
        with pytest.raises(Invalid) as refused:
            district.source("pull", name="抽取", host=host, **given)
        assert "套接字" in refused.value.errors["host"][0]
    assert sweeping.sweep(declared, NOW) == []
    declared.refresh_from_db()
    assert "套接字" in declared.trouble


def test_a_field_renamed_at_the_source_is_named(district: District) -> None:
    facts = connection.settings_dict
    source = district.source(
        "pull", name="抽取", mode="incremental", driver="postgresql", host=facts["HOST"], database=facts["NAME"],
        username=facts["USER"], password=facts["PASSWORD"] or "x", cursor_item="code", port=int(facts["PORT"] or 5432),
        query="SELECT 1 AS code_new WHERE :cursor = ''",
    )  # fmt: skip
    sweeping.sweep(source, NOW)
    source.refresh_from_db()
    assert "没有增量字段“code”" in source.trouble and "code_new" in source.trouble and source.cursor == ""


def own(query: str, **given: Any) -> basics.Target:
    facts = connection.settings_dict
    target = {"host": facts["HOST"], "port": int(facts["PORT"] or 5432), "database": facts["NAME"], "username": facts["USER"],
              "password": facts["PASSWORD"] or "x", "cursor": None, **given}  # fmt: skip
    return basics.Target(query=query, **target)


def read(target: basics.Target) -> list[tuple[str, ...]]:
    with adapters.ADAPTERS["postgresql"](target) as found:
        return [tuple(map(basics.text, row)) for row in found.rows]


def refused(target: basics.Target) -> str:
    with pytest.raises(Refused) as problem:
        read(target)
    return problem.value.message


def test_values_are_read_as_the_server_writes_them(db: None) -> None:
    query = """SELECT true, NULL, 1e20::numeric, 1.50, 'NaN'::numeric, '0044-03-15 BC'::date, 'infinity'::timestamp,
        '2026-01-01 00:00:00+00'::timestamptz, '{"名": [1]}'::jsonb, ARRAY['甲', '乙'], '\\x00ff'::bytea, interval '26 hours',
        '😀𠮷'::text, '2026-01-01 10:00:00.25'::timestamp"""
    assert read(own(query))[0] == (
        "是", "", "100000000000000000000", "1.50", "", "0044-03-15 BC", "infinity", "2026-01-01 08:00:00", '{"名": [1]}', "{甲,乙}",
        "00ff", "26:00:00", "😀𠮷", "2026-01-01 10:00:00.25",
    )  # fmt: skip


def test_what_went_wrong_is_said_in_words(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for query, words in (
        ("SELECT absent FROM orgs_organisation", "来源可能改了字段名"), ("SELECT 1 FROM absent", "没有语句里的表或视图"),
        ("SELECT 1 FROM generate_series(1, 3) n WHERE n > :cursor", "请在来源页填写起始位置"), ("SELECT 1 FROM", "语句写法不对"),
        ("SELECT set_config('transaction_read_only', 'off', false), nextval('orgs_post_id_seq')", "来源数据库没有读成"),
    ):  # fmt: skip
        assert words in refused(own(query)), query
    assert "没有这个库名" in refused(own("SELECT 1", database="absent_here"))
    secret = "Zhi-Du-9876"
    assert secret not in refused(own(f"SELECT '{secret}'::int", password=secret))
    assert secret not in repr(own("SELECT 1", password=secret))
    monkeypatch.setattr(basics, "TIMEOUT_SECONDS", 1)
    assert "没有读完" in refused(own("SELECT generate_series(1, 1000000000000)")), "each answer comes quickly"
    assert "超过时限" in refused(own("SELECT pg_sleep(30)"))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELECT\r\n 1", ""), ("select\t1", ""), ("WITH a AS (SELECT 1) SELECT * FROM a", ""), ("SELECTED", "SELECT"), ("", "SELECT"),
        ("SELECT a FROM b INTO\n OUTFILE '/x'", "INTO"), ("SELECT a INTO @b", "INTO"), ("SELECT a FROM b FOR  UPDATE", "FOR UPDATE"),
        ("SELECT a FROM b FOR SHARE", "FOR UPDATE"), ("SELECT introduction FROM b", ""), ("SELECT a /*! x */", "注释"), ("SELECT 1;", ""),
    ],
)  # fmt: skip
def test_queries_that_are_declared(query: str, problem: str) -> None:
    said = basics.query_problem(query, cursor=False)
    assert (problem in said) if problem else said == ""


@pytest.mark.django_db(transaction=True)
def test_the_landing_schema_takes_whole_batches_and_lets_nobody_else_in() -> None:

    district = furnish()
    source = district.source("landing", name="前置")
    role, password = sources.open_landing(district["管理员"], source.pk)
    table, facts = f"{role}.{sources.landing_table(source)}", connection.settings_dict
    try:
        with psycopg.connect(
            host=facts["HOST"], port=facts["PORT"] or None, dbname=facts["NAME"], user=role, password=password
        ) as theirs:
            theirs.execute(
                f"INSERT INTO {table} (batch, code, name, people) VALUES ('b1', 'A1', '甲', '1'), ('b1', 'A2', '乙', '2')"  # noqa: S608
            )
            theirs.commit()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                theirs.execute("SELECT * FROM people_account")
            theirs.rollback()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                theirs.execute(f"UPDATE {role}.batches SET taken_at = now()")  # noqa: S608
            theirs.rollback()
            assert sweeping.sweep(source, NOW) == [], "no marker, no batch"
            mark = f"INSERT INTO {role}.batches (resource, batch, rows) VALUES (%s, %s, %s)"  # noqa: S608
            theirs.execute(mark, [sources.landing_table(source), "b1", 2])
            theirs.execute(mark, [sources.landing_table(source), "b2", 9])
            theirs.commit()
        assert len(sweeping.sweep(source, NOW)) == 1
        run_all()
        assert Package.objects.get().rows == 2 and len(district.data()) == 2
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT batch, package, verdict FROM {role}.batches ORDER BY batch")  # noqa: S608
            first, second = cursor.fetchall()
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
            assert cursor.fetchone()[0] == 0
        assert first[1] == Package.objects.get().number and "标明 9 行，实有 0 行" in second[2]
        assert sweeping.sweep(source, NOW) == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {role} CASCADE")
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")


def test_opening_a_landing_schema_needs_the_right(district: District) -> None:
    source = district.source("landing", name="前置")
    with pytest.raises((Refused, Source.DoesNotExist)):
        sources.open_landing(district["报送员"], source.pk)


@pytest.fixture
def pusher(district: District) -> tuple[District, Client, dict[str, str], Source]:
    source = district.source("push", name="推送")
    _, secret = issue_token(district["报送员"], district["报送员"].account_id, name="推送", days=30)
    return district, Client(), {"HTTP_AUTHORIZATION": f"Bearer {secret}"}, source


def manifest(source: Source, content: bytes, **given: Any) -> dict[str, Any]:
    return {
        "source": source.pk,
        "name": "a.csv",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **given,
    }


def post(client: Client, address: str, body: Any, headers: dict[str, str], key: str = "key-00000001") -> Any:
    return client.post(address, json.dumps(body), content_type="application/json", HTTP_IDEMPOTENCY_KEY=key, **headers)


def test_a_push_in_chunks_that_breaks_off_and_goes_on(pusher: tuple[District, Client, dict[str, str], Source]) -> None:
    district, client, headers, source = pusher
    content = csv(rows(8)).getvalue()
    begun = post(client, "/api/collection/push/", manifest(source, content), headers)
    assert begun.status_code == 201, begun.content
    again = post(client, "/api/collection/push/", manifest(source, content), headers).json()
    address = f"/api/collection/push/{begun.json()['push']}/"
    assert again["push"] == begun.json()["push"], "one key, one push"
    first = client.put(f"{address}?offset=0", content[:50], content_type="application/octet-stream", **headers)
    assert first.json()["received"] == 50
    wrong = client.put(f"{address}?offset=90", content[90:], content_type="application/octet-stream", **headers)
    assert wrong.status_code == 409 and "应从第 50 字节接着传" in wrong.json()["detail"]
    early = client.post(f"{address}finish/", **headers)
    assert early.status_code == 409 and Package.objects.count() == 0
    client.put(f"{address}?offset=0", content[:50], content_type="application/octet-stream", **headers)
    client.put(f"{address}?offset=50", content[50:], content_type="application/octet-stream", **headers)
    done = client.post(f"{address}finish/", **headers)
    assert done.status_code == 201 and client.post(f"{address}finish/", **headers).status_code == 200
    run_all()
    assert Package.objects.get().state == "published" and len(district.data()) == 8
    assert client.get(address, **headers).json()["state"] == "published"
    assert not list(pushing.queries.area("push").iterdir())


def test_what_a_push_refuses(pusher: tuple[District, Client, dict[str, str], Source]) -> None:
    district, client, headers, source = pusher
    content = csv(rows(2)).getvalue()
    good = manifest(source, content)
    assert post(client, "/api/collection/push/", good, {}).status_code in (302, 401, 403)
    assert post(client, "/api/collection/push/", good, {"HTTP_AUTHORIZATION": "Bearer wrong"}).status_code in (
        302,
        401,
        403,
    )
    for body, key in (
        ({**good, "sha256": "x"}, "key-00000001"), ({**good, "size": 0}, "key-00000001"), ({**good, "size": 1 << 50}, "key-00000001"),
        ({**good, "name": "../a.csv"}, "key-00000001"), (good, "short"), ([1], "key-00000001"), ({"source": "x"}, "key-00000001"),
    ):  # fmt: skip
        answer = post(client, "/api/collection/push/", body, headers, key)
        assert answer.status_code == 422 and "没有受理" in answer.json()["detail"], (body, answer.content)
    assert Push.objects.count() == 0
    begun = post(client, "/api/collection/push/", {**good, "sha256": "0" * 64}, headers).json()
    assert post(client, "/api/collection/push/", good, headers).status_code == 409, "one key for another manifest"
    address = f"/api/collection/push/{begun['push']}/"
    assert (
        client.put(f"{address}?offset=x", b"1", content_type="application/octet-stream", **headers).status_code == 422
    )
    over = client.put(f"{address}?offset=0", content + b"more", content_type="application/octet-stream", **headers)
    assert over.status_code == 422 and "超出清单" in over.json()["detail"]
    client.put(f"{address}?offset=0", content, content_type="application/octet-stream", **headers)
    assert "SHA-256 不符" in client.post(f"{address}finish/", **headers).json()["detail"]
    _, other = issue_token(district["教育报送员"], district["教育报送员"].account_id, name="别人", days=30)
    theirs = {"HTTP_AUTHORIZATION": f"Bearer {other}"}
    assert client.get(address, **theirs).status_code == 404
    assert post(client, "/api/collection/push/", good, theirs).status_code == 404
    Push.objects.update(expires_at=NOW - timedelta(days=2))
    assert (
        client.put(f"{address}?offset=0", content, content_type="application/octet-stream", **headers).status_code
        == 403
    )
    assert pushing.tidy(NOW) == 1


def test_a_stopped_source_takes_nothing(district: District) -> None:
    source = district.source("drop", name="投递")
    sources.change_source(district["管理员"], source.pk, active=False)
    source.refresh_from_db()
    with pytest.raises(Refused, match="已停用"):
        district.hand_in(csv(rows(1)), "a.csv", "管理员", source)
    with pytest.raises(Refused):
        sources.change_source(district["报送员"], source.pk, active=True)
    with pytest.raises(Conflict, match="已有名为"):
        district.source("drop", name="投递")


@pytest.mark.django_db
def test_a_new_source_asks_only_for_what_its_way_needs(district: District) -> None:
    browser, address = district.client("管理员"), "/collection/source/new/"
    first = browser.get(address).content.decode()
    assert first.count('href="?way=') == 4 and 'name="host"' not in first and 'name="least_valid"' not in first
    for way, pull in (("pull", True), ("drop", False), ("landing", False), ("push", False)):
        page = browser.get(address, {"way": way, "resource": district.resource, "name": "夜间"}).content.decode()
        for name in ("host", "query", "password", "start", "authority"):
            assert (f'name="{name}"' in page) == pull, (way, name)
        assert (
            'name="least_valid"' in page and 'value="夜间"' in page and f'value="{district.resource}" selected' in page
        )
        assert ('name="every_minutes"' in page) == (way != "push")
    assert browser.post(address, {"way": "telepathy"}).status_code == 422
    form = {"way": "drop", "resource": district.resource, "name": "投递", "mode": "full", "active": "on",
            "least_valid": "95", "most_change": "30", "every_minutes": "60"}  # fmt: skip
    wrong = browser.post(address, {**form, "every_minutes": "0"})
    assert (
        wrong.status_code == 422
        and "1 分钟到 7 天" in wrong.content.decode()
        and 'name="host"' not in wrong.content.decode()
    )
    made = browser.post(address, form)
    assert made.status_code == 302, made.content.decode()[:3000]
    shown = browser.get(made.headers["Location"]).content.decode()
    assert 'name="host"' not in shown and 'name="every_minutes"' in shown
