"""敏感数据的类别：目录按它标注信息项，数据安全按它识别、定级和脱敏。"""

from django.db.models import TextChoices


class SensitiveKind(TextChoices):
    """敏感类别。有掩码的与平台的掩码同名；没有的一律不显示。"""

    NAME = "name", "姓名"
    ID_NUMBER = "id_number", "证件号码"
    PHONE = "phone", "电话号码"
    ADDRESS = "address", "地址"
    ACCOUNT = "account", "账号"
    EMAIL = "email", "电子邮箱"
    PLATE = "plate", "车牌号"
    BIRTHDAY = "birthday", "出生日期"
    LOCATION = "location", "行踪轨迹"
    HEALTH = "health", "医疗健康"
    BIOMETRIC = "biometric", "生物识别"
    BELIEF = "belief", "宗教信仰"
    STATUS = "status", "特定身份"
    MINOR = "minor", "未成年人"
    FINANCE = "finance", "财产收入"
    DOCUMENT = "document", "护照等其他证件"
    BANK_CARD = "bank_card", "银行卡号"
    ORGANISATION = "organisation", "单位名称"
    USCC = "uscc", "统一社会信用代码"
    TEXT = "text", "自由文本"
