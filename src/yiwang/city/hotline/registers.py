"""热线的台账。诉求人身份不在任何一列里。"""

from typing import Any

from django.urls import reverse

from yiwang.city.hotline.flows import STAGES
from yiwang.city.hotline.models import (
    Charge,
    ContactView,
    Event,
    Exclusion,
    HotlineLimit,
    Reporter,
    Request,
    TriageModel,
)
from yiwang.city.hotline.services import exclusions, handling, importing
from yiwang.city.hotline.services.posting import FIELDS, post_request
from yiwang.city.hotline.terms import ExclusionGround
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, Filter, Importing, Posting, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register


def _apply_exclusion(actor: Actor, request: Request, data: dict[str, Any]) -> Exclusion:
    return exclusions.apply_exclusion(actor, request.pk, ground=data["ground"], statement=data["statement"])


def _dispatch(actor: Actor, request: Request, data: dict[str, Any]) -> None:
    handling.dispatch_one(actor, request)


def _urge(actor: Actor, request: Request, data: dict[str, Any]) -> None:
    flow.urge(actor, request.case_id, opinion=data.get("opinion") or "")


def _waits(actor: Actor, request: Request) -> bool:
    return request.case.status == "open" and request.case.stage == "dispatch" and bool(request.matter_code)


def _with_unit(actor: Actor, request: Request) -> bool:
    return request.case.status == "open" and request.case.stage in ("sign", "handle", "review")


def _stage(charge: Charge) -> str:
    return STAGES.get(charge.stage, charge.stage)


REQUESTS = register(
    Register(
        code="hotline.request",
        model=Request,
        name="12345 诉求",
        columns=("number", "title", "kind", "channel", "category", "matter_name", Column("organisation", "承办单位"), "received_at",
                 Column("case__status", "状态"), "satisfaction"),
        filters=("received_at", "kind", "channel", "category", Filter("organisation", "承办单位", kind="organisation"),
                 Filter("case__status", "状态"), "satisfaction", "on_time", "event", "district"),
        search=("number", "title", "content"),
        large=True,
        sort=("-received_at", "-id"),
        related=("case", "organisation"),
        sections=(
            Section("诉求", ("number", "title", "content", "kind", "channel", "received_at", "address", "district")),
            Section("分派", ("category", "matter_code", "matter_name", "edition", "organisation")),
            Section("办理", ("answered_at", "closed_at", "satisfaction", "resolved", "on_time", "signed_in_time",
                           "rework_count", "decline_count", "repeated", "empty_reply", "excluded", "event")),
        ),
        writes=(),
        posting=Posting(FIELDS, post_request, lambda made: {"number": made.number, "tracking_code": made.tracking_code}),
        importing=Importing(
            key=("external_number",), columns=importing.COLUMNS, synonyms=importing.SYNONYMS, masks=importing.MASKS,
            write=importing.import_requests,
        ),
        link=lambda request: reverse("case", args=[request.case_id]),
        resource=register_resource(
            Resource(
                "hotline.request", "12345 诉求", Request,
                verbs=(("view", "查看"), ("add", "登记"), ("triage", "分类派单"), ("export", "导出"), ("import", "导入"),
                       ("exclude", "申请无理由认定")),
            )
        ),
        actions=(
            RecordAction(
                "dispatch", "派单", _dispatch, verb="triage", bulk="each", available=_waits,
                why="只有待派单且已定事项的诉求才能按事项词典派单；没有定事项的请先在派单台选择事项。",
                confirm="按各件的事项派给词典规定的主责单位，时限从派单起算。",
            ),
            RecordAction(
                "urge", "催办", _urge, verb="triage", bulk="each", available=_with_unit,
                fields=(Field("opinion", "催办意见", "long_text", help="发给当前经办人，写入办理记录"),),
                why="只有承办单位正在签收、办理、审核的诉求才能催办。", confirm="同一件 24 小时内只催一次。",
            ),
            RecordAction(
                "exclude", "申请无理由认定", _apply_exclusion,
                fields=(Field("ground", "理由", "choice", required=True, choices=tuple(ExclusionGround.choices)),
                        Field("statement", "事实与证据", "long_text", required=True)),
                available=lambda actor, request: request.closed_at is not None and not request.excluded,
                why="办结后且未认定过的诉求才能申请。",
            ),
        ),
        empty="还没有诉求。可在话务台登记，或从表格导入。",
    )
)  # fmt: skip

EVENTS = register(
    Register(
        code="hotline.event",
        model=Event,
        name="群体诉求",
        columns=("title", "organisation", "created_at"),
        search=("title",),
        sort=("-id",),
        sections=(Section("事件", ("title", "summary")),),
        writes=("change",),
        empty="还没有群体诉求。可在诉求研判页由热点归并。",
    )
)
EXCLUSIONS = register(
    Register(
        code="hotline.exclusion",
        model=Exclusion,
        name="无理由诉求认定",
        columns=(Column("request__number", "诉求"), "ground", "upheld", "decided_at", "organisation", "created_at"),
        filters=("ground", "upheld", "created_at"),
        sort=("-id",),
        related=("request", "case", "organisation"),
        sections=(Section("认定", ("ground", "statement", "upheld", "decided_at")),),
        writes=(),
        link=lambda exclusion: reverse("case", args=[exclusion.case_id]),
        empty="没有认定申请。",
    )
)
CHARGES = register(
    Register(
        code="hotline.charge",
        model=Charge,
        name="计时账",
        columns=(Column("request__number", "诉求"), "party", "organisation", Column(_stage, "环节"), "cause", "started_at", "stopped_at", "seconds"),
        filters=("party", "started_at"),
        sort=("-id",),
        related=("request", "organisation"),
        sections=(Section("计时", ("party", "organisation", Column(_stage, "环节"), "cause", "started_at", "stopped_at", "seconds")),),
        writes=(),
        export=False,
        link=lambda charge: reverse("case", args=[charge.request.case_id]),
        resource=register_resource(
            Resource("hotline.charge", "计时账", Charge, organisation="request__organisation", owner="request__created_by",
                     verbs=(("view", "查看"),))
        ),
        empty="还没有计时账；诉求办结时写下。",
    )
)  # fmt: skip
CONTACTS = register(
    Register(
        code="hotline.contact",
        model=ContactView,
        name="联系方式查看记录",
        columns=("viewed_at", "person", "organisation", "purpose", "explanation", Column("request__number", "诉求")),
        filters=("viewed_at", "purpose", Filter("organisation", "查看单位", kind="organisation")),
        sort=("-id",),
        related=("request", "organisation", "person"),
        sections=(Section("查看", ("viewed_at", "person", "organisation", "purpose", "explanation")),),
        writes=(),
        append_only=True,
        resource=register_resource(
            Resource("hotline.contact", "联系方式查看记录", ContactView, organisation="organisation", owner="person",
                     verbs=(("view", "查看"), ("export", "导出")))
        ),
        empty="还没有人查看过联系方式。",
    )
)  # fmt: skip
RESOURCES = tuple(
    register_resource(resource)
    for resource in (
        Resource("hotline.reporter", "诉求人", Reporter, organisation="request__organisation", owner="request__created_by",
                 verbs=(("view", "查看"), ("unmask", "查看明文"), ("contact", "逐次查看联系方式"))),
        Resource("hotline.triage_model", "分类模型", TriageModel, organisation="triagedecision__request__organisation",
                 owner="triagedecision__person", verbs=(("view", "查看"), ("add", "训练"))),
    )
)  # fmt: skip
LIMITS = limit_register("hotline", "热线时限", HotlineLimit)
