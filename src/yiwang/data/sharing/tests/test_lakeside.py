"""From the lake to serving tables, pushes and packages: what leaves is what was granted, and can be checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from django.db import connection
from django.test import Client
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.sharing import queries
from yiwang.data.sharing.gateway import cells
from yiwang.data.sharing.jobs import check, follow, serve
from yiwang.data.sharing.models import Delivery, Grant, Package, ServingTable, Target
from yiwang.data.sharing.services import deliveries, grants, handing, lakeside
from yiwang.data.sharing.tests.world import Bureau
from yiwang.kernel.access import foreign
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Invalid, Refused
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.lake import engine
from yiwang.kernel.lake import queries as lakes
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.expressions import condition
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.people.models import Account

COLUMNS = [{"name": "id_number", "type": "text"}, {"name": "name", "type": "text"}, {"name": "status", "type": "text"},
           {"name": "moved_on", "type": "date"}, {"name": "medical", "type": "text"}]  # fmt: skip
ONE, TWO, THREE, FOUR = (f"11010119900307{number:04d}" for number in range(4))
Row = tuple[str, str | None, str, date | None, str]
FIRST: list[Row] = [(ONE, "王小明", "在册", date(2020, 1, 1), "机密甲"), (TWO, "李,\"红", "在册", None, "机密乙"),
                    (THREE, "", "注销", date(2021, 1, 1), "机密丙")]  # fmt: skip
SECOND: list[Row] = [(ONE, "王小明", "在册", date(2020, 1, 1), "机密丁"), (TWO, "李小红", "在册", None, "机密乙"),
                     (FOUR, None, "在册", date(2022, 1, 1), "机密戊")]  # fmt: skip


@pytest.fixture
def load(bureau: Bureau, settings: Any, tmp_path: Path) -> Any:
    """Publish a snapshot of the people."""
    settings.LAKE = tmp_path / "lake"
    assert bureau.resource is not None
    table = lake.ensure_table(SYSTEM, bureau.resource.table, "常住人口", COLUMNS, ["id_number"])

    def publish(rows: list[Row]) -> int:
        named = [dict(zip((column["name"] for column in COLUMNS), row, strict=True)) for row in rows]
        staged = lake.stage(SYSTEM, table, parquet(tmp_path, COLUMNS, named), "replace", {"test": 1})
        lake.publish(SYSTEM, staged, "测试")
        table.refresh_from_db()
        return staged.number

    return publish


def raw(table: ServingTable) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM serving."{table.table_name}"')  # noqa: S608
        return list(cursor.fetchall())


def served(table: ServingTable | None) -> list[tuple[Any, ...]]:
    """The rows as the gateway opens them, columns in the table's order."""
    assert table is not None
    names, hidden = [name for name, _ in table.columns], frozenset(table.sealed)
    held = [name for name, _ in cells.stored(table.columns, table.keys, hidden)]
    rows = cells.Rows(table.resource_id, table.keys, hidden, table.sealed_with)
    found = []
    for row in raw(table):
        values = dict(zip(held, row, strict=True))
        values |= rows.open([values[name] for name in table.keys], values[cells.CELL])
        found.append(tuple(values[name] for name in names))
    return sorted(found)


def test_三级以上字段在服务表里只有密文_键是带密钥的摘要(bureau: Bureau, load: Any) -> None:
    bureau.grant(fields=["id_number", "name"])
    assert bureau.resource is not None
    load(FIRST)
    table = lakeside.serve(SYSTEM, bureau.resource.id)
    assert table is not None and table.sealed == ["id_number", "name"] and table.agrees is not False
    text = str(raw(table))
    assert not [word for row in FIRST for word in row[:2] if word and word in text]
    assert lakeside.serve(SYSTEM, bureau.resource.id) == table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stats WHERE schemaname = 'serving' AND most_common_vals::text ~ %s", [ONE]
        )
        assert cursor.fetchone() == (0,)


