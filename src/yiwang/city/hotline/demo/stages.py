"""Requests of the last days, one at least in every stage and trouble a request can be in."""

from dataclasses import dataclass
from datetime import timedelta

from yiwang.city.hotline.demo.building import Builder
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services import exclusions, handling, triage
from yiwang.city.hotline.services.intake import Intake, register_many, register_request
from yiwang.city.hotline.services.parts import Part, split_request
from yiwang.city.hotline.terms import Channel, ExclusionGround, Kind
from yiwang.kernel.flow import services as flow

REPLY = "经现场核查属实，已安排养护队伍当日处理完毕，次日复查正常，结果已电话告知诉求人。"


@dataclass(frozen=True)
class Staged:
    """Where a request stands: how far it went (`until`) and what befell it there."""

    until: str
    matter: str
    title: str
    said: str
    trouble: str = ""


STAGED = (
    Staged("sign", "CJ0203", "迎宾路护栏倒伏", "望江街道迎宾路公交站旁护栏倒伏，行人穿行危险。"),
    Staged("handle", "CJ0203", "青年路人行道地砖松动", "青枫街道青年路 12 号门前地砖松动，雨天溅水。"),
    Staged("handle", "CJ0203", "学院街雨水箅子堵塞", "柳荫街道学院街路口雨水箅子堵塞，积水没过脚面。", "suspended"),
    Staged("handle", "CJ0203", "滨河大道桥头路面沉降", "南湖街道滨河大道桥头路面沉降，车辆颠簸。", "extension"),
    Staged("handle", "CJ0203", "环城北路通信井盖异响", "北辰街道环城北路通信井盖松动，夜间异响扰民。", "declined"),
    Staged("handle", "CJ0203", "建设西路路灯连片不亮", "石桥街道建设西路自东口起六盏路灯不亮已半个月。", "supervised"),
    Staged("review", "CJ0203", "文昌路盲道被占", "望江街道文昌路盲道被石墩占用，视障居民无法通行。"),
    Staged("review", "CJ0203", "解放路路口标线磨损", "望江街道解放路路口停止线磨损看不清。"),
    Staged("callback", "CJ0203", "工业大道路肩塌陷", "河西街道工业大道近物流园处路肩塌陷。"),
    Staged("rework", "CJ0203", "枫林路积水反复", "望江街道枫林路 20 号门前每逢下雨就积水。"),
    Staged("excluded", "CJ0305", "反映邻居合法加装电梯", "向阳新村 5 号楼加装电梯挡光，要求拆除。", "appealed"),
    Staged("excluded", "CJ0305", "要求恢复已依法拆除的违建", "柳荫街道学院街自建棚屋拆除后要求原样恢复。", "settled"),
)
# Asked and answered in the same call.
ASKED = (
    (
        "询问落户材料",
        "咨询大学毕业生落户要带哪些材料。",
        "请带身份证、毕业证书和户口簿，到任一派出所户籍窗口办理，当场办结。",
    ),
    (
        "询问社保断缴影响",
        "咨询灵活就业人员断缴一个月养老保险有何影响。",
        "不影响已有年限，次月续缴即可，可在手机端自助补缴。",
    ),
    ("询问不动产登记时限", "咨询二手房转移登记几天能办好。", "材料齐全的，一般登记一个工作日办结，可先在网上预约。"),
)
# Asked in words the classifier has learnt nothing about: it abstains and shows three choices.
UNSURE = (
    ("请问这件事归谁管", "东泉镇村口的老戏台想借给社团排练，请问向谁申请。"),
    ("想了解一下手续", "青枫街道居民想在自家院子里养两箱蜜蜂，要不要先报告。"),
    ("对窗口的建议", "建议大厅增加一台自助复印设备，午间也能使用。"),
)
KEPT = (
    ("来电中断待补充", "来电人反映家门口有异响，话未说完中断，待回拨补充地址。"),
    ("待核实门牌号的路灯报修", "来电人称南湖街道一处路灯不亮，门牌号记不清，约定下午回电。"),
)
TWO_THINGS = ("金桥公寓电梯停运且楼下烧烤扰民", "石桥街道金桥公寓 3 号楼电梯停运一周；楼下烧烤摊每晚占道，油烟很大。")


