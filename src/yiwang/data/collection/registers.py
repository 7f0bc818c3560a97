"""归集的台账。"""

from typing import Any

from django.urls import reverse

from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import CollectionLimit, Due, Package, Reminder, Source, Statement, Stock
from yiwang.data.collection.services import intake, publishing, sources
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

REASON = (Field("reason", "理由", "long_text", required=True),)


def _approve(actor: Actor, package: Package, data: dict[str, Any]) -> Package:
    return publishing.approve(actor, package.pk, data["reason"])


def _refuse(actor: Actor, package: Package, data: dict[str, Any]) -> Package:
    return intake.refuse(actor, package.pk, data["reason"])


def _withdraw(actor: Actor, package: Package, data: dict[str, Any]) -> Package:
    return intake.withdraw(actor, package.pk, data["reason"])


def _replay(actor: Actor, package: Package, data: dict[str, Any]) -> Package:
    return intake.replay(actor, package.pk, data["reason"])


def _change_source(actor: Actor, source: Source, data: dict[str, Any]) -> Source:
    return sources.change_source(actor, source.pk, **data)


def is_open(actor: Actor, package: Package) -> bool:
    return package.state in terms.OPEN


DELIVERY = register_resource(
    Resource(queries.DELIVERY, "数据报送", Organisation, organisation="", owner=None, verbs=(("add", "报送"),))
)
PACKAGES = register(
    Register(
        code=queries.PACKAGE,
        model=Package,
        name="数据包",
        columns=("number", "resource_name", "organisation", "way", "mode", "received_at", "rows", "valid", "bad", "state", "stock"),
        filters=("received_at", "state", "way", "mode", "from_above", "organisation"),
        search=("number", "resource_name", "resource_code", "file_name", "batch"),
        sort=("-id",), large=True, related=("organisation",),
        sections=(
            Section("数据包", ("number", "resource_name", "resource_code", "edition", "way", "mode", "batch", "from_above", "replay_of")),
            Section("原件", ("file_name", "size", "sha256", "sm3", "received_at", "created_by")),
            Section("结果", ("state", "message", "rows", "valid", "bad", "snapshot", "stock", "ended_at")),
        ),
        writes=(),
        link=lambda package: reverse("collection_package", args=[package.pk]),
        resource=register_resource(
            Resource(
                queries.PACKAGE, "数据包", Package,
                verbs=(("view", "查看"), ("export", "导出"), ("confirm", "确认表头"), ("withdraw", "撤回"), ("approve", "审定"),
                       ("replay", "重放"), ("rollback", "回退")),
            )
        ),
        actions=(
            RecordAction("approve", "同意入库", _approve, fields=REASON, verb="approve", why="待审定的数据包才能审定。",
                         available=lambda actor, package: package.state == terms.State.WAITING),
            RecordAction("refuse", "退回", _refuse, fields=REASON, verb="approve", available=is_open, why="已办结。"),
            RecordAction("withdraw", "撤回", _withdraw, fields=REASON, available=is_open, why="已办结，不能撤回。"),
            RecordAction("replay", "重放", _replay, fields=REASON, why="办结后才能重放。",
                         available=lambda actor, package: package.state not in terms.OPEN),
        ),
        empty="还没有数据包。可在“报送数据”页上传表格，或由来源自动归集。",
    )
)  # fmt: skip
SOURCES = register(
    Register(
        code=queries.SOURCE,
        model=Source,
        name="数据来源",
        columns=(
            "name",
            "resource_name",
            "organisation",
            "way",
            "mode",
            "active",
            "auto_publish",
            "swept_at",
            "trouble",
        ),
        filters=("way", "mode", "active", "from_above", "organisation"),
        search=("name", "resource_name", "resource_code"),
        sort=("-id",),
        related=("organisation",),
        sections=(
            Section(
                "来源", ("name", "resource_name", "resource_code", "way", "mode", "partition", "from_above", "active")
            ),
            Section("入库门槛", ("auto_publish", "least_valid", "most_change")),
            Section(
                "抽取",
                (
                    "driver",
                    "host",
                    "port",
                    "database",
                    "username",
                    "encryption",
                    "authority",
                    "query",
                    "cursor_item",
                    "every_minutes",
                ),
            ),
            Section("运行", ("cursor", "swept_at", "trouble", "landing", "folder"), form=False),
        ),
        writes=("change",),
        change=_change_source,
        link=lambda source: reverse("collection_source", args=[source.pk]),
        adding="/collection/source/new/",
        empty="还没有来源。第一次上传会自动登记；其他方式点“新增”登记。",
    )
)
STOCKS = register(
    Register(
        code="collection.stock",
        model=Stock,
        name="存量账",
        columns=(
            "at",
            "resource_name",
            "organisation",
            Column("package__number", "数据包"),
            "snapshot",
            "rows",
            "change",
        ),
        filters=("at", "organisation"),
        search=("resource_name",),
        sort=("-id",),
        related=("organisation", "package"),
        sections=(Section("存量", ("at", "resource_name", "items", "snapshot", "rows", "change")),),
        writes=(),
        append_only=True,
        link=lambda stock: reverse("collection_history", args=[stock.resource_id]),
        empty="还没有数据入库。",
    )
)
DUES = register(
    Register(
        code="collection.due", model=Due, name="应更新记录", writes=(), empty="还没有到期的资源。",
        columns=("due_at", "resource_name", "organisation", "arrived_at", "on_time"), filters=("due_at", "on_time", "organisation"),
        search=("resource_name",), sort=("-id",), related=("organisation",),
        sections=(Section("应更新", ("resource_name", "due_at", "arrived_at", "on_time")),),
    )
)  # fmt: skip
REMINDERS = register(
    Register(
        code="collection.reminder",
        model=Reminder,
        name="更新催报",
        columns=(Column("case__number", "编号"), "resource_name", "organisation", "due_at", "created_at", Column("case__status", "状态"),
                 "closed_at", Column("package__number", "到达的数据包")),
        filters=("due_at", "organisation"),
        search=("resource_name", "resource_code"),
        sort=("-id",),
        related=("organisation", "case", "package"),
        sections=(Section("催报", ("resource_name", "resource_code", "due_at", "closed_at")),),
        writes=(),
        link=lambda reminder: reverse("case", args=[reminder.case_id]),
        empty="没有催报；各资源都按周期更新了。",
    )
)  # fmt: skip
STATEMENTS = register(
    Register(
        code="collection.statement",
        model=Statement,
        name="返还对账单",
        columns=("month", "resource_name", "organisation", "state", "above", "local", "same", "only_above", "only_local", "changed",
                 Column("package__number", "数据包")),
        filters=("month", "state", "organisation"),
        search=("resource_name",),
        sort=("-id",),
        related=("organisation", "package"),
        sections=(
            Section("对账", ("resource_name", "month", "state", "above", "local")),
            Section("差异", ("same", "only_above", "only_local", "changed")),
        ),
        writes=(),
        append_only=True,
        empty="还没有返还数据。把来源标为“上级返还”，每批入库时自动对账。",
    )
)  # fmt: skip
LIMITS = limit_register("collection", "归集时限", CollectionLimit)
REGISTERS = (PACKAGES, SOURCES, STOCKS, DUES, REMINDERS, STATEMENTS, LIMITS)