def test_建服务表_推送_出文件之后_平台一侧没有明文(bureau: Bureau, load: Any, target: str, settings: Any) -> None:
    """The department's own schema and the lake's tables apart, nobody reads the planted name on disk or in a row."""
    planted = "欧阳机密测试"
    plain = {
        "fields": ["id_number", "name"],
        "plain_fields": ["id_number", "name"],
        "said": {"plain": "id_number,name"},
    }
    grants = {way: bureau.grant(way=way, **plain) for way in ("api", "table", "file")}
    made = deliveries.register_target(bureau["民政需求员"], name="民政前置库", url=target, schema="consumer")
    deliveries.choose_target(bureau["民政需求员"], grants["table"].pk, made.pk)
    load([(ONE, planted, "在册", None, planted)])
    assert bureau.resource is not None
    assert lakeside.serve(SYSTEM, bureau.resource.id) is not None
    deliveries.push(SYSTEM, grants["table"].pk)
    handed = deliveries.package(SYSTEM, grants["file"].pk)
    assert planted in str(deliveries.opened(deliveries.fetch(ANONYMOUS, handed.token)[1], handed.key)[1])
    assert pushed_rows(target, grants["table"]) == [(ONE, planted)]
    tables = set(Path(settings.LAKE).glob("*-*/data"))
    for root in (Path(settings.VAR), Path(settings.LAKE)):
        files = [
            path
            for path in root.rglob("*")
            if path.is_file() and not tables & set(path.parents) and path.parent != root
        ]
        assert not [
            path for path in files if planted.encode() in path.read_bytes() or path.suffix in (".csv", ".parquet")
        ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
                       "WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'consumer')")  # fmt: skip
        for (name,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {name} t WHERE t::text LIKE %s", [f"%{planted}%"])  # noqa: S608
            assert cursor.fetchone() == (0,), name


def test_换平台密钥_降级_服务表都重建(bureau: Bureau, load: Any, settings: Any) -> None:
    bureau.grant(fields=["id_number", "name"])
    assert bureau.resource is not None
    load(FIRST)
    first = lakeside.serve(SYSTEM, bureau.resource.id)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret", [settings.SECRET_KEY]
    again = lakeside.serve(SYSTEM, bureau.resource.id)
    assert first is not None and again is not None and again.pk != first.pk and served(again) == served(first)
    low = {item.id: (1, "") for item in bureau.resource.items}
    catalog.set_levels(SYSTEM, bureau.resource.id, low, "测试")
    plain = lakeside.serve(SYSTEM, bureau.resource.id)
    assert plain is not None and plain.sealed == [] and (ONE, "王小明") in raw(plain)


def test_数据范围用到加密字段_由湖判定后随行带上(bureau: Bureau, load: Any) -> None:
    grant = bureau.grant(fields=["id_number", "status"], row_filter="name LIKE '王%'")
    assert bureau.resource is not None
    load(FIRST)
    table = lakeside.serve(SYSTEM, bureau.resource.id)
    assert table is not None and (f"_g{grant.pk}", "boolean") in [tuple(column) for column in table.columns]
    assert [row for row in served(table) if row[-1]] == [(ONE, "在册", True)]
    assert lakeside.check(SYSTEM, table)


def test_服务表只含授权用到的字段_与湖的校验和一致_随快照更新(bureau: Bureau, load: Any) -> None:
    bureau.grant(fields=["id_number", "name"], row_filter="status = '在册'")
    assert bureau.resource is not None
    number = load(FIRST)
    table = lakeside.serve(SYSTEM, bureau.resource.id)
    assert table is not None
    table.refresh_from_db()
    assert [name for name, _ in table.columns] == ["id_number", "name", "status"]
    assert (table.snapshot, table.rows, table.agrees) == (number, 3, True)
    assert served(table) == [(ONE, "王小明", "在册"), (TWO, '李,"红', "在册"), (THREE, "", "注销")]
    assert lakeside.serve(SYSTEM, bureau.resource.id) == table
    later = load(SECOND)
    again = lakeside.serve(SYSTEM, bureau.resource.id)
    assert again is not None and again.snapshot == later
    assert served(again) == [(ONE, "王小明", "在册"), (TWO, "李小红", "在册"), (FOUR, None, "在册")]
    assert not ServingTable.objects.get(pk=table.pk).current


def test_服务表被改动_夜间核对发现(bureau: Bureau, load: Any) -> None:
    bureau.grant()
    assert bureau.resource is not None
    load(FIRST)
    table = lakeside.serve(SYSTEM, bureau.resource.id)
    assert table is not None
    ServingTable.objects.filter(pk=table.pk).update(checked_at=timezone.now() - timezone.timedelta(days=2))
    assert "全部一致" in check().message  # type: ignore[union-attr]
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE serving."{table.table_name}" SET _sealed = _sealed || %s', ["A"])  # noqa: S608
    ServingTable.objects.filter(pk=table.pk).update(checked_at=timezone.now() - timezone.timedelta(days=2))
    assert str(table) in check().message  # type: ignore[union-attr]
    assert ServingTable.objects.get(pk=table.pk).agrees is False
    rebuilt = queries.serving(bureau.resource.id)
    assert rebuilt is not None and rebuilt.agrees and served(rebuilt) == [(row[0], row[1], row[2]) for row in FIRST]


@contextmanager
def spoiling() -> Iterator[None]:
    """A database that writes something else than it is given: every row of a new serving table loses a letter."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION spoil_row() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN NEW.status := 'X'; RETURN NEW; END $$;
            CREATE FUNCTION spoil_table() RETURNS event_trigger LANGUAGE plpgsql AS $$
            DECLARE made record;
            BEGIN
                FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE schema_name = 'serving' LOOP
                    EXECUTE format('CREATE TRIGGER spoil BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION spoil_row()',
                                   made.object_identity);
                END LOOP;
            END $$;
            CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION spoil_table();
        """)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP EVENT TRIGGER spoil; DROP FUNCTION spoil_table(); DROP FUNCTION spoil_row() CASCADE")


