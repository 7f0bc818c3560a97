"""库的台账。"""

from typing import Any

from django.urls import reverse

from yiwang.data.masters import queries
from yiwang.data.masters.models import (
    Build,
    BusinessObject,
    Candidate,
    Carrier,
    Conflict,
    Decision,
    Design,
    GoldenRecord,
    Library,
    Look,
    Member,
    System,
)
from yiwang.data.masters.services import deciding, designing, libraries, objecting, objects
from yiwang.data.masters.terms import ConflictState, DecisionKind
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.declarations import Column, Importing, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

VIEW = (("view", "查看"), ("export", "导出"))
REASON = (Field("reason", "理由", required=True),)


def _create(actor: Actor, data: dict[str, Any]) -> Library:
    wanted = {name: data[name] for name in ("code", "name", "kind", "entity", "description") if data.get(name)}
    return libraries.create_library(actor, **wanted)


def _publish(actor: Actor, design: Design, data: dict[str, Any]) -> Design:
    return libraries.publish_design(actor, design.pk)


def _undo(actor: Actor, decision: Decision, data: dict[str, Any]) -> Decision:
    return deciding.undo(actor, decision.pk, reason=data["reason"])


def _object(actor: Actor, conflict: Conflict, data: dict[str, Any]) -> Conflict:
    return objecting.object_to(actor, conflict.pk, reason=data["reason"])


def _drop(actor: Actor, carrier: Carrier, data: dict[str, Any]) -> None:
    objects.drop(actor, carrier.pk, reason=data["reason"])


def _builds(actor: Actor, library: Library) -> tuple[str, str, dict[str, Any]]:
    return "构建与归一", "masters/builds.html", queries.build_panel(library)


def _design(actor: Actor, design: Design) -> tuple[str, str, dict[str, Any]]:
    return "库设计", "masters/design.html", queries.design_panel(design, designing.ACCEPT, designing.REVIEW)


def _golden_url(golden: GoldenRecord) -> str:
    return reverse("masters_golden", args=[golden.pk])


def _review_url(candidate: Candidate) -> str:
    return reverse("masters_review", args=[candidate.pk])


def _probability(candidate: Candidate) -> str:
    return f"{candidate.probability:.1%}"


def _found_by(candidate: Candidate) -> str:
    return {"probable": "按相似程度"}.get(candidate.rule, candidate.rule)


def _inputs(build: Build) -> str:
    return "；".join(
        f"计算日期 {number}" if table == "today()" else f"{table} 第 {number} 号快照"
        for table, number in build.inputs.items()
    )


def _changes(build: Build) -> str:
    words = {"added": "新增", "removed": "减少", "changed": "改动", "same": "不变"}
    return "，".join(f"{words[name]} {count:,} 行" for name, count in build.counts.items() if name in words)


def _conflict_golden(conflict: Conflict) -> str:
    return conflict.golden.title


