"""选项与目录内容的形状：《政务信息资源目录编制指南（试行）》（发改高技〔2017〕1272号）及各地常用的扩展项。"""

from dataclasses import dataclass, field

from django.db.models import TextChoices

from yiwang.kernel.flow.definitions import Field


class Axis(TextChoices):
    """类（1 位）。"""

    BASIC = "1", "基础信息资源"
    THEME = "2", "主题信息资源"
    DEPARTMENT = "3", "部门信息资源"


class Format(TextChoices):
    DATABASE = "database", "数据库"
    SPREADSHEET = "spreadsheet", "电子表格"
    DOCUMENT = "document", "电子文件"
    IMAGE = "image", "图形图像"
    STREAM = "stream", "流媒体"
    SELF_DESCRIBING = "self_describing", "自描述格式"


STRUCTURED = (Format.DATABASE, Format.SPREADSHEET)


class ShareType(TextChoices):
    UNCONDITIONAL = "unconditional", "无条件共享"
    CONDITIONAL = "conditional", "有条件共享"
    WITHHELD = "withheld", "不予共享"


class OpenType(TextChoices):
    UNCONDITIONAL = "unconditional", "无条件开放"
    CONDITIONAL = "conditional", "有条件开放"
    WITHHELD = "withheld", "不予开放"


class ShareMethod(TextChoices):
    """编制指南：优先系统对接、联机查询等在线方式，其次下载、拷贝。"""

    SYSTEM = "system", "系统对接"
    QUERY = "query", "联机查询"
    BROWSE = "browse", "在线浏览"
    SERVICE = "service", "在线服务"
    DOWNLOAD = "download", "下载"
    COPY = "copy", "拷贝"


class Cycle(TextChoices):
    REAL_TIME = "real_time", "实时"
    DAY = "day", "每日"
    WEEK = "week", "每周"
    MONTH = "month", "每月"
    QUARTER = "quarter", "每季度"
    HALF_YEAR = "half_year", "每半年"
    YEAR = "year", "每年"
    IRREGULAR = "irregular", "不定时"
    OTHER = "other", "其他"


# Longest possible length of each promised cycle in days; cycles that promise nothing are absent.
CYCLE_DAYS = {
    Cycle.REAL_TIME: 1, Cycle.DAY: 1, Cycle.WEEK: 7, Cycle.MONTH: 31, Cycle.QUARTER: 92, Cycle.HALF_YEAR: 184,
    Cycle.YEAR: 366,
}  # fmt: skip


class Coverage(TextChoices):
    CITY = "city", "全市"
    OFFICES = "offices", "市直"
    DISTRICT = "district", "区县"


class Subject(TextChoices):
    PERSON = "person", "人"
    PLACE = "place", "地"
    EVENT = "event", "事"
    THING = "thing", "物"
    ORGANISATION = "organisation", "组织"


class Gathering(TextChoices):
    INCREMENTAL = "incremental", "增量"
    FULL = "full", "全量"


class SourceLevel(TextChoices):
    OWN = "own", "自建"
    NATION = "nation", "国直"
    PROVINCE = "province", "省直"
    CITY = "city", "市直"
    COUNTY = "county", "县直"


class DataType(TextChoices):
    """编制指南的信息项数据类型，括号内是表格里常写的字母。"""

    TEXT = "text", "字符型C"
    INTEGER = "integer", "整型I"
    DECIMAL = "decimal", "数值型N"
    DATE = "date", "日期型D"
    TIMESTAMP = "timestamp", "日期时间型T"
    BOOLEAN = "boolean", "逻辑型L"


class PublishState(TextChoices):
    UNPUBLISHED = "unpublished", "未发布"
    AUDITING = "auditing", "发布审核中"
    PUBLISHED = "published", "已发布"
    REJECTED = "rejected", "发布未通过"
    CHANGE_AUDITING = "change_auditing", "变更审核中"
    CHANGE_REJECTED = "change_rejected", "变更未通过"