def tables_of(resource: int) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'serving' AND tablename LIKE %s", [f"r{resource}\\_%"]
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize("low", [False, True], ids=["sealed", "plain"])
def test_与湖不一致的新表不切换_旧表照常服务_不留半份(bureau: Bureau, load: Any, low: bool) -> None:
    bureau.grant(fields=["id_number", "name", "status"])
    assert bureau.resource is not None
    resource = bureau.resource.id
    if low:
        catalog.set_levels(SYSTEM, resource, {item.id: (1, "") for item in bureau.resource.items}, "测试")
    load(FIRST)
    table = lakeside.serve(SYSTEM, resource)
    assert table is not None
    before, rows, standing = (
        tables_of(resource),
        raw(table),
        list(ServingTable.objects.filter(resource_id=resource).values()),
    )
    later = load(SECOND)
    with spoiling(), pytest.raises(Refused, match=rf"湖中快照 {later} 的校验和不一致，没有切换，仍用原来的") as refused:
        lakeside.serve(SYSTEM, resource)
    assert refused.value.code == "digest"
    assert queries.serving(resource) == table and raw(table) == rows
    assert (
        tables_of(resource) == before and list(ServingTable.objects.filter(resource_id=resource).values()) == standing
    )
    again = lakeside.serve(SYSTEM, resource)
    assert again is not None and again.pk != table.pk and (again.snapshot, again.rows) == (later, 3)


def test_后台跟随授权与快照(bureau: Bureau, load: Any) -> None:
    request = bureau.agreed()
    load(FIRST)
    follow()
    follow()
    assert bureau.resource is not None
    assert Job.objects.filter(name=serve.name, key=str(bureau.resource.id)).count() == 1
    serve(resource_id=bureau.resource.id)
    handing.deliver(bureau["接口管理员"], request)
    assert queries.serving(bureau.resource.id) is not None


