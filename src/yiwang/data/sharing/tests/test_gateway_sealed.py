"""Serving tables whose level 3 columns are sealed: the same answers, nothing readable in the database."""

import pytest
from django.db import connection

from yiwang.data.sharing.gateway import cells, reading
from yiwang.data.sharing.gateway.store import mark_key
from yiwang.data.sharing.models import Mark, ServingTable
from yiwang.data.sharing.services import serving
from yiwang.data.sharing.tests.gate import COLUMNS, PEOPLE, SHOWN, Gate
from yiwang.kernel.access.actors import SYSTEM

SEALED = frozenset({"id_number", "name", "phone"})


@pytest.fixture(scope="module")
def table(gate: Gate) -> ServingTable:
    sealing = cells.Sealing(cells.Rows(1, ["id_number"], SEALED), COLUMNS)
    lines = [",".join(row) + "\n" for row in PEOPLE]
    made = serving.build(SYSTEM, 1, COLUMNS, ["id_number"], sealing.chunks(lines), snapshot=4, sealed=SEALED)
    assert made.digest == sealing.digest
    return made


def test_答复与明文的服务表一样(gate: Gate, table: ServingTable) -> None:
    grant, client = gate.grant()
    Mark.objects.create(resource_id=1, key=mark_key(PEOPLE[1][0]), field="name", text="异议核实中")
    answer = client.rows(grant.code, id_number=PEOPLE[1][0])
    masked = PEOPLE[1][2][:3] + "****" + PEOPLE[1][2][-4:]
    assert answer.content["rows"] == [dict(zip(SHOWN, (*PEOPLE[1][:2], masked, "在册"), strict=True))]
    assert (answer.content["snapshot"], answer.content["objections"]) == (4, {"0": {"name": "异议核实中"}})
    assert client.rows(grant.code, id_number=PEOPLE[0][0]).content["rows"] == []  # beyond the grant's filter
    assert client.rows(grant.code, id_number="nobody").content["rows"] == []


def test_分页不重不漏(gate: Gate, table: ServingTable) -> None:
    grant, client = gate.grant()
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = client.rows(grant.code, limit=20, **after).content
        seen += [row["id_number"] for row in answer["rows"]]
        if not answer["next"]:
            break
        after = {"after": answer["next"]}
    assert sorted(seen) == [row[0] for row in PEOPLE if row[4] == "在册"]


def test_库里没有明文_换行的密文打不开(gate: Gate, table: ServingTable) -> None:
    name = table.table_name
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM serving."{name}" t WHERE t::text ~ %s', ["王小|0000000|1380000"])  # noqa: S608
        assert cursor.fetchone() == (0,)
        cursor.execute(
            f'UPDATE serving."{name}" a SET _sealed = b._sealed FROM serving."{name}" b WHERE a.id_number < b.id_number'  # noqa: S608
        )
    grant, client = gate.grant()
    answers = [client.rows(grant.code, id_number=row[0]) for row in PEOPLE[1:4]]
    assert {answer.status for answer in answers} <= {200, 503, 500}
    assert any(answer.content.get("error") == "failed" for answer in answers)
    for answer in answers:
        for row in answer.content.get("rows", []):
            assert (row["id_number"], row["name"]) in {each[:2] for each in PEOPLE}


def test_筛选列的名字不与信息项相混() -> None:
    assert not reading.filter_column(1)[0].isalpha() and not cells.CELL[0].isalpha()
