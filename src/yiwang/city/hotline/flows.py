"""热线工单与无理由诉求认定的流程：环节、动作、时限、依据。"""

from yiwang.city.hotline.terms import CALLER, DISPATCHER, HANDLER, MANAGER
from yiwang.kernel.flow.definitions import (
    PREVIOUS,
    Action,
    Assign,
    ClockRule,
    Decide,
    Field,
    Flow,
    Gate,
    Operation,
    Stage,
    end,
)

WEIFANG_20 = "潍坊市12345条例第20条：5个工作日内办结；法律另有更长期限的从其规定"
WEIFANG_22 = "潍坊市12345条例第22条：非本单位职责可退回一次；经指定的不得再退"
JINAN_27 = "济南市12345条例第27条：办结工单逐件审核、回访，不满意的退回重办"
SIGN_DAY = "蚌埠市12345工作制度（2019）：1个工作日内签收"
GBT_33358 = "GB/T 33358-2016 政府热线服务规范"

OPINION = Field("opinion", "意见", "long_text")
LEAD = Field("lead", "主办单位", "organisation", required=True)
CO_HANDLERS = Field("co_handlers", "协办单位", "organisations", help="协办意见到齐后主办单位方可答复")
LIMIT = Field("limit", "办理时限", "integer", required=True)
LIMIT_UNIT = Field(
    "limit_unit",
    "时限单位",
    "choice",
    required=True,
    choices=(("working_day", "工作日"), ("calendar_day", "自然日"), ("working_hour", "工作小时"), ("minute", "分钟")),
)
REPLY = Field("reply", "答复内容", "long_text", required=True, help="写明查明的事实、处理结果和依据；“已收悉”不是答复")
MATERIALS = Field("materials", "附件", "files", help="现场照片、处理结果等；案件各方可见，举报件勿附能认出举报人的材料")
CALLED = (
    Field("resolved", "诉求是否解决", "boolean"),
    Field("comment", "诉求人意见", "long_text"),
)

REGISTRATION = Stage(
    code="registration",
    name="登记",
    phase="受理",
    assign=Assign(by="initiator"),
    charge="operator",
    basis=GBT_33358,
    actions=(
        Action("submit", "提交派单", to="dispatch", basis=GBT_33358),
        Action("answer_now", "当场答复", to=end("answered_at_desk"), fields=(REPLY, MATERIALS), basis=GBT_33358),
        Action(
            "record_history", "补录历史办结", to=end("history"), fields=(REPLY,), basis="补录件，办理时间以原始记录为准"
        ),
    ),
)

DISPATCH = Stage(
    code="dispatch",
    name="派单",
    phase="受理",
    assign=Assign(by="role", role=DISPATCHER, of="operator", pool=True),
    charge="operator",
    basis="北京市接诉即办条例第12条",
    actions=(
        Action("dispatch", "派单", to="sign", fields=(LEAD, CO_HANDLERS, LIMIT, LIMIT_UNIT), basis=WEIFANG_20),
        Action("answer_directly", "直接答复", to="callback", fields=(REPLY, MATERIALS), basis=GBT_33358),
        Action("record_history", "补录历史办结", to=end("history"), fields=(REPLY,), basis="补录件，办理时间以原始记录为准"),
        Action("refuse", "不予受理", to=end("refused"), needs_opinion=True, basis="不属于热线受理范围的，说明理由并告知途径",
               confirm="不予受理将告知诉求人理由和途径，确定吗？"),
    ),
)  # fmt: skip

SIGN = Stage(
    code="sign",
    name="签收",
    phase="办理",
    assign=Assign(by="role", role=HANDLER, of="lead", pool=True),
    charge="lead",
    basis=SIGN_DAY,
    actions=(Action("sign", "签收", to="handle", basis=SIGN_DAY),),
)

HANDLE = Stage(
    code="handle",
    name="办理",
    phase="办理",
    assign=Assign(by="handler", stage="sign"),
    charge="lead",
    basis=WEIFANG_20,
    actions=(
        Action(
            "answer",
            "提交答复",
            to="review",
            fields=(REPLY, MATERIALS),
            gates=(Gate("co_opinions", message="协办单位意见未到齐，主办单位不能答复。可催办协办单位。"),),
            basis=WEIFANG_20,
        ),
    ),
)