def test_库表推送_先全量后增量_脱敏_不重复(bureau: Bureau, load: Any, target: str) -> None:
    grant = bureau.grant(way="table", fields=["id_number", "name", "status"], plain_fields=["id_number"],
                         row_filter="status = '在册'", said={"plain": "id_number"})  # fmt: skip
    with pytest.raises(Refused, match="推送目标"):
        deliveries.push(bureau["接口管理员"], grant.pk)
    made = deliveries.register_target(bureau["民政需求员"], name="民政前置库", url=target, schema="consumer")
    assert target not in made.sealed
    deliveries.choose_target(bureau["民政需求员"], grant.pk, made.pk)
    first = load(FIRST)
    pushed = deliveries.push(bureau["接口管理员"], grant.pk)
    assert pushed is not None
    assert (pushed.snapshot, pushed.since, pushed.rows, pushed.removed) == (first, None, 2, 0)
    assert deliveries.push(bureau["接口管理员"], grant.pk) is None
    second = load(SECOND)
    delta = deliveries.push(bureau["接口管理员"], grant.pk)
    assert delta is not None
    assert (delta.snapshot, delta.since, delta.rows, delta.removed) == (second, first, 2, 0)
    with psycopg.connect(target) as remote:
        rows = remote.execute(f"SELECT * FROM consumer.{deliveries.table_name(grant)} ORDER BY id_number").fetchall()  # noqa: S608
        names = [
            column.name
            for column in remote.execute(f"SELECT * FROM consumer.{deliveries.table_name(grant)}").description or ()  # noqa: S608
        ]
    assert rows == sorted([(ONE, "王**", "在册"), (TWO, "李**", "在册"), (FOUR, None, "在册")])
    assert "medical" not in names
    third = load(SECOND[:1])
    shrunk = deliveries.push(SYSTEM, grant.pk)
    assert shrunk is not None and (shrunk.snapshot, shrunk.rows, shrunk.removed) == (third, 0, 2)
    handing.deliver(bureau["接口管理员"], grant.request)


def pushed_rows(target: str, grant: Grant) -> list[tuple[Any, ...]]:
    with psycopg.connect(target) as remote:
        return remote.execute(f"SELECT * FROM consumer.{deliveries.table_name(grant)} ORDER BY 1, 2").fetchall()  # noqa: S608


def test_主键脱敏的推送总是全量_不会串行_也不把原主键带出去(bureau: Bureau, load: Any, target: str) -> None:
    """Two persons of one day of birth and region look alike once masked: by key one would delete the other."""
    grant = bureau.grant(way="table", fields=["id_number", "status"])
    made = deliveries.register_target(bureau["民政需求员"], name="民政前置库", url=target, schema="consumer")
    deliveries.choose_target(bureau["民政需求员"], grant.pk, made.pk)
    alike = ["110101199003070014", "110101199003071014"]
    rows: list[Row] = [(number, "甲", "在册", None, "密") for number in alike]
    load(rows)
    deliveries.push(SYSTEM, grant.pk)
    load([rows[0], (alike[1], "甲", "迁出", None, "密")])
    again = deliveries.push(SYSTEM, grant.pk)
    assert again is not None and (again.since, again.rows, again.removed) == (None, 2, 0)
    found = pushed_rows(target, grant)
    assert sorted(row[1] for row in found) == ["在册", "迁出"]
    assert not {row[0] for row in found} & set(alike)


def test_脱敏要求变了_已推送的行也重推(bureau: Bureau, load: Any, target: str) -> None:
    grant = bureau.grant(way="table", fields=["id_number", "status"], plain_fields=["id_number", "status"],
                         said={"plain": "id_number"})  # fmt: skip
    made = deliveries.register_target(bureau["民政需求员"], name="民政前置库", url=target, schema="consumer")
    deliveries.choose_target(bureau["民政需求员"], grant.pk, made.pk)
    load(FIRST)
    deliveries.push(SYSTEM, grant.pk)
    assert (ONE, "在册") in pushed_rows(target, grant)
    assert bureau.resource is not None
    status = next(item for item in bureau.resource.items if item.name == "status")
    # Asked for in plain text but not given so: once it is sensitive it is masked.
    catalog.set_levels(SYSTEM, bureau.resource.id, {status.id: (status.level, "health")}, "识别为医疗健康")
    again = deliveries.push(SYSTEM, grant.pk)
    assert again is not None and again.since is None
    assert {row[1] for row in pushed_rows(target, grant)} & {"在册", "注销"} == set()