LIBRARIES = register(Register(
    code="masters.library", model=Library, name="基础库与主题库", columns=("name", "kind", "entity", "rows", "snapshot", "built_at"),
    filters=("kind", "entity"), search=("name", "code"), sort=("kind", "code"), panels=(_builds,), create=_create, writes=("add",),
    sections=(Section("库", ("code", "name", "kind", "entity", "description")),
              Section("数据", ("organisation", "table", "rows", "snapshot", "built_at"), form=False)),
    resource=Resource("masters.library", "基础库与主题库", Library,
                      verbs=(*VIEW, ("add", "新增"), ("design", "设计"), ("build", "构建"))),
    empty="还没有库。新增一个库，写好设计并发布后自动构建。",
))  # fmt: skip
DESIGNS = register(Register(
    code="masters.design", model=Design, name="设计版本", columns=("library", "number", "reason", "created_by", "published_at"),
    filters=("library",), sort=("-id",), related=("library", "created_by"), writes=(),
    sections=(Section("设计", ("library", "number", "reason", "digest", "published_at"), form=False),), panels=(_design,),
    resource=Resource("masters.design", "设计版本", Design, verbs=(*VIEW, ("publish", "发布"))),
    actions=(RecordAction("publish", "发布", _publish, confirm="发布后按本版构建，不能再改。确定吗？",
                          available=lambda actor, design: design.published_at is None, why="本版已发布。"),),
    empty="还没有设计。",
))  # fmt: skip
BUILDS = register(Register(
    code="masters.build", model=Build, name="构建记录",
    columns=("library", "state", "rows", "snapshot", "created_at", "finished_at", "message"), filters=("library", "state"),
    sort=("-id",), related=("library", "design__library"), writes=(),
    sections=(Section("构建", ("library", "design", "state", Column(_inputs, "来源快照"), "snapshot", "rows", Column(_changes, "变化"), "message"), form=False),),
    resource=Resource("masters.build", "构建记录", Build, verbs=VIEW), empty="还没有构建。",
))  # fmt: skip
GOLDEN = register(Register(
    code="masters.golden", model=GoldenRecord, name="主记录",
    columns=(Column("title", "名称"), "library", "size", "sources", "updated_at", "retired_at"), filters=("library",),
    sort=("-id",), related=("library",), writes=(), link=_golden_url,
    sections=(Section("主记录", ("title", "library", "size", "sources", "retired_at"), form=False),),
    resource=Resource("masters.golden", "主记录", GoldenRecord,
                      verbs=(*VIEW, ("decide", "合并与拆分"), ("reveal", "查看明文"))),
    empty="还没有主记录。",
))  # fmt: skip
MEMBERS = register(Register(
    code="masters.member", model=Member, name="来源记录",
    columns=("id", "library", "source_title", Column("golden__title", "主记录"), "linked", "seen", "snapshot"),
    filters=("library", "linked"), sort=("-id",), related=("library", "golden"), writes=(),
    sections=(Section("来源记录", ("library", "source_title", "table", "snapshot", "seen", "linked"), form=False),),
    resource=Resource("masters.member", "来源记录", Member, owner=None, verbs=VIEW), empty="还没有来源记录。",
))  # fmt: skip
CANDIDATES = register(Register(
    code="masters.candidate", model=Candidate, name="待裁定匹配",
    columns=("title", "library", Column(_probability, "同一的概率"), Column(_found_by, "发现方式"), "state", "created_at"), filters=("state", "library"),
    sort=("-probability", "id"), related=("library",), writes=(), link=_review_url,
    sections=(Section("匹配", ("title", "library", "probability", Column(_found_by, "发现方式"), "state"), form=False),),
    resource=Resource("masters.candidate", "待裁定匹配", Candidate, verbs=(*VIEW, ("settle", "裁定"))),
    empty="没有待裁定的匹配。",
))  # fmt: skip
DECISIONS = register(Register(
    code="masters.decision", model=Decision, name="归一裁定", columns=("id", "library", "kind", "reason", "created_by", "created_at"),
    filters=("kind", "library"), sort=("-id",), related=("library", "created_by"), writes=(), append_only=True,
    sections=(Section("裁定", ("library", "kind", "keeps", "reason", "created_by", "undoes"), form=False),),
    resource=Resource("masters.decision", "归一裁定", Decision, verbs=(*VIEW, ("undo", "撤销"))),
    actions=(RecordAction("undo", "撤销", _undo, fields=REASON, why="撤销本身不能再撤销。", on_frozen=True,
                          available=lambda actor, decision: decision.kind != DecisionKind.UNDO),),
    empty="还没有裁定。",
))  # fmt: skip
CONFLICTS = register(Register(
    code="masters.conflict", model=Conflict, name="字段冲突",
    columns=(Column(_conflict_golden, "主记录"), "title", "chosen", "said", "source_title", "state", "objection"),
    filters=("state",), sort=("-id",), related=("golden", "organisation"), writes=(),
    sections=(Section("冲突", ("golden", "title", "chosen", "said", "source_title", "organisation", "state", "objection"), form=False),),
    resource=Resource("masters.conflict", "字段冲突", Conflict, verbs=(*VIEW, ("object", "提出异议"))),
    actions=(RecordAction("object", "向来源提异议", _object, fields=REASON, why="该冲突已提异议或已一致。",
                          available=lambda actor, conflict: conflict.state == ConflictState.OPEN),),
    empty="各来源没有说法不一的字段。",
))  # fmt: skip
LOOKS = register(Register(
    code="masters.look", model=Look, name="明文查看登记",
    columns=("id", Column("golden__title", "主记录"), "purpose", "created_by", "organisation", "created_at"),
    sort=("-id",), related=("golden", "created_by", "organisation"), writes=(), append_only=True,
    sections=(Section("查看", ("golden", "purpose", "fields", "created_by", "organisation"), form=False),),
    resource=Resource("masters.look", "明文查看登记", Look, verbs=VIEW), empty="还没有人查看过明文。",
))  # fmt: skip
SYSTEMS = register(Register(
    code="masters.system", model=System, name="信息系统", columns=("code", "name", "organisation"), search=("code", "name"),
    sort=("code",), related=("organisation",), sections=(Section("系统", ("code", "name", "organisation", "description")),),
    importing=Importing(key=("code",)), empty="还没有登记信息系统。可用表格导入。",
))  # fmt: skip
OBJECTS = register(Register(
    code="masters.object", model=BusinessObject, name="业务对象", columns=("code", "name", "category", "organisation", "mapped_at"),
    filters=("category",), search=("code", "name"), sort=("code",), related=("organisation",),
    sections=(Section("业务对象", ("code", "name", "category", "organisation", "description")),
              Section("承载", ("mapped_at",), form=False)),
    importing=Importing(key=("code",)),
    resource=Resource("masters.object", "业务对象", BusinessObject, verbs=(
        ("view", "查看"), ("add", "新增"), ("change", "修改"), ("export", "导出"), ("import", "导入"), ("map", "落到系统"))),
    empty="还没有业务对象。可用表格导入。",
))  # fmt: skip
CARRIERS = register(Register(
    code="masters.carrier", model=Carrier, name="业务对象承载",
    columns=("subject", "system", "resource_code", "table", "fields", "primary"), filters=("primary", "system"),
    search=("subject__name", "resource_code"), sort=("subject", "-primary", "id"), related=("subject", "system"),
    sections=(Section("承载", ("subject", "system", "resource_code", "table", "fields", "primary")),),
    create=objects.carry, writes=("add",), importing=Importing(key=("subject", "system", "resource_code", "table"), changes=False),
    resource=Resource("masters.carrier", "业务对象承载", Carrier, verbs=(
        ("view", "查看"), ("add", "新增"), ("export", "导出"), ("import", "导入"), ("drop", "取消承载"))),
    actions=(RecordAction("drop", "取消承载", _drop, fields=REASON, confirm="取消后该对象可能不再落图。确定吗？"),),
    empty="还没有登记业务对象由哪个系统承载。可用表格导入。",
))  # fmt: skip
REGISTERS = (
    LIBRARIES, DESIGNS, BUILDS, GOLDEN, MEMBERS, CANDIDATES, DECISIONS, CONFLICTS, LOOKS, SYSTEMS, OBJECTS, CARRIERS,
)  # fmt: skip
