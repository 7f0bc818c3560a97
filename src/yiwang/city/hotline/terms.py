"""热线用语。"""

from django.db.models import TextChoices

OPERATOR, DISPATCHER, HANDLER, CALLER, MANAGER = (
    "hotline.operator",
    "hotline.dispatcher",
    "hotline.handler",
    "hotline.caller",
    "hotline.manager",
)


class Channel(TextChoices):
    PHONE = "phone", "电话"
    WEB = "web", "网页"
    APP = "app", "掌上"
    OPEN311 = "open311", "开放接口"
    API = "api", "数据接口"
    IMPORT = "import", "批量导入"


class Kind(TextChoices):
    """诉求类别。举报人身份对承办单位保密（潍坊 12345 条例；GB/T 33358-2016 保密办理）。"""

    CONSULTATION = "consultation", "咨询"
    HELP = "help", "求助"
    COMPLAINT = "complaint", "投诉"
    REPORT = "report", "举报"
    SUGGESTION = "suggestion", "建议"
    PRAISE = "praise", "表扬"


class Satisfaction(TextChoices):
    """回访结果。联系不上不得计为满意。"""

    SATISFIED = "satisfied", "满意"
    BASICALLY = "basically", "基本满意"
    DISSATISFIED = "dissatisfied", "不满意"
    UNRATED = "unrated", "未评价"
    UNREACHED = "unreached", "未联系上"


RATED = (Satisfaction.SATISFIED, Satisfaction.BASICALLY, Satisfaction.DISSATISFIED)
CONTENT = (Satisfaction.SATISFIED, Satisfaction.BASICALLY)


class Party(TextChoices):
    """时间计在谁账上：承办单位、热线机构、诉求登记人，或依法不计任何一方。"""

    LEAD = "lead", "承办单位"
    OPERATOR = "operator", "热线机构"
    OPENER = "opener", "登记方"
    NOBODY = "nobody", "不计时"


class Purpose(TextChoices):
    """承办单位为何须看诉求人的电话（个人信息保护法第6条：目的明确、最小必要）。"""

    VERIFY = "verify", "核实情况"
    VISIT = "visit", "约定上门或现场查看"
    REPLY = "reply", "当面或电话答复"


# 示意图上各街道的格子（列，行），名称与诉求文中地点一致；只表示大致方位，不是边界。换城市时改这里。
TILES = {
    "北辰街道": (1, 0), "东泉镇": (3, 0), "河西街道": (0, 1), "青枫街道": (1, 1), "望江街道": (2, 1), "石桥街道": (3, 1),
    "柳荫街道": (1, 2), "南湖街道": (2, 2),
}  # fmt: skip


class ExclusionGround(TextChoices):
    """无理由诉求认定的理由；认定须有证据，可申诉。"""

    REPEATED = "repeated", "同一事实理由且无新情况的重复诉求"
    BEYOND = "beyond", "诉求超出法律政策规定"
    UNTRUE = "untrue", "反映情况不属实"
    LEGAL_CHANNEL = "legal_channel", "应当通过诉讼、仲裁、复议等法定途径解决"
