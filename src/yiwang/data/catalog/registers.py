"""目录的台账。"""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.data.catalog import flows, models, queries, services, terms
from yiwang.data.catalog.queries.exchange import workbook
from yiwang.data.catalog.services.exchange import COLUMNS, SYNONYMS
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource as Guard
from yiwang.kernel.access.doors import register_resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, Filter, Importing, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

VIEW = (("view", "查看"), ("export", "导出"))
register_resource(Guard("catalog.entry", "目录检索", models.SearchEntry, owner=None, verbs=VIEW[:1]))
RESOURCE = Guard(
    "catalog.resource", "信息资源", models.Resource,
    verbs=(*VIEW, ("add", "新增"), ("change", "修改"), ("import", "导入"), ("submit", "提交审核"), ("grade", "定级"),
           ("sync", "登记同步"), ("take_over", "补录已发布目录")),
)  # fmt: skip
FRESHNESS = (("late", "已逾期"), ("never", "从未更新"), ("fresh", "按期"), ("free", "未承诺周期"))


def _fresh(found: QuerySet[Any], values: list[str]) -> QuerySet[Any]:
    promised = Q(cycle__in=list(terms.CYCLE_DAYS))
    wanted = {
        "late": Q(due_at__lt=timezone.now()), "never": promised & Q(loaded_at=None), "fresh": Q(due_at__gte=timezone.now()),
        "free": ~promised,
    }  # fmt: skip
    return found.filter(Q(*(wanted[value] for value in values if value in wanted), _connector=Q.OR))


def _content(actor: Actor, resource: models.Resource) -> tuple[str, str, dict[str, Any]]:
    return "目录内容", "catalog/content.html", queries.shown(actor, resource.pk)


def _may_submit(actor: Actor, resource: models.Resource) -> bool:
    return resource.versions.filter(state=terms.VersionState.DRAFT).exists()


OUTCOMES = dict(flows.PUBLICATION.outcomes)


def _outcome(found: models.Application) -> str:
    return OUTCOMES.get(found.outcome, "审核中" if not found.outcome else found.outcome)


REASON = Field("reason", "说明", "long_text", help="变更、上线、下线的缘由，审核人可见")
RESOURCES = register(
    Register(
        code="catalog.resource", model=models.Resource, name="目录编制", resource=RESOURCE,
        columns=("code", "name", "organisation", "share_type", "cycle", "item_count", "publish_state", "online_state", "loaded_at"),
        filters=("publish_state", "online_state", "share_type", "open_type", "cycle", Filter("organisation", kind="organisation"),
                 Filter("freshness", "更新情况", "choice", FRESHNESS, _fresh)),
        search=("name", "code"), sort=("-id",), related=("organisation",), large=True,
        sections=(Section("目录", ("code", "name", "organisation", "category", "theme", "abstract"), form=False),
                  Section("数据", ("table", "rows", "loaded_at", "due_at", "synced_at", "receipt"), form=False)),
        panels=(_content,), writes=(), adding="/catalog/new/",
        importing=Importing(key=("sequence", "item_name"), columns=COLUMNS, write=services.import_entries, synonyms=SYNONYMS,
                            joined_by=terms.JOINED_BY, template=workbook),
        actions=(
            RecordAction("submit", "提交审核", lambda actor, record, given: services.submit(actor, record.pk, **given), (REASON,),
                         _may_submit, "没有可提交的草稿，或正在审核。"),
            RecordAction("online", "申请上线", lambda actor, record, given: services.submit_online(actor, record.pk, "online", **given),
                         (REASON,), lambda actor, record: record.number > 0 and record.online_state in ("never", "offline", "up_rejected"),
                         "发布后才能上线；已上线或正在审核的不必申请。", verb="submit"),
            RecordAction("offline", "申请下线", lambda actor, record, given: services.submit_online(actor, record.pk, "offline", **given),
                         (REASON,), lambda actor, record: record.online_state in ("online", "down_rejected"), "没有上线。", verb="submit"),
            RecordAction("discard", "放弃变更草稿", lambda actor, record, given: services.discard_draft(actor, record.pk), (),
                         lambda actor, record: record.number > 0 and _may_submit(actor, record), "没有变更草稿。",
                         "草稿删除后不能恢复，现行版本不受影响。确定吗？", "change"),
            RecordAction("sync", "登记同步上级", lambda actor, record, given: services.mark_synced(
                actor, record.pk, given["receipt"], timezone.now()), (Field("receipt", "上级目录代码或回执号", required=True),),
                lambda actor, record: record.number > 0, "尚未发布。"),
        ),
        empty="还没有编制目录。点“新增”逐项填写；或点“导入”下载模板，每个信息项填一行，填好后导入。",
    )
)  # fmt: skip
ITEMS = register(
    Register(
        code="catalog.item", model=models.Item, name="信息项", writes=(),
        resource=Guard("catalog.item", "信息项", models.Item, organisation="resource__organisation", owner=None, verbs=VIEW),
        columns=("resource", "title", "name", "data_type", "share_type", "open_type", "level", "kind", "is_key", "retired"),
        filters=("share_type", "open_type", "data_type", "kind", "retired", Filter("level", "分级", "choice", tuple((str(n), f"{n} 级") for n in range(1, 5)))),
        search=("title", "name"), sort=("resource", "number"), related=("resource",), empty="还没有已发布的信息项。", large=True,
    )
)  # fmt: skip
APPLICATIONS = register(
    Register(
        code="catalog.application", model=models.Application, name="目录审核", writes=(),
        columns=("case__number", "resource", "organisation", "kind", "created_at", Column(_outcome, "结果"), "decided_at"), filters=("kind",),
        sort=("-id",), related=("resource", "organisation", "case"), link=lambda found: f"/cases/{found.case_id}/", empty="还没有申请。",
    )
)  # fmt: skip
CATEGORIES = register(
    Register(
        code="catalog.category", model=models.Category, name="资源分类",
        resource=Guard("catalog.category", "资源分类", models.Category, organisation=None, owner=None,
                       verbs=(*VIEW, ("add", "新增"))),
        columns=("code", "name", "organisation"), search=("code", "name"), sort=("code",), related=("organisation",),
        sections=(Section("分类", ("code", "name")),), writes=("add",),
        create=lambda actor, given: services.add_category(actor, given["code"], given["name"]),
    )
)  # fmt: skip
DEMANDS = register(
    Register(
        code="catalog.demand", model=models.Demand, name="需求清单", writes=(),
        columns=("reference", "wanted", "organisation", "provider", "purpose", "asked_at", "state", "settled_at"),
        filters=("state", Filter("provider", kind="organisation")), search=("reference", "wanted"), sort=("-asked_at", "-id"),
        related=("organisation", "provider", "resource"), empty="需求清单由共享申请生成，不能手填。",
    )
)  # fmt: skip
LOADS = register(
    Register(
        code="catalog.load", model=models.Load, name="数据更新", writes=(), append_only=True,
        resource=Guard("catalog.load", "数据更新", models.Load, organisation="resource__organisation", owner=None, verbs=VIEW),
        columns=("resource", "snapshot", "rows", "loaded_at", "due_at"), sort=("-loaded_at", "-id"), related=("resource",),
        filters=(Filter("loaded_at"),), empty="还没有数据更新。由数据归集在发布快照时登记。",
    )
)  # fmt: skip
LIMITS = limit_register("catalog", "目录审核时限", models.CatalogLimit)
ALL = (RESOURCES, ITEMS, APPLICATIONS, CATEGORIES, DEMANDS, LOADS, LIMITS)