REVIEW = Stage(
    code="review",
    name="审核",
    phase="办理",
    assign=Assign(by="head", of="lead"),
    decide=Decide(by="any"),
    charge="lead",
    basis="答复须经承办单位负责人审核",
    actions=(
        Action("approve", "审核通过", to="callback", basis=JINAN_27),
        Action("reject", "退回重写", to=PREVIOUS, verdict="reject", needs_opinion=True, basis=JINAN_27),
    ),
)

CALLBACK = Stage(
    code="callback",
    name="回访",
    phase="办结",
    assign=Assign(by="role", role=CALLER, of="operator", pool=True),
    charge="operator",
    basis=JINAN_27,
    actions=(
        Action("satisfied", "满意", to=end("satisfied"), fields=CALLED, basis=JINAN_27),
        Action("basically", "基本满意", to=end("basically"), fields=CALLED, basis=JINAN_27),
        Action(
            "dissatisfied",
            "不满意，退回重办",
            to="handle",
            needs_opinion=True,
            fields=CALLED,
            once=True,
            basis=JINAN_27,
        ),
        Action(
            "dissatisfied_final",
            "不满意，办结",
            to=end("dissatisfied"),
            needs_opinion=True,
            fields=CALLED,
            basis=JINAN_27,
        ),
        Action("unrated", "诉求人不评价", to=end("unrated"), basis=JINAN_27),
        Action("unreached", "多次未联系上", to=end("unreached"), needs_opinion=True, basis=GBT_33358),
    ),
)

CLOCKS = (
    ClockRule("dispatch", "派单时限", limit="hotline.request.dispatch", starts="enter:dispatch", stops="leave:dispatch",
              kind="stage", starts_next_day=False, rungs=("80%", "due")),
    ClockRule("sign", "签收时限", limit="hotline.request.sign", starts="enter:sign", stops="leave:sign",
              kind="response", rungs=("due",)),
    ClockRule("handle", "办理时限", limit="hotline.request.handle", budget_field="limit", unit_field="limit_unit",
              starts="enter:sign enter:handle", stops="enter:callback", kind="statutory", rungs=("50%", "80%", "-1d", "due", "+1d"),
              on_breach="escalate"),
    ClockRule("callback", "回访时限", limit="hotline.request.callback", starts="enter:callback", stops="leave:callback",
              kind="stage", rungs=("due",)),
)  # fmt: skip

OPERATIONS = (
    Operation("claim"),
    Operation("release"),
    Operation("send_back", stages=("handle", "review", "callback"), basis=JINAN_27),
    Operation("withdraw"),
    Operation("cancel", who=("initiator", f"role:{MANAGER}"), stages=("registration", "dispatch")),
    Operation("transfer", stages=("handle", "dispatch", "callback")),
    Operation("delegate", stages=("handle", "review")),
    Operation("add_seat", stages=("review",)),
    Operation("remove_seat", stages=("review",)),
    Operation("copy"),
    Operation("urge", who=("initiator", f"role:{DISPATCHER}", f"role:{MANAGER}"), settings={"hours": 24}),
    Operation("supervise", who=(f"role:{MANAGER}",), basis="热线机构对承办单位督办"),
    Operation("suspend", stages=("handle",), basis="需鉴定、检测、勘验或等待法定程序的，说明依据"),
    Operation("resume", who=("seat", f"role:{MANAGER}")),
    Operation("extend", stages=("handle",), settings={"approver": f"role:{MANAGER}"},
              basis="办理期限届满前提出，经批准可延期；次数和幅度见热线时限"),
    Operation("decline", stages=("sign", "handle"), settings={"max": 1, "stops": ("sign", "handle")},
              basis=WEIFANG_22),
    Operation("arbitrate", who=(f"role:{MANAGER}",), basis=WEIFANG_22),
    Operation("co_handle", who=("seat", f"role:{DISPATCHER}"), stages=("handle",), settings={"role": HANDLER},
              basis="潍坊市12345条例第22条"),
    Operation("merge", who=(f"role:{DISPATCHER}", f"role:{MANAGER}"), stages=("registration", "dispatch")),
    Operation("split", who=(f"role:{DISPATCHER}",), stages=("dispatch",)),
    Operation("terminate", who=(f"role:{MANAGER}",)),
    Operation("reopen", who=(f"role:{MANAGER}",), settings={"to": "handle"}),
    Operation("jump", who=(f"role:{MANAGER}",)),
    Operation("handover", who=(f"role:{MANAGER}",)),
    Operation("batch"),
    Operation("late_entry", who=(f"role:{MANAGER}",)),
)  # fmt: skip

