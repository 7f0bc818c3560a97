"""词典的台账。"""

from typing import Any

from yiwang.city.command import services
from yiwang.city.command.models import Edition, Matter
from yiwang.city.command.terms import EditionState
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.declarations import Filter, Importing, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register


def _create_edition(actor: Actor, data: dict[str, Any]) -> Edition:
    return services.create_edition(actor, number=data["number"], name=data["name"])


def _publish(actor: Actor, edition: Edition, data: dict[str, Any]) -> Edition:
    return services.publish_edition(actor, edition, effective_from=data["effective_from"])


def _copy(actor: Actor, edition: Edition, data: dict[str, Any]) -> Edition:
    return services.create_edition(actor, number=data["number"], name=data["name"], copy_of=edition)


def _save_matter(actor: Actor, data: dict[str, Any]) -> Matter:
    return services.save_matter(
        actor, data["edition"], {name: data[name] for name in services.EDITABLE if name in data}
    )


def _change_matter(actor: Actor, matter: Matter, data: dict[str, Any]) -> Matter:
    values = {name: data.get(name, getattr(matter, name)) for name in services.EDITABLE}
    return services.save_matter(actor, matter.edition, {**values, "code": matter.code})


EDITIONS = register(
    Register(
        code="command.edition",
        model=Edition,
        name="词典版本",
        columns=("number", "name", "state", "effective_from", "published_at"),
        filters=("state",),
        search=("number", "name"),
        sort=("-id",),
        sections=(Section("版本", ("number", "name")), Section("发布", ("state", "effective_from", "published_at", "digest"), form=False)),
        create=_create_edition,
        writes=("add",),
        frozen=lambda edition: edition.state == EditionState.PUBLISHED,
        actions=(
            RecordAction(
                "publish", "发布", _publish, fields=(Field("effective_from", "施行日期", "date", required=True),),
                available=lambda actor, edition: edition.state == EditionState.DRAFT, why="已发布的版本不能再次发布。",
                confirm="发布后本版本不能再改，确定发布吗？",
            ),
            RecordAction(
                "copy", "复制为新版本", _copy, verb="add", on_frozen=True,
                fields=(Field("number", "新版本号", required=True), Field("name", "名称", required=True)),
            ),
        ),
        empty="还没有词典版本。新建版本后录入或导入事项，再发布施行。",
    )
)  # fmt: skip

MATTERS = register(
    Register(
        code="command.matter",
        model=Matter,
        name="事项词典",
        columns=("code", "category", "subcategory", "name", "responsible", "by_region", "limit", "unit", "edition"),
        filters=("edition", "category", Filter("responsible", kind="organisation"), "unit"),
        search=("name", "keywords", "category"),
        sort=("code",),
        related=("edition", "responsible"),
        sections=(
            Section("事项", ("edition", "code", "category", "subcategory", "name", "keywords")),
            Section("责任", ("responsible", "by_region", "joint_names")),
            Section("办理", ("limit", "unit", "closing_condition", "basis")),
        ),
        create=_save_matter,
        change=_change_matter,
        importing=Importing(
            key=("edition", "code"),
            fields=("edition", "code", "category", "subcategory", "name", "responsible", "by_region", "joint_names",
                    "limit", "unit", "closing_condition", "keywords", "basis"),
        ),
        frozen=lambda matter: matter.edition.state == EditionState.PUBLISHED,
        empty="还没有事项。先建词典版本，再逐条录入或用表格导入。",
    )
)  # fmt: skip
