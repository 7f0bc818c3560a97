"""库的类别、字段种类、归一与裁定的选项。"""

from django.db import models

from yiwang.kernel.crypto import keys

STEWARD, READER, REVEALER, KEEPER = "masters.steward", "masters.reader", "masters.revealer", "masters.keeper"
MEMBER, GOLDEN, SEARCH = "masters.member", "masters.golden", "masters.search"
REF = keys.lasting("masters.ref")
GUIDE = "发改高技〔2017〕1272号"


class LibraryKind(models.TextChoices):
    """六大基础数据库与主题库（1272 号文三类目录中的基础、主题两类）。"""

    POPULATION = "population", "人口"
    LEGAL = "legal", "法人"
    SPACE = "space", "空间地址"
    LICENCE = "licence", "电子证照"
    CREDIT = "credit", "信用"
    MACRO = "macro", "宏观经济"
    SUBJECT = "subject", "主题库"


class Entity(models.TextChoices):
    """归一的对象；none 为不归一、只按条件联接的库。"""

    NONE = "none", "不归一"
    PERSON = "person", "自然人"
    ENTERPRISE = "enterprise", "法人"


class FieldKind(models.TextChoices):
    """字段的种类决定怎样比较、怎样脱敏。"""

    NUMBER = "number", "证件号码"
    NAME = "name", "姓名"
    TITLE = "title", "单位名称"
    DATE = "date", "日期"
    PHONE = "phone", "电话"
    ADDRESS = "address", "地址"
    CODE = "code", "编号"
    TEXT = "text", "其他"

    @property
    def mask(self) -> str:
        """The kernel's kind of mask; "" is shown as it is."""
        return {"number": "id_number", "name": "name", "phone": "phone", "address": "address", "code": "account"}.get(
            self.value, ""
        )


class BuildState(models.TextChoices):
    RUNNING = "running", "进行中"
    DONE = "done", "已发布"
    REFUSED = "refused", "未通过"


class DecisionKind(models.TextChoices):
    """人的裁定，只增；撤销也是一条裁定。"""

    MERGE = "merge", "判为同一"
    SPLIT = "split", "判为不同"
    UNDO = "undo", "撤销裁定"


class CandidateState(models.TextChoices):
    OPEN = "open", "待裁定"
    MERGED = "merged", "同一"
    APART = "apart", "不同"
    GONE = "gone", "已不存在"


class ConflictState(models.TextChoices):
    OPEN = "open", "待核实"
    OBJECTED = "objected", "已提异议"
    GONE = "gone", "已一致"


class Survival(models.TextChoices):
    """择优的规则，写在每个字段的出处里。"""

    ONLY = "only", "唯一来源"
    PRIORITY = "priority", "来源优先"
    FRESH = "fresh", "同优先级取最新"
    STEADY = "steady", "同优先级同时间取来源编号小者"
