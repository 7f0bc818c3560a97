"""开放的台账。"""

from typing import Any

from django.urls import reverse

from yiwang.data.opendata import flows
from yiwang.data.opendata.models import Application, Dataset, Edition, Feedback, OpenLimit, Subscription, Use
from yiwang.data.opendata.services import opening
from yiwang.data.opendata.terms import State
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, Filter, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

VIEW = (("view", "查看"), ("export", "导出"))


def _case_url(record: Application | Feedback) -> str:
    return reverse("case", args=[record.case_id])


OUTCOMES = dict(flows.PUBLICATION.outcomes)


def _outcome(found: Application) -> str:
    return OUTCOMES.get(found.outcome, "办理中")


def _withdraw(actor: Actor, dataset: Dataset, data: dict[str, Any]) -> Dataset:
    return opening.withdraw(actor, dataset.pk, reason=data["reason"])


def _is_open(actor: Actor, dataset: Dataset) -> bool:
    return dataset.state == State.OPEN


def _tags(dataset: Dataset) -> str:
    return "、".join(dataset.tags)


def _fields(edition: Edition) -> str:
    return "、".join(column["title"] for column in edition.columns)


DATASETS = register(Register(
    code="opendata.dataset", model=Dataset, name="开放数据集",
    columns=("title", "organisation", "topic", "state", "item_count", "rows", "opened_at", "updated_at"),
    filters=("state", "topic", Filter("organisation", kind="organisation"), Filter("opened_at", kind="dates")),
    search=("title", "resource_code"), sort=("-id",), related=("organisation",), writes=(),
    sections=(
        Section("数据集", ("title", "resource_code", "organisation", "description", "topic", Column(_tags, "标签"), "licence"), form=False),
        Section("状态", ("state", "opened_at", "item_count", "rows", "withdrawn_at", "reason"), form=False),
    ),
    resource=Resource("opendata.dataset", "开放数据集", Dataset, verbs=(*VIEW, ("add", "申请开放"), ("withdraw", "撤下"))),
    actions=(RecordAction("withdraw", "撤下", _withdraw, fields=(Field("reason", "理由", required=True, help="公众会看到"),),
                          available=_is_open, why="只有已开放的可以撤下。", confirm="撤下后页面、文件、接口立即停止提供。确定吗？"),),
    empty="还没有开放数据集。从“申请开放”选择本部门的资源。",
))  # fmt: skip
APPLICATIONS = register(Register(
    code="opendata.application", model=Application, name="开放申请",
    columns=(Column("case__number", "审核单"), "dataset", "organisation", Column(_outcome, "结果"), "due_at", "decided_at", "created_at"),
    filters=(Filter("organisation", kind="organisation"), Filter("created_at", kind="dates")), sort=("-id",),
    related=("case", "dataset", "organisation"), writes=(), link=_case_url,
    sections=(Section("申请", ("dataset", "organisation", "due_at", Column(_outcome, "结果"), "decided_at"), form=False),),
    resource=Resource("opendata.application", "开放申请", Application, verbs=VIEW), empty="还没有开放申请。",
))  # fmt: skip
EDITIONS = register(Register(
    code="opendata.edition", model=Edition, name="发布的数据",
    columns=("dataset", "number", "snapshot", "rows", "queryable", "published_at"),
    filters=("queryable", Filter("published_at", kind="dates")), sort=("-id",), related=("dataset",), writes=(),
    sections=(Section("发布", ("dataset", "number", "snapshot", Column(_fields, "字段"), "rows", "queryable", "published_at"), form=False),),
    resource=Resource("opendata.edition", "发布的数据", Edition, organisation="dataset__organisation", owner=None, verbs=VIEW),
    empty="还没有发布。",
))  # fmt: skip
FEEDBACKS = register(Register(
    code="opendata.feedback", model=Feedback, name="公众反馈",
    columns=(Column("case__number", "办理单"), "title", "kind", "dataset", "organisation", "due_at", "answered_at", "created_at"),
    filters=("kind", Filter("organisation", kind="organisation"), Filter("created_at", kind="dates")), search=("title",),
    sort=("-id",), related=("case", "dataset", "organisation"), writes=(), link=_case_url,
    sections=(Section("反馈", ("kind", "title", "content", "dataset", "due_at", "answered_at", "answer"), form=False),),
    resource=Resource("opendata.feedback", "公众反馈", Feedback, owner=None, verbs=(*VIEW, ("add", "提交"))),
    empty="还没有公众反馈。",
))  # fmt: skip
USES = register(Register(
    code="opendata.use", model=Use, name="开放使用量", columns=("day", "dataset", "door", "form", "times", "rows"),
    filters=("door", Filter("day", kind="dates")), sort=("-day", "-id"), related=("dataset",), writes=(),
    sections=(Section("使用量", ("day", "dataset", "door", "form", "times", "rows"), form=False),),
    resource=Resource("opendata.use", "开放使用量", Use, owner=None, verbs=VIEW),
    empty="还没有使用记录。",
))  # fmt: skip
SUBSCRIPTIONS = register(Register(
    code="opendata.subscription", model=Subscription, name="开放订阅",
    columns=("dataset", "state", "created_at", "confirmed_at", "ended_at"), filters=("state",), sort=("-id",),
    related=("dataset",), writes=(),
    sections=(Section("订阅", ("dataset", "state", "created_at", "confirmed_at", "ended_at"), form=False),),
    resource=Resource("opendata.subscription", "开放订阅", Subscription, organisation="dataset__organisation", owner=None, verbs=VIEW),
    empty="还没有人订阅。",
))  # fmt: skip
LIMITS = limit_register("opendata", "开放时限", OpenLimit)
ALL = (DATASETS, APPLICATIONS, EDITIONS, FEEDBACKS, USES, SUBSCRIPTIONS, LIMITS)
