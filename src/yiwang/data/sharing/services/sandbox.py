"""Sandbox: synthetic rows of the same shape, so that a department writes its program while the request is reviewed."""

import csv
import io
from datetime import date, timedelta

from django.db import transaction

from yiwang.data.catalog.contract import ItemFacts
from yiwang.data.sharing import queries
from yiwang.data.sharing.models import Grant
from yiwang.data.sharing.services import grants, serving
from yiwang.data.sharing.services.keys import IssuedKey, make_key
from yiwang.kernel.access.actors import SYSTEM, Actor, Refused

ROWS = 200
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@transaction.atomic
def try_out(actor: Actor, request_id: int) -> IssuedKey:
    """A sandbox key of the actor's own request, shown once; the synthetic table is made when it is missing."""
    grant = grants.sandbox(actor, request_id)
    furnish(grant)
    return make_key(actor, grant, grant.valid_until)


def furnish(grant: Grant) -> None:
    """Make or widen the synthetic table; needs no lake."""
    facts = queries.facts_of(grant.resource_id)
    if facts is None or not facts.key:
        raise Refused("该资源没有主键信息项，不能按键查询，也没有沙箱。", rule="接口按键查询", code="keys")
    items = [item for item in facts.items if item.name in set(grant.fields) | set(facts.key)]
    table = queries.serving(grant.resource_id, synthetic=True)
    if table is not None and {name for name, _ in table.columns} >= {item.name for item in items}:
        return
    have = {name for name, _ in table.columns} if table else set()
    items = [item for item in facts.items if item.name in have | {each.name for each in items}]
    columns = [(item.name, "decimal(18,2)" if item.data_type == "decimal" else item.data_type) for item in items]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [synthetic(item, number) for item in items] for number in range(ROWS)
    )
    serving.build(
        SYSTEM, grant.resource_id, columns, facts.key, [text.getvalue().encode()], snapshot=0, synthetic=True
    )  # fmt: skip


def synthetic(item: ItemFacts, number: int) -> str:
    """A value of the item's type that no person or enterprise has: ids of the reserved division 999999."""
    if item.data_type == "integer":
        return str(number + 1)
    if item.data_type == "decimal":
        return f"{number * 10}.50"
    if item.data_type == "boolean":
        return "true" if number % 2 else "false"
    day = date(2000, 1, 1) + timedelta(days=number)
    if item.data_type == "date":
        return day.isoformat()
    if item.data_type == "timestamp":
        return f"{day.isoformat()} 09:00:00"
    kind = item.sensitive or ("id_number" if "身份证" in item.title else "")
    shapes = {"id_number": _identity(number), "phone": f"1990000{number:04d}", "name": f"测试{number:03d}",
              "address": f"沙箱市测试路{number}号", "account": f"9999{number:015d}", "bank_card": f"9999{number:015d}",
              "email": f"test{number:03d}@example.cn", "plate": f"测A{number:05d}", "document": f"X{number:08d}",
              "organisation": f"沙箱市测试{number:03d}有限公司", "birthday": day.isoformat()}  # fmt: skip
    return shapes.get(kind, f"{item.title}样例{number:03d}")[: item.length or None]


def _identity(number: int) -> str:
    """18 digits with a right check character (GB 11643-1999) of a division that does not exist."""
    body = f"99999920000101{number:03d}"
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]
