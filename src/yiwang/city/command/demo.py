"""演示用事项词典。"""

from datetime import date

from yiwang.city.command import services
from yiwang.city.command.models import Edition
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of

# code, category, name, responsible, joint, by region, limit, keywords
MATTERS = (
    ("CJ0101", "城乡建设", "物业服务与小区管理", "HOUSING", (), True, 5, "物业、电梯、业主、维修资金、小区"),
    ("CJ0203", "城乡建设", "道路与市政设施维护", "HOUSING", ("URBAN",), False, 5, "路面、井盖、路灯、积水、坑洼"),
    ("CJ0305", "城乡建设", "违法建设查处", "URBAN", ("HOUSING",), False, 15, "违法搭建、违建、承重墙"),
    ("CJ0402", "城乡建设", "占道经营与市容环境", "URBAN", (), True, 3, "占道、摊贩、垃圾、烧烤、广告牌"),
    ("HB0102", "环境保护", "噪声与扬尘污染", "ECOLOGY", ("URBAN",), False, 5, "噪音、噪声、扬尘、施工、渣土"),
    ("HB0204", "环境保护", "水气污染与违法排放", "ECOLOGY", (), False, 15, "偷排、污水、刺鼻、废气、异味"),
    ("LD0101", "劳动和社会保障", "欠薪与劳动权益", "LABOUR", (), False, 15, "工资、欠薪、劳动合同、加班"),
    ("LD0203", "劳动和社会保障", "社会保险经办咨询", "LABOUR", (), False, 1, "社保、养老保险、失业、缴费、转移"),
    ("JY0101", "教育文体", "培训机构与学校收费", "EDUCATION", (), False, 5, "学费、补课、培训、退费"),
    ("JY0202", "教育文体", "入学与学籍咨询", "EDUCATION", (), False, 1, "入学、划片、学籍、随迁子女"),
    ("JT0101", "交通运输", "公交与出租车服务", "TRANSPORT", (), False, 5, "公交、出租车、拒载、甩站"),
    ("JT0203", "交通运输", "停车与站点设施", "TRANSPORT", ("URBAN",), False, 5, "停车、公交站、地锁、车位"),
    ("SM0102", "商贸旅游", "消费维权", "MARKET", (), False, 5, "过期、退款、会员卡、赔偿、办卡"),
    ("SM0201", "商贸旅游", "价格与旅游市场", "MARKET", ("CULTURE",), False, 5, "价格、旅游团、导游、购物"),
    ("WS0101", "卫生计生", "医疗服务与收费", "HEALTH", (), False, 5, "看病、医生、收费、挂号、卫生院"),
    ("WS0203", "卫生计生", "生育与防疫咨询", "HEALTH", (), False, 1, "疫苗、生育、津贴、接种、产假"),
)  # fmt: skip
CLOSING = "已查明事实并答复诉求人；属实的已整改或明确整改期限，不属实的说明依据"


def editor() -> Actor:
    return actor_of(Account.objects.get(username="dispatcher"))


def build() -> list[tuple[str, str, str]]:
    """One published edition, in force since the start of last year."""
    if Edition.objects.exists():
        return []
    actor = editor()
    organisations = {each.code: each for each in Organisation.objects.all()}
    edition = services.create_edition(actor, number="2025-1", name="示例区事项词典")
    for code, category, name, lead, joint, by_region, limit, keywords in MATTERS:
        services.save_matter(
            actor,
            edition,
            {"code": code, "category": category, "name": name, "responsible": organisations[lead], "by_region": by_region,
             "joint_names": "、".join(organisations[each].name for each in joint), "limit": limit, "unit": "working_day",
             "closing_condition": CLOSING, "keywords": keywords},
        )  # fmt: skip
    services.publish_edition(actor, edition, effective_from=date(2025, 1, 1))
    return []
