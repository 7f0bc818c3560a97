"""Words of the clocks room."""

from django.db.models import TextChoices


class Unit(TextChoices):
    """期限单位。工作日不等于若干工作小时，自然日不等于工作日：单位随规则保存，不作换算。"""

    WORKING_DAY = "working_day", "工作日"
    CALENDAR_DAY = "calendar_day", "日"
    WORKING_HOUR = "working_hour", "工作小时"
    MINUTE = "minute", "分钟"
    MONTH = "month", "个月"


class ClockKind(TextChoices):
    STATUTORY = "statutory", "法定"
    PROMISED = "promised", "承诺"
    STAGE = "stage", "环节"
    RESPONSE = "response", "响应"
    SUPERVISION = "supervision", "督办"
    CORRECTION = "correction", "补正"
    JOINT = "joint", "联办"


class LimitNature(TextChoices):
    """时限依据的种类。没有上位规定的写“本级规定”，不得写成法定。"""

    LAW = "law", "法律法规"
    STANDARD = "standard", "标准"
    NOTICE = "notice", "规范性文件"
    OWN = "own", "本级规定"


class ClockStatus(TextChoices):
    RUNNING = "running", "计时中"
    SUSPENDED = "suspended", "已暂停"
    FINISHED = "finished", "已结束"
    SUPERSEDED = "superseded", "已作废"


class SegmentKind(TextChoices):
    """计时事实：只增不改，撤销也是一条新事实。"""

    RUN = "run", "开始或恢复"
    STOP = "stop", "暂停"
    EXTEND = "extend", "延期"
    END = "end", "结束"
    VOID = "void", "撤销上一暂停或结束"


class LineKind(TextChoices):
    ACT_DAY = "act_day", "起算日不计入"
    WORKING = "working", "工作日"
    WEEKEND = "weekend", "周末"
    HOLIDAY = "holiday", "法定节假日"
    MAKEUP = "makeup", "调休上班"
    SUSPENDED = "suspended", "暂停"
    ROLLED = "rolled", "末日顺延"


class RungKind(TextChoices):
    NOTICE = "notice", "提醒"
    EFFECT = "effect", "法律后果"


class TimerState(TextChoices):
    ARMED = "armed", "待触发"
    FIRED = "fired", "已触发"
    PARKED = "parked", "故障搁置"
    CANCELLED = "cancelled", "已取消"


class Colour(TextChoices):
    GREEN = "green", "正常"
    YELLOW = "yellow", "临期"
    RED = "red", "超期"
    GREY = "grey", "暂停"
