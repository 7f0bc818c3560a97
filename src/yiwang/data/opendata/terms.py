"""数据开放的选项。"""

from django.db.models import TextChoices

CLERK, REVIEWER, SERVICE = "opendata.clerk", "opendata.reviewer", "opendata.service"
BASIS = "《促进大数据发展行动纲要》（国发〔2015〕50号）、中网办发文〔2017〕24号公共信息资源开放"
MOST_ROWS = 100_000  # rows of a data set that can be queried; larger ones are downloaded
# What a sealed value belongs to.
ADDRESS, TOKEN = "opendata.subscription.address", "opendata.subscription.token"
CONTACT = "opendata.feedback.contact"


class Topic(TextChoices):
    """开放领域：国发〔2015〕50号列举的优先开放领域，其余归综合。"""

    CREDIT = "credit", "信用"
    TRANSPORT = "transport", "交通"
    HEALTH = "health", "医疗卫生"
    JOBS = "jobs", "就业社保"
    GEOGRAPHY = "geography", "地理"
    CULTURE = "culture", "文化"
    EDUCATION = "education", "教育"
    SCIENCE = "science", "科技"
    RESOURCES = "resources", "资源"
    FARMING = "farming", "农业"
    ENVIRONMENT = "environment", "环境"
    SAFETY = "safety", "安监"
    FINANCE = "finance", "金融"
    QUALITY = "quality", "质量"
    STATISTICS = "statistics", "统计"
    WEATHER = "weather", "气象"
    ENTERPRISE = "enterprise", "企业登记监管"
    GENERAL = "general", "综合"


class Licence(TextChoices):
    ATTRIBUTION = "cc-by-4.0", "知识共享 署名 4.0"
    WAIVED = "cc0-1.0", "知识共享 公有领域 CC0 1.0"


LICENCE_URLS = {
    Licence.ATTRIBUTION: "https://creativecommons.org/licenses/by/4.0/",
    Licence.WAIVED: "https://creativecommons.org/publicdomain/zero/1.0/",
}


class State(TextChoices):
    REVIEW = "review", "审核中"
    OPEN = "open", "已开放"
    REFUSED = "refused", "未通过"
    WITHDRAWN = "withdrawn", "已撤下"


class Format(TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"
    JSON = "json", "JSON"


MEDIA = {
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.JSON: "application/json",
}


class Door(TextChoices):
    """公众从哪里来取。"""

    PAGE = "page", "网页浏览"
    DOWNLOAD = "download", "下载"
    API = "api", "接口"
    FEED = "feed", "目录供稿"


class FeedbackKind(TextChoices):
    OPINION = "opinion", "意见建议"
    CORRECTION = "correction", "数据纠错"
    WANTED = "wanted", "开放需求"


class SubscriptionState(TextChoices):
    PENDING = "pending", "待确认"
    ACTIVE = "active", "已订阅"
    ENDED = "ended", "已退订"


# Update cycles of the catalogue: what the public reads, and the EU frequency code that DCAT uses.
CYCLES = {
    "real_time": ("实时", "CONT"), "day": ("每日", "DAILY"), "week": ("每周", "WEEKLY"), "month": ("每月", "MONTHLY"),
    "quarter": ("每季度", "QUARTERLY"), "half_year": ("每半年", "ANNUAL_2"), "year": ("每年", "ANNUAL"),
    "irregular": ("不定时", "IRREG"), "other": ("其他", "OTHER"),
}  # fmt: skip
# Types of items as the public reads them.
TYPES = {
    "text": "文本", "integer": "整数", "decimal": "数值", "date": "日期", "timestamp": "日期时间", "boolean": "是／否",
}  # fmt: skip
