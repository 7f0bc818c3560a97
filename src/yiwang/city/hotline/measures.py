"""热线的每一个数字：口径、分子、分母。"""

from typing import Any

from django.db.models import Q

from yiwang.city.hotline.flows import STAGES
from yiwang.city.hotline.terms import CONTENT, RATED, Satisfaction
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.registry import register_measures

DIMENSIONS = {
    "channel": Dimension("来源渠道", "channel"),
    "kind": Dimension("诉求类别", "kind"),
    "organisation": Dimension("承办单位", "organisation_id", "organisation__name"),
    "category": Dimension("一级分类", "category"),
    "matter": Dimension("事项", "matter_code", "matter_name"),
    "district": Dimension("文中地点", "district"),
}
# One appeal received is one, however many work orders it is split into (GB/T 33358-2016 受理以来电计; 派件以工单计).
APPEALS = Q(split_from=None)
WORK = ~Q(case__outcome="split")
CLOSED = Q(closed_at__isnull=False) & WORK
COUNTED = Q(satisfaction__in=RATED, excluded=False)
COMMON: dict[str, Any] = {"version": 1, "resource": "hotline.request", "dimensions": DIMENSIONS}
RECEIVED = {**COMMON, "time_field": "received_at"}
ENDED = {**COMMON, "time_field": "closed_at"}
ANSWERED = {**COMMON, "time_field": "answered_at"}

MEASURES = (
    Measure("hotline.received", "受理量", "受理时间在期内的诉求件数：一次来电（来件）计一件。拆单的计原件一件，拆出各件不另计；"
            "并案、群体诉求的各计一件，因为各有诉求人来电", unit="件", numerator=APPEALS, **{**RECEIVED, "version": 2}),
    Measure("hotline.dispatched", "派件量", "首次派单时间在期内的工单件数。拆单的按拆出各件计，原件不计；派单后退单改派的仍计一件；"
            "当场答复、不予受理、并入他件的没有派单，不计", unit="件", numerator=Q(dispatched_at__isnull=False) & WORK,
            **{**COMMON, "time_field": "dispatched_at"}),
    Measure("hotline.people", "诉求人数", "期内受理诉求的不同诉求人数；同一电话或同一外部用户为一人，拆单、并案、归入群体诉求都不改变人数", unit="人",
            kind="distinct", field="identity", **RECEIVED),
    Measure("hotline.events", "群体诉求数", "期内受理诉求所归入的不同群体事件数：一件事多人反映，计一个事件、多名诉求人、各自一件受理", unit="件", kind="distinct", field="event_id",
            numerator=Q(event__isnull=False), **RECEIVED),
    Measure("hotline.closed", "办结量", "办结时间在期内的工单件数，含补录。拆单的按拆出各件计，原件不计；并案的各计一件", unit="件",
            numerator=CLOSED, **{**ENDED, "version": 2}),
    Measure("hotline.answered_at_desk", "当场答复率", "期内受理诉求中由话务台当场答复的件数／期内受理件数；拆单的计原件一件", unit="%", kind="rate",
            numerator=Q(case__outcome="answered_at_desk"), denominator=APPEALS, better="high", **{**RECEIVED, "version": 2}),
    Measure("hotline.on_time", "按时办结率", "答复时间在期内、各轮办理均未超期的件数／答复时间在期内且有办理时限的件数", unit="%",
            kind="rate", numerator=Q(on_time=True), denominator=Q(on_time__isnull=False), better="high",
            basis="潍坊市12345条例第20条", **ANSWERED),
    Measure("hotline.signed_in_time", "及时签收率", "期内受理、各次签收均未超期的件数／期内受理且已签收的件数", unit="%", kind="rate",
            numerator=Q(signed_in_time=True), denominator=Q(signed_in_time__isnull=False), better="high", **RECEIVED),
    Measure("hotline.returned", "退单率", "期内受理诉求中发生过退单的件数／期内受理且已派单签收的件数", unit="%", kind="rate",
            numerator=Q(decline_count__gt=0), denominator=Q(signed_in_time__isnull=False) | Q(decline_count__gt=0),
            better="low", **RECEIVED),
    Measure("hotline.reworked", "重办率", "期内办结诉求中发生过重办的件数／期内办结且经回访的件数", unit="%", kind="rate",
            numerator=Q(rework_count__gt=0), denominator=Q(satisfaction__gt=""), better="low", **ENDED),
    Measure("hotline.satisfaction", "满意率（合计）",
            "期内办结、回访为满意或基本满意的件数／期内办结且作出评价的件数；未评价、未联系上、经认定的无理由诉求不计入分母；"
            "为各月件数合计之比，不是月度率的平均", unit="%", kind="rate",
            numerator=Q(satisfaction__in=CONTENT), denominator=COUNTED, better="high", **ENDED),
    Measure("hotline.satisfaction_monthly", "月均满意率",
            "期内各月满意率的算术平均，每月同权，无评价的月份不计；与合计满意率不同，不可混用", unit="%", kind="monthly",
            numerator=Q(satisfaction__in=CONTENT), denominator=COUNTED, better="high", **ENDED),
    Measure("hotline.resolved", "解决率", "期内办结、回访确认已解决的件数／期内办结且回访问明是否解决的件数", unit="%", kind="rate",
            numerator=Q(resolved=True), denominator=Q(resolved__isnull=False, excluded=False), better="high", **ENDED),
    Measure("hotline.reached", "回访成功率", "期内办结、回访联系上诉求人的件数／期内办结且进行过回访的件数", unit="%", kind="rate",
            numerator=~Q(satisfaction=Satisfaction.UNREACHED) & Q(satisfaction__gt=""),
            denominator=Q(satisfaction__gt=""), better="high", **ENDED),
    Measure("hotline.unreasonable", "无理由诉求件数", "期内办结、经认定为无理由诉求的件数", unit="件", numerator=Q(excluded=True), **ENDED),
    Measure("hotline.repeated", "重复诉求率", "期内受理、经人认定与较早诉求重复的件数／期内受理件数；拆单的计原件一件", unit="%", kind="rate",
            numerator=Q(repeated=True), denominator=APPEALS, better="low", **{**RECEIVED, "version": 3}),
    Measure("hotline.empty_replies", "无实质答复率", "期内答复诉求中，最后一轮答复仅为“已收悉”等而无实质内容的件数／期内答复的件数",
            unit="%", kind="rate", numerator=Q(empty_reply=True), denominator=Q(answered_at__isnull=False), better="low",
            **ANSWERED),
    Measure("hotline.open", "在办量", "期内受理、至今未办结的工单件数；拆单的按拆出各件计", unit="件", numerator=Q(closed_at=None), **RECEIVED),
    Measure("hotline.handling_hours", "承办用时", "办结诉求中计入各方的时长合计；挂起期间不计任何一方", unit="小时", kind="sum",
            field="seconds", scale=3600, version=1, resource="hotline.charge", time_field="request__closed_at",
            recorded_field="recorded_at",
            dimensions={"party": Dimension("计时方", "party"),
                        "organisation": Dimension("单位", "organisation_id", "organisation__name"),
                        "stage": Dimension("环节", "stage", words=STAGES)}),
)  # fmt: skip

register_measures(MEASURES)