REQUEST = Flow(
    code="hotline.request",
    name="12345工单",
    edition="2026-2",
    stages=(REGISTRATION, DISPATCH, SIGN, HANDLE, REVIEW, CALLBACK),
    outcomes=(
        ("answered_at_desk", "当场答复"),
        ("satisfied", "满意办结"),
        ("basically", "基本满意办结"),
        ("dissatisfied", "不满意办结"),
        ("unrated", "未评价办结"),
        ("unreached", "未联系上办结"),
        ("refused", "不予受理"),
        ("history", "历史办结补录"),
    ),
    clocks=CLOCKS,
    operations=OPERATIONS,
    number="hotline.request|12345-{year}-{value:06d}",
    operator_role=DISPATCHER,
    basis=f"{WEIFANG_20}；{GBT_33358}；国办发〔2020〕53号",
)

EXCLUSION = Flow(
    code="hotline.exclusion",
    name="无理由诉求认定",
    edition="2026-2",
    stages=(
        Stage(
            "review",
            "认定",
            Assign(by="role", role=MANAGER, of="operator", pool=True),
            actions=(
                Action("uphold", "予以认定", to="notice", needs_opinion=True, basis="认定须写明事实与理由"),
                Action("dismiss", "不予认定", to=end("dismissed"), needs_opinion=True, basis="认定须写明事实与理由"),
            ),
            charge="operator",
            basis="同一事实和理由且无新情况的，经核实可认定；汕头等地规定",
        ),
        Stage(
            "notice",
            "告知与申诉期",
            Assign(by="role", role=CALLER, of="operator", pool=True),
            actions=(
                Action(
                    "final",
                    "期满无申诉",
                    to=end("upheld"),
                    basis="告知诉求人认定结果和申诉途径",
                    gates=(Gate("after_due", "notice", "申诉期尚未届满，诉求人还可以申诉，不能提前定论。"),),
                ),
                Action("appeal", "诉求人申诉", to="appeal", needs_opinion=True, once=True, basis="认定可申诉一次"),
            ),
            charge="operator",
            basis="认定结果须告知诉求人",
        ),
        Stage(
            "appeal",
            "申诉复核",
            Assign(by="head", of="operator"),
            actions=(
                Action(
                    "keep", "维持认定", to=end("upheld"), needs_opinion=True, basis="复核由原认定人以外的负责人作出"
                ),
                Action(
                    "overturn",
                    "撤销认定",
                    to=end("dismissed"),
                    needs_opinion=True,
                    basis="复核由原认定人以外的负责人作出",
                ),
            ),
            charge="operator",
            same_person="refuse",
            basis="复核由原认定人以外的负责人作出",
        ),
    ),
    outcomes=(("upheld", "认定"), ("dismissed", "不予认定")),
    clocks=(
        ClockRule("review", "认定时限", limit="hotline.exclusion.review", starts="enter:review", stops="leave:review"),
        ClockRule("notice", "申诉期", limit="hotline.exclusion.notice", starts="enter:notice", stops="leave:notice"),
        ClockRule("appeal", "复核时限", limit="hotline.exclusion.appeal", starts="enter:appeal", stops="leave:appeal"),
    ),
    operations=(
        Operation("claim"),
        Operation("release"),
        Operation("copy"),
        Operation("transfer", stages=("appeal",)),
        Operation("terminate", who=(f"role:{MANAGER}",)),
    ),
    number="hotline.exclusion|认定-{year}-{value:05d}",
    operator_role=MANAGER,
    basis="无理由诉求认定须有证据、可申诉，结果只影响此后公布或更正的报表",
)

FLOWS = (REQUEST, EXCLUSION)
# Code → name of every stage, for charges and figures that keep the code.
STAGES = {stage.code: stage.name for stage in REQUEST.stages}
