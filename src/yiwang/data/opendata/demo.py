"""示范：几个目录资源走完审核开放，一条公众反馈已答复、一条待办。数据是编的，不是哪里的。"""

import random
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import ItemFacts, ResourceFacts
from yiwang.data.opendata.models import Dataset
from yiwang.data.opendata.services import building, feedback, opening
from yiwang.data.opendata.services.feedback import DESK, Words
from yiwang.data.opendata.terms import CLERK, REVIEWER, FeedbackKind, Topic
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.flow import services as flow
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake import services as lakes
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.sources import Made
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

OPENED, ROWS = 4, 160
WORDS = ("望江路", "青枫路", "柳荫街", "石桥路", "南湖大道", "河西路")
TYPES = {
    "integer": "integer",
    "decimal": "decimal(18,2)",
    "date": "date",
    "timestamp": "timestamp",
    "boolean": "boolean",
}


def _holder(role: str, organisation_id: int | None = None) -> Actor | None:
    where = {"appointments__post__organisation_id": organisation_id} if organisation_id else {}
    person = Person.objects.filter(appointments__post__roles__role__code=role, **where).order_by("pk").first()
    return actor_of_person(person) if person else None


def _may_open(item: ItemFacts) -> bool:
    return item.open_type == "unconditional" and item.share_type == "unconditional" and not item.declared_sensitive


def rows(task: Task, columns: list[dict[str, str]], count: int, seed: int) -> Any:
    """Runs in the engine process: a generated table."""
    chance = random.Random(seed)  # noqa: S311 - a demonstration
    made = [[_value(chance, column, number) for column in columns] for number in range(1, count + 1)]
    task.write("rows.parquet", columns, made)
    path = str(task.folder / "rows.parquet")
    connection = task.connect([path])
    return connection.arrow(f"SELECT * FROM read_parquet('{path}')")  # noqa: S608 - our own path


def _value(chance: random.Random, column: dict[str, str], number: int) -> Any:
    kind = column["type"].partition("(")[0]
    if column["key"]:
        return number if kind == "integer" else f"YS-{number:05}"
    if kind == "date":
        return date(2019, 1, 1) + timedelta(days=chance.randrange(2400))
    plain = {"integer": chance.randrange(1, 500), "decimal": None, "timestamp": None, "boolean": chance.random() < 0.5}
    return plain[kind] if kind in plain else f"{chance.choice(WORDS)}（演示）"


def _loaded(facts: ResourceFacts) -> None:
    table = LakeTable.objects.filter(name=facts.table).first()
    if table is not None and lake.current(table) is not None:
        return
    columns = [
        {"name": item.name, "title": item.title, "type": TYPES.get(item.data_type, "text")} for item in facts.items
    ]
    table = lakes.ensure_table(SYSTEM, facts.table, facts.name, columns, list(facts.key))
    keyed = [{**column, "key": "1" if column["name"] in facts.key else ""} for column in columns]
    source = Made("yiwang.data.opendata.demo:rows", {"columns": keyed, "count": ROWS, "seed": facts.id})
    snapshot = lakes.stage(SYSTEM, table, source, "replace", {"demo": True})
    lakes.publish(SYSTEM, snapshot, "示范数据")
    catalog.record_load(facts.id, snapshot.number, timezone.now(), snapshot.rows)


def _open(facts: ResourceFacts, clerk: Actor, reviewer: Actor) -> Dataset:
    levels = {item.id: (1, "") for item in facts.items if _may_open(item)}
    catalog.set_levels(SYSTEM, facts.id, levels, "示范：可开放的信息项定为 1 级")
    _loaded(facts)
    made = opening.apply(
        clerk, facts.id, title=facts.name, topic=Topic.GENERAL, tags=("演示", "部门台账"),
        description=f"{facts.abstract}\n演示数据，由程序生成，不对应任何真实的人和单位。",
    )  # fmt: skip
    flow.act(reviewer, made.case_id, "open", opinion="同意")
    building.build(SYSTEM, made.dataset_id)
    return made.dataset


def build() -> list[tuple[str, str, str]]:
    """Once, when the catalogue has resources with something to open and there are posts for it."""
    reviewer = _holder(REVIEWER)
    if reviewer is None or Dataset.objects.exists():
        return []
    found = [facts for facts in catalog.resources(SYSTEM) if facts.key and sum(map(_may_open, facts.items)) >= 2]
    opened: list[tuple[Dataset, Actor]] = []
    for facts in sorted(found, key=lambda facts: (facts.snapshot == 0, facts.id)):
        if len(opened) == OPENED:
            break
        clerk = _holder(CLERK, facts.organisation_id)
        if clerk is not None:
            opened.append((_open(facts, clerk, reviewer), clerk))
    if opened:
        dataset, clerk = opened[0]
        said = feedback.submit(
            DESK, Words(FeedbackKind.CORRECTION, "有一行名称写错了", "第 3 行的名称应带“区”字，请核对。"), dataset
        )
        flow.act(clerk, said.case_id, "answer", data={"answer": "已核实并更正，下一期数据中可见。感谢指出。"})
        feedback.submit(DESK, Words(FeedbackKind.WANTED, "希望开放公交站点数据", "用于毕业设计，想要站点名称和坐标。"))
    return []