# States of a resource of which some version has been published.
PUBLIC = (PublishState.PUBLISHED, PublishState.CHANGE_AUDITING, PublishState.CHANGE_REJECTED)
IN_REVIEW = (PublishState.AUDITING, PublishState.CHANGE_AUDITING)


class OnlineState(TextChoices):
    NEVER = "never", "未上线"
    UP_AUDITING = "up_auditing", "上线审核中"
    ONLINE = "online", "已上线"
    DOWN_AUDITING = "down_auditing", "下线审核中"
    OFFLINE = "offline", "已下线"
    UP_REJECTED = "up_rejected", "上线未通过"
    DOWN_REJECTED = "down_rejected", "下线未通过"


# What waits to go offline, or may not, still serves.
SERVING = (OnlineState.ONLINE, OnlineState.DOWN_AUDITING, OnlineState.DOWN_REJECTED)


class VersionState(TextChoices):
    DRAFT = "draft", "草稿"
    REVIEW = "review", "审核中"
    PUBLISHED = "published", "已发布"


class ApplicationKind(TextChoices):
    PUBLISH = "publish", "发布"
    CHANGE = "change", "变更"
    ONLINE = "online", "上线"
    OFFLINE = "offline", "下线"


class DemandState(TextChoices):
    OPEN = "open", "办理中"
    MET = "met", "已满足"
    REFUSED = "refused", "不予提供"
    WITHDRAWN = "withdrawn", "已撤回"


class Door(TextChoices):
    """数据离开目录的门。"""

    INTERNAL = "internal", "平台内部"
    SHARE_UNCONDITIONAL = "share_unconditional", "无条件共享"
    SHARE_GRANTED = "share_granted", "授权共享"
    OPEN = "open", "社会开放"


# An item nobody has graded yet counts as the highest level: nothing leaves by oversight.
UNGRADED = 4
# From this level on data lie encrypted (数据安全法第二十一条、GB/T 39477-2020：按分级采取加密等措施).
SEALED_FROM = 3
# Door → (share types, open types, highest level) that may pass; an empty tuple asks nothing.
PASSES: dict[str, tuple[tuple[str, ...], tuple[str, ...], int]] = {
    Door.INTERNAL: ((), (), 4),
    Door.SHARE_UNCONDITIONAL: ((ShareType.UNCONDITIONAL,), (), 2),
    Door.SHARE_GRANTED: ((ShareType.UNCONDITIONAL, ShareType.CONDITIONAL), (), 3),
    Door.OPEN: ((ShareType.UNCONDITIONAL, ShareType.CONDITIONAL), (OpenType.UNCONDITIONAL,), 1),
}


@dataclass(frozen=True)
class ItemSpec:
    """信息项。`name` is the field's English name, unique in the resource; `length` in characters, 0 unknown."""

    name: str
    title: str
    data_type: str = DataType.TEXT
    length: int = 0
    is_key: bool = False
    is_timestamp: bool = False
    nullable: bool = True
    share_type: str = ShareType.CONDITIONAL
    share_condition: str = ""
    share_basis: str = ""
    open_type: str = OpenType.WITHHELD
    open_condition: str = ""
    standard: str = ""
    code_table: str = ""
    source_level: str = SourceLevel.OWN
    is_sensitive: bool = False
    is_secret: bool = False


@dataclass(frozen=True)
class Description:
    """核心元数据与扩展项，不含由平台给出的代码、提供方和由信息项汇总的共享、开放类型。"""

    name: str
    category: str
    abstract: str
    format: str = Format.SPREADSHEET
    theme: str = ""
    share_method: str = ShareMethod.SYSTEM
    cycle: str = Cycle.MONTH
    coverage: str = Coverage.DISTRICT
    subjects: tuple[str, ...] = ()
    gathering: str = Gathering.FULL
    source_system: str = ""
    matters: str = ""
    related: tuple[str, ...] = ()
    is_secret: bool = False


@dataclass(frozen=True)
class Content:
    """What a version says: the whole of a catalogue entry as its department hands it in."""

    description: Description
    items: tuple[ItemSpec, ...] = field(default=())