def test_删除个人信息后_服务表与推送目标里都没有这个人(bureau: Bureau, load: Any, target: str) -> None:
    by_table = bureau.grant(way="table", fields=["id_number", "name"], plain_fields=["id_number"],
                            said={"plain": "id_number"})  # fmt: skip
    bureau.grant(fields=["id_number", "name"])
    made = deliveries.register_target(bureau["民政需求员"], name="民政前置库", url=target, schema="consumer")
    deliveries.choose_target(bureau["民政需求员"], by_table.pk, made.pk)
    load(FIRST)
    assert bureau.resource is not None
    lakeside.serve(SYSTEM, bureau.resource.id)
    deliveries.push(SYSTEM, by_table.pk)
    lake.rewrite_without(SYSTEM, LakeTable.objects.get(name=bureau.resource.table), [[TWO]], "个人信息请求")
    lakeside.serve(SYSTEM, bureau.resource.id)
    deliveries.push(SYSTEM, by_table.pk)
    assert [row[0] for row in pushed_rows(target, by_table)] == [ONE, THREE]
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'serving'")
        tables = [name for (name,) in cursor.fetchall()]
        for name in tables:
            assert TWO not in {row[0] for row in served(ServingTable.objects.get(table_name=name))}
    assert tables


def test_不合规的推送目标(bureau: Bureau, target: str) -> None:
    for url, schema in (
        ("mysql://x", "a"),
        (target, "a; drop"),
        ("postgresql://nobody@/nowhere?host=/nonexistent", "a"),
    ):
        with pytest.raises(Invalid):
            deliveries.register_target(bureau["民政需求员"], name="甲", url=url, schema=schema)


@pytest.mark.parametrize(
    "place", ["/?host=/tmp", "%2Ftmp/x", "h1:5432,%2Ftmp/x", "h1/x?host=/tmp", "h1/x?hostaddr=127.0.0.1", "/x"]
)
def test_推送目标不能是本机套接字(bureau: Bureau, settings: Any, place: str) -> None:
    settings.OWN_DATABASE_IS_FOREIGN = False
    with pytest.raises(Invalid, match="套接字") as refused:
        deliveries.register_target(bureau["民政需求员"], name="甲", url=f"postgresql://a:b@{place}", schema="consumer")
    assert refused.value.rule == foreign.RULE and not Target.objects.exists()


def test_推送目标在页面登记_在授权页选用(bureau: Bureau, target: str) -> None:
    grant = bureau.grant(way="table", fields=["id_number", "status"])
    client, address = Client(), "/sharing/targets/new/"
    client.force_login(Account.objects.get(person_id=bureau["民政需求员"].person_id))
    assert f'href="{address}"' in client.get("/r/sharing.target/").content.decode()
    assert "还没有登记推送目标" in client.get(f"/sharing/grants/{grant.pk}/").content.decode()
    found = connection.settings_dict
    given = {"name": "民政前置库", "host": found["HOST"], "port": found["PORT"] or 5432, "database": found["NAME"],
             "username": found["USER"], "password": found["PASSWORD"] or "x", "schema": "consumer"}  # fmt: skip
    for change, word in (
        ({"name": "", "host": ""}, "必填"), ({"port": "abc"}, "整数"), ({"port": 70000}, "65535"), ({"schema": "a; drop"}, "模式名只能用"),
        ({"name": "长" * 61}, "60"), ({"host": "/nonexistent"}, "连不上该数据库"),
    ):  # fmt: skip
        answer = client.post(address, {**given, **change})
        assert answer.status_code == 422 and word in answer.content.decode(), change
        assert Target.objects.count() == 0
    assert client.post(address, given).status_code == 302
    made = Target.objects.get()
    again = client.post(address, given)
    assert again.status_code == 422 and "已有名为“民政前置库”" in again.content.decode()
    page = f"/sharing/grants/{grant.pk}/"
    assert client.post(page, {"do": "target", "target": "x"}).status_code == 422
    assert client.post(page, {"do": "target", "target": made.pk}).status_code == 302
    assert "推送到“民政前置库”" in client.get(page).content.decode()
    provider = Client()
    provider.force_login(Account.objects.get(person_id=bureau["公安审核员"].person_id))
    assert provider.get(address).status_code == 403
    assert provider.post(page, {"do": "target", "target": made.pk}).status_code in (403, 404)


