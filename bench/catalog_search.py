"""Catalogue search over HTTP with 40,000 resources of 16 items; against plain LIKE in the same run."""

import gc
import random
import statistics
import sys
import time

from bench import scratch  # isort: skip - sets Django up
from django.db import connection
from django.test import Client

from bench.report import Row, write
from yiwang.data.catalog import services
from yiwang.data.catalog.domain import DOMAIN
from yiwang.data.catalog.models import Resource
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.services import declare
from yiwang.kernel.orgs.services import create_organisation
from yiwang.kernel.people.testing import PASSWORD, Town

RESOURCES, ITEMS, RUNS, BAR = 40_000, 16, 300, 30
THINGS = [
    "房屋",
    "施工",
    "物业",
    "许可",
    "处罚",
    "企业",
    "社保",
    "就业",
    "学校",
    "教师",
    "医疗",
    "药品",
    "车辆",
    "驾驶",
    "公交",
    "环境",
    "排污",
    "渣土",
    "停车",
    "网格",
]
ABOUT = ["登记", "变更", "注销", "检查", "统计", "审批", "备案", "公示", "评价", "监测"]
FIELDS = [
    "名称",
    "统一社会信用代码",
    "证件号码",
    "联系电话",
    "地址",
    "类别",
    "状态",
    "办理日期",
    "有效期",
    "经办机构",
    "金额",
    "数量",
    "经度",
    "纬度",
    "证书编号",
    "备注",
]
FILL = """
INSERT INTO catalog_resource (created_at, updated_at, version, is_demo, organisation_id, code, "table", name, category_id, theme_id,
    abstract, format, share_type, open_type, share_method, cycle, item_count, publish_state, online_state, number, published_at, receipt,
    snapshot, rows)
SELECT now(), now(), 1, true, (%(units)s::bigint[])[1 + i %% 60], '306001/' || i, 'res_' || i, (%(things)s::text[])[1 + i %% 20] || (%(about)s::text[])[1 + i / 20 %% 10] || i || '信息',
    %(category)s, %(category)s, '本部门履行职责形成的' || (%(things)s::text[])[1 + i * 7 %% 20] || '数据，逐条采集。', 'database',
    (ARRAY['unconditional','conditional','withheld'])[1 + i %% 3], 'withheld', 'query', (ARRAY['day','month','year'])[1 + i %% 3], 16,
    'published', 'online', 1, now(), '', 0, 0 FROM generate_series(1, %(count)s) i;
INSERT INTO catalog_item (resource_id, number, name, title, data_type, length, is_key, is_timestamp, nullable, share_type, share_condition,
    share_basis, open_type, open_condition, standard, code_table, source_level, is_sensitive, kind, retired)
SELECT r.id, n, 'f' || n, (%(about)s::text[])[1 + (r.id + n) %% 10] || (%(fields)s::text[])[n], 'text', 20, false, false, true, 'unconditional', '', '',
    'withheld', '', '', '', 'own', false, '', false FROM catalog_resource r, generate_series(1, 16) n
"""
PLAIN = """
SELECT r.id FROM catalog_resource r WHERE r.name LIKE %s OR r.abstract LIKE %s
    OR EXISTS (SELECT 1 FROM catalog_item i WHERE i.resource_id = r.id AND i.title LIKE %s) ORDER BY length(r.name), r.id LIMIT 20
"""


def fill() -> None:
    units = [create_organisation(SYSTEM, code=f"B{n}", name=f"示例单位{n}").pk for n in range(60)]
    services.load_standard(SYSTEM)
    category = services.add_category(SYSTEM, "209001", "基准").pk
    given = {
        "units": units,
        "things": THINGS,
        "about": ABOUT,
        "fields": FIELDS,
        "category": category,
        "count": RESOURCES,
    }
    with connection.cursor() as cursor:
        # Otherwise the foreign keys of every generated row are checked one by one.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(FILL, given)
        cursor.execute("RESET session_replication_role")
    ids = list(Resource.objects.values_list("pk", flat=True))
    for start in range(0, len(ids), 5000):
        services.index_entries(SYSTEM, ids[start : start + 5000])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE catalog_resource, catalog_item, catalog_searchentry")


def reader() -> Client:
    town = Town()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "bench")
    account = town.account("查阅人", town.post("示例单位", "查阅", "catalog.reader"))
    client = Client(SERVER_NAME="localhost")
    client.post("/sign-in/", {"username": account.username, "password": PASSWORD})
    return client


def asked(chance: random.Random) -> str:
    """Mostly two characters, some three and more, some two words."""
    one = chance.choice((*THINGS, *ABOUT))
    return chance.choice(
        (one, one, chance.choice(FIELDS), chance.choice(THINGS) + chance.choice(ABOUT), f"{one} {chance.choice(ABOUT)}")
    )


def main() -> bool:
    chance = random.Random(7)
    words = [asked(chance) for _ in range(RUNS)]
    client = reader()
    through, plain = [], []
    # As the server does at its start.
    gc.freeze()
    for word in words[:10]:
        client.get("/catalog/", {"q": word})
    for word in words:
        started = time.perf_counter()
        assert client.get("/catalog/", {"q": word}).status_code == 200
        through.append((time.perf_counter() - started) * 1000)
    with connection.cursor() as cursor:
        for word in words[:30]:
            started = time.perf_counter()
            cursor.execute(PLAIN, [f"%{word}%"] * 3)
            cursor.fetchall()
            plain.append((time.perf_counter() - started) * 1000)
    p95 = statistics.quantiles(through, n=20)[-1]
    return write("catalog_search", [
        Row("resources; items", f"{RESOURCES:,}; {RESOURCES * ITEMS:,}"),
        Row("page with facets through the HTTP stack, p50", f"{statistics.median(through):.1f} ms"),
        Row("page with facets through the HTTP stack, p95", f"{p95:.1f} ms", f"≤ {BAR} ms", p95 <= BAR),
        Row("peer: LIKE over names, abstracts and items, bare SQL without facets, p95", f"{statistics.quantiles(plain, n=20)[-1]:.1f} ms"),
    ])  # fmt: skip


if __name__ == "__main__":
    with scratch.database("catalog_search"):
        fill()
        sys.exit(0 if main() else 1)
