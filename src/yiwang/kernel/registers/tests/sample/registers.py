from typing import Any

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.declarations import Column, Importing, RecordAction, Register, Section, Serial
from yiwang.kernel.registers.registry import register
from yiwang.kernel.registers.tests.sample.models import Bridge, Depot


def open_bridge(actor: Actor, bridge: Bridge, data: dict[str, Any]) -> None:
    bridge.state, bridge.opened_on = Bridge.State.BUILT, data["opened_on"]
    bridge.save()


def close_bridge(actor: Actor, bridge: Bridge, data: dict[str, Any]) -> None:
    bridge.state = Bridge.State.CLOSED
    bridge.save()


def age(bridge: Bridge) -> int | None:
    return 2026 - bridge.opened_on.year if bridge.opened_on else None


BRIDGES = register(
    Register(
        code="sample.bridge",
        model=Bridge,
        name="桥梁",
        columns=("number", "code", "name", "organisation", "state", "length", "toll", "inspected_at", "keeper_phone",
                 Column(age, "桥龄")),
        filters=("organisation", "state", "toll", "opened_on", "inspected_at", "mend_by", "name", "keeper_phone", "region"),
        search=("number", "code", "name", "note", "keeper_phone"),
        large=True,
        sort=("-inspected_at",),
        sections=(
            Section("基本信息", ("number", "code", "name", "organisation", "owner_organisation", "region", "length",
                             "lanes", "toll", "note")),
            Section("管护", ("keeper_phone", "opened_on", "inspected_at")),
            Section("状态", ("state", "mend_by"), form=False),
        ),
        actions=(
            RecordAction("open", "通车", open_bridge, (Field("opened_on", "通车日期", "date", required=True),),
                         lambda actor, bridge: bridge.state == "planned", why="只有规划中的桥梁可以通车。",
                         prefilled=("opened_on",)),
            RecordAction("close", "封存", close_bridge, available=lambda actor, bridge: bridge.state == "built",
                         confirm="封存后不能再修改。"),
        ),
        serial=Serial("number", "QL{year}{n:04d}"),
        importing=Importing(key=("code",)),
        frozen=lambda bridge: bridge.state == "closed",
        attachments=True,
        masks={"keeper_phone": "phone"},
        empty="还没有登记桥梁。",
    )
)  # fmt: skip


def shut(actor: Actor, depot: Depot, data: dict[str, Any]) -> None:
    depot.open = False
    depot.save()


def rename(actor: Actor, depot: Depot, data: dict[str, Any]) -> None:
    depot.name = data["name"]
    depot.save()


DEPOTS = register(
    Register(
        code="sample.depot",
        model=Depot,
        name="料场",
        columns=("code", "name", "organisation", "parent", "users", "open"),
        sections=(Section("基本信息", ("code", "name", "organisation", "parent", "users")),),
        related=("parent",),
        actions=(
            RecordAction("shut", "关闭", shut, available=lambda actor, depot: depot.open, why="该料场已关闭。", bulk="each"),
            RecordAction("rename", "改名", rename, (Field("name", "新名称", required=True),),
                         available=lambda actor, depot: depot.open, why="已关闭的料场不能改名。", bulk="all"),
            RecordAction("alone", "单独办", shut),
        ),
        importing=Importing(key=("code",), tree="parent"),
    )
)  # fmt: skip