def test_文件包_加密_可核对_只下载一次(bureau: Bureau, load: Any) -> None:
    grant = bureau.grant(way="file", fields=["id_number", "name", "status"])
    load(FIRST)
    handed = deliveries.package(bureau["接口管理员"], grant.pk)
    assert handed.token not in Package.objects.get(pk=handed.package.pk).token_digest
    _, content = deliveries.fetch(ANONYMOUS, handed.token)
    assert "王".encode() not in content and "机密".encode() not in content
    manifest, rows = deliveries.opened(content, handed.key)
    assert (manifest["rows"], manifest["columns"]) == (3, ["id_number", "name", "status"])
    assert rows[0] == ["id_number", "name", "status"]
    assert ["110101********0000", "王**", "在册"] in rows[1:]
    for broken in (content[:-1] + bytes([content[-1] ^ 1]), content.replace(b'"rows": 3', b'"rows": 4')):
        with pytest.raises(InvalidTag):
            deliveries.opened(broken, handed.key)
    for token in (handed.token, "guess"):
        with pytest.raises(Refused, match="无效、已用过或已过期"):
            deliveries.fetch(ANONYMOUS, token)
    assert Delivery.objects.get(grant=grant).rows == 3
    late = deliveries.package(bureau["接口管理员"], grant.pk)
    Package.objects.filter(pk=late.package.pk).update(expires_at=timezone.now())
    with pytest.raises(Refused):
        deliveries.fetch(ANONYMOUS, late.token)
    withdrawn = deliveries.package(bureau["接口管理员"], grant.pk)
    grants.revoke(bureau["接口管理员"], grant.pk, reason="超目的使用")
    with pytest.raises(Refused, match="撤销"):
        deliveries.fetch(ANONYMOUS, withdrawn.token)
    with pytest.raises(Refused):
        deliveries.package(bureau["接口管理员"], grant.pk)


def test_没有一扇门放出未授权或不再允许的字段(bureau: Bureau, load: Any, target: str) -> None:
    """Interface table, push and file alike, also after the catalogue closed a field."""
    load(FIRST)
    assert bureau.resource is not None
    by_api = bureau.grant(fields=["id_number", "name", "moved_on"])
    by_table = bureau.grant(way="table", fields=["id_number", "name", "moved_on"])
    by_file = bureau.grant(way="file", fields=["id_number", "name", "moved_on"])
    closed = {item.id: (4, item.sensitive) for item in bureau.resource.items if item.name == "moved_on"}
    catalog.set_levels(SYSTEM, bureau.resource.id, closed, "升级")
    lakeside.serve(SYSTEM, bureau.resource.id)
    by_api.refresh_from_db()
    table = queries.serving(bureau.resource.id)
    assert table is not None
    assert by_api.projection == ["id_number", "name"]
    assert {name for name, _ in table.columns} == {"id_number", "name"}
    made = deliveries.register_target(bureau["民政需求员"], name="库", url=target, schema="consumer")
    deliveries.choose_target(bureau["民政需求员"], by_table.pk, made.pk)
    deliveries.push(SYSTEM, by_table.pk)
    with psycopg.connect(target) as remote:
        found = remote.execute(f"SELECT * FROM consumer.{deliveries.table_name(by_table)}")  # noqa: S608
        assert [column.name for column in found.description or ()] == ["id_number", "name"]
    handed = deliveries.package(SYSTEM, by_file.pk)
    manifest, _ = deliveries.opened(deliveries.fetch(ANONYMOUS, handed.token)[1], handed.key)
    assert manifest["columns"] == ["id_number", "name"]


def test_数据范围里嵌套的函数在湖里只写一次_答案相同(
    bureau: Bureau, load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(FIRST)
    assert bureau.resource is not None
    snapshot = lakes.current(lakes.table(bureau.resource.table))
    assert snapshot is not None
    text = "name"
    for _ in range(6):
        text = f"norm_text(upper({text}))"
    where = condition(f"{text} = '王小明'", {"name": "text"})
    run, told = engine.run, list[int]()

    def watched(name: str, params: Any, **more: Any) -> Any:
        told.append(len(str(params)))
        return run(name, params, **more)

    monkeypatch.setattr(engine, "run", watched)
    columns = [("name", "text")]
    assert lakeside._exported(snapshot, columns, None, where=where)["rows"] == 1
    judged = [*columns, ("_judged", "boolean")]
    assert lakeside._exported(snapshot, judged, tmp_path, filters={"_judged": where})["rows"] == 3
    assert sorted(line[-5:] for line in (tmp_path / "rows.csv").read_text().split()) == [",true", "false", "false"]
    assert len(told) == 2 and max(told) < 20_000