SEVERAL = "、".join(Subject.labels) + "，可多填，用顿号分开"
# The fields of forms, template, import and comparison, in the order of the guide.
DESCRIPTION_FIELDS = (
    Field("name", "资源名称", required=True),
    Field("category", "分类代码", help="到目（6 位）或细目；留空用本部门的目。登记后写进资源代码，不能再改"),
    Field("abstract", "摘要", "long_text", required=True, help="说明内容、来源和统计口径"),
    Field("format", "格式", "choice", choices=tuple(Format.choices)),
    Field("theme", "所属主题", help="主题类（2 开头）的分类代码"),
    Field("share_method", "共享方式", "choice", choices=tuple(ShareMethod.choices), help="优先系统对接、联机查询等在线方式"),
    Field("cycle", "更新周期", "choice", choices=tuple(Cycle.choices)),
    Field("coverage", "数据范围", "choice", choices=tuple(Coverage.choices)),
    Field("subjects", "涉及要素", help=SEVERAL),
    Field("gathering", "归集机制", "choice", choices=tuple(Gathering.choices)),
    Field("source_system", "来源系统"),
    Field("matters", "所属事项"),
    Field("related", "关联资源代码", help="可多填，用顿号分开"),
    Field("is_secret", "涉密", "boolean", help="涉及国家秘密的不得录入本平台"),
)  # fmt: skip
ITEM_FIELDS = (
    Field("title", "信息项名称", required=True),
    Field("name", "英文名称", required=True, help="字母开头，只含字母、数字、下划线；表内不重复"),
    Field("data_type", "数据类型", "choice", choices=tuple(DataType.choices)),
    Field("length", "长度", "integer"),
    Field("is_key", "主键", "boolean"),
    Field("is_timestamp", "时间戳", "boolean"),
    Field("nullable", "可为空", "boolean"),
    Field("share_type", "共享类型", "choice", choices=tuple(ShareType.choices)),
    Field("share_condition", "共享条件", help="有条件共享的必填"),
    Field("share_basis", "不予共享依据", help="不予共享的必填：法律、行政法规或国家规定的名称和条款"),
    Field("open_type", "开放类型", "choice", choices=tuple(OpenType.choices)),
    Field("open_condition", "开放条件", help="有条件开放的必填"),
    Field("standard", "数据标准"),
    Field("code_table", "码表"),
    Field("source_level", "来源系统分级", "choice", choices=tuple(SourceLevel.choices)),
    Field("is_sensitive", "敏感", "boolean"),
    Field("is_secret", "涉密项", "boolean", help="涉及国家秘密的不得录入本平台"),
)  # fmt: skip
SHEETS, JOINED_BY = ("信息资源", "信息项"), "资源序号"
SHEET_HEAD = (
    Field("sequence", JOINED_BY, required=True, help="表内自编，两张表用它对应"),
    Field("code", "资源代码", help="已登记的填写；新增的留空，由平台分配"),
    Field("provider", "提供方", help="机构名称或代码；留空为本单位"),
)
LABELS = {item.name: item.label for item in DESCRIPTION_FIELDS} | {"items": "信息项"}
ITEM_LABELS = {item.name: item.label for item in ITEM_FIELDS}

# 类、项 of the guide; 目 and 细目 are set up locally, those of 部门类 follow the departments.
STANDARD_CATEGORIES = {
    "1": "基础信息资源", "101": "人口", "102": "法人单位", "103": "自然资源和空间地理", "104": "社会信用", "105": "电子证照",
    "106": "宏观经济", "2": "主题信息资源", "201": "公共服务", "202": "健康保障", "203": "社会保障", "204": "食品药品安全",
    "205": "安全生产", "206": "价格监管", "207": "能源安全", "208": "信用体系", "209": "城乡建设", "210": "社区治理",
    "211": "生态环保", "212": "应急维稳", "213": "教育文化", "214": "交通运输", "215": "市场监管", "3": "部门信息资源",
    "301": "党委", "302": "人大", "303": "政协", "304": "监察与司法", "306": "政府部门", "307": "街道乡镇", "308": "群团与公共企事业",
}  # fmt: skip
