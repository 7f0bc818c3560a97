"""The demonstration's departments and libraries, with people who may and may not."""

from dataclasses import dataclass, field
from typing import Any

from yiwang.data.masters import demo
from yiwang.data.masters.domain import DOMAIN
from yiwang.data.masters.models import GoldenRecord, Library
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.services import declare
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.orgs.services import create_organisation
from yiwang.kernel.people.testing import Town


@dataclass
class World:
    town: Town
    folder: Any
    actors: dict[str, Actor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    def library(self, code: str) -> Library:
        return Library.objects.get(code=code)

    def put(self, name: str, rows: list[dict[str, Any]], columns: list[str] | None = None, key: str = "") -> LakeTable:
        """Publish text rows as a table."""
        names = columns or list(rows[0])
        given = [{"name": each, "title": each, "type": "text"} for each in names]
        table = lake.ensure_table(SYSTEM, name, name, given, [key] if key else [])
        made = lake.stage(SYSTEM, table, parquet(self.folder, given, rows), "replace", {"test": True})
        lake.publish(SYSTEM, made, "测试")
        table.refresh_from_db()
        return table

    def linked(self, code: str = "population", size: int = 2) -> GoldenRecord:
        """A golden record with several member records."""
        found = GoldenRecord.objects.filter(library__code=code, retired_at=None, size__gte=size).order_by("pk").first()
        assert found is not None
        return found


def furnish(folder: Any) -> World:
    town = Town()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    town.organisation("市政府")
    top = town.organisations["市政府"].pk
    for code, name in (
        ("BUREAU", "数管局"),
        ("LABOUR", "人社局"),
        ("HEALTH", "卫健局"),
        ("MARKET", "市监局"),
        ("HOUSING", "住建局"),
    ):
        town.organisations[name] = create_organisation(SYSTEM, code=code, name=name, parent_id=top)
    world = World(town, folder)
    for name, unit, role in (
        ("管理员", "数管局", "masters.steward"), ("查询员", "人社局", "masters.reader"), ("明文员", "人社局", "masters.revealer"),
        ("维护员", "住建局", "masters.keeper"),
    ):  # fmt: skip
        world.actors[name] = town.actor(name, town.post(unit, name, role))
    demo.build()
    return world