def build(builder: Builder) -> None:
    """Everything through the verbs of the officers concerned."""
    made = register_many(
        builder.actor("dispatcher"),
        [
            *(
                _intake(builder, each.title, each.said, 3 if each.until == "sign" else 40, number)
                for number, each in enumerate(STAGED)
            ),
            *(_intake(builder, title, said, 2, 40 + number) for number, (title, said) in enumerate(UNSURE)),
            _intake(builder, *TWO_THINGS, 5, 50),
        ],
    )
    for request, staged in zip(made, STAGED, strict=False):
        _go(builder, request, staged)
    for number, (title, said) in enumerate(KEPT):
        register_request(builder.actor("operator"), _intake(builder, title, said, 0, 60 + number), submit=False)
    for number, (title, said, reply) in enumerate(ASKED):
        asked = register_request(builder.actor("operator"), _intake(builder, title, said, 0, 70 + number), submit=False)
        flow.act(builder.actor("operator"), asked.case_id, "answer_now", data={"reply": reply})
    split_request(
        builder.actor("dispatcher"), made[-1].pk,
        [Part("金桥公寓 3 号楼电梯停运", "石桥街道金桥公寓 3 号楼电梯停运一周，老人上下楼困难。", "CJ0101", None),
         Part("金桥公寓楼下烧烤占道", "石桥街道金桥公寓楼下烧烤摊每晚占道，油烟很大。", "CJ0402", None)],
        opinion="一件诉求含两件事，责任单位不同。",
    )  # fmt: skip


def _intake(builder: Builder, title: str, said: str, hours: int, number: int) -> Intake:
    return Intake(
        channel=Channel.PHONE, kind=Kind.HELP, title=title, content=said,
        received_at=builder.now - timedelta(hours=hours) if hours else None, name="演示诉求人",
        phone=f"1393000{number:04}",
    )  # fmt: skip


def _go(builder: Builder, request: Request, staged: Staged) -> None:
    """Dispatch and on, an hour or so a step, as far as it is said."""
    dispatcher, at = builder.actor("dispatcher"), request.received_at + timedelta(hours=1)
    triage.assign_matter(dispatcher, request.pk, staged.matter)
    request.refresh_from_db()
    given = {**handling.responsible_of(request), "co_handlers": []}
    builder.act(dispatcher, request, "dispatch", at, data=given, opinion="按事项词典派单")
    if staged.until == "sign":
        return
    request.refresh_from_db()
    unit = request.organisation.code
    handler, head = builder.actor("handler", unit), builder.actor("head", unit)
    builder.act(handler, request, "sign", at + timedelta(hours=1))
    if staged.until == "handle":
        _befall(builder, request, staged.trouble)
        return
    builder.act(handler, request, "answer", at + timedelta(hours=5), data={"reply": REPLY})
    if staged.until == "review":
        return
    builder.act(head, request, "approve", at + timedelta(hours=6), opinion="同意")
    caller, called = builder.actor("caller"), at + timedelta(hours=8)
    if staged.until == "rework":
        said = {"resolved": False, "comment": "昨夜下雨又积水"}
        builder.act(caller, request, "dissatisfied", called, opinion="诉求人称没有解决。", data=said)
    elif staged.until == "excluded":
        builder.act(caller, request, "dissatisfied_final", called, opinion="诉求人坚持拆除。", data={"resolved": False})
        _exclude(builder, request, unit, staged.trouble)


def _befall(builder: Builder, request: Request, trouble: str) -> None:
    handler, case = builder.actor("handler", request.organisation.code), request.case_id
    if trouble == "suspended":
        flow.suspend(
            handler,
            case,
            cause="等待管网检测结论",
            basis="需鉴定、检测的期间不计入办理时限",
            opinion="已委托检测，五日内出结论。",
        )
    elif trouble == "extension":
        flow.extend(handler, case, amount=3, opinion="须封闭半幅路面施工，交通组织方案待批。")
    elif trouble == "declined":
        flow.decline(handler, case, opinion="该井盖产权属通信公司，不在本单位职责内。")
    elif trouble == "supervised":
        flow.supervise(
            builder.actor("manager"), case, requirement="三日内报告抢修进展和恢复照明时间",
            due=builder.now + timedelta(days=3),
        )  # fmt: skip


def _exclude(builder: Builder, request: Request, unit: str, end: str) -> None:
    """The unit asks, the section chief upholds, the citizen appeals; the director has decided, or has to."""
    found = exclusions.apply_exclusion(
        builder.actor("handler", unit), request.pk, ground=ExclusionGround.BEYOND,
        statement="经核查手续齐全、依法实施，所提要求没有法律依据，已当面说明。",
    )  # fmt: skip
    flow.act(builder.actor("manager"), found.case_id, "uphold", opinion="文件齐全，情况属实。")
    flow.act(builder.actor("caller"), found.case_id, "appeal", opinion="诉求人对认定不服，要求复核。")
    if end == "settled":
        flow.act(builder.actor("director"), found.case_id, "keep", opinion="经复核，事实清楚、依据充分。")
