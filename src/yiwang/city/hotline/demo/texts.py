"""Generated wording for the demonstration city. Every sentence is invented; places and persons do not exist."""

import random
from dataclasses import dataclass

PLACES = ("望江街道", "青枫街道", "柳荫街道", "石桥街道", "南湖街道", "河西街道", "北辰街道", "东泉镇")
ESTATES = (
    "云栖花园",
    "锦绣家园",
    "桂语小区",
    "翠湖名邸",
    "向阳新村",
    "金桥公寓",
    "枫林苑",
    "滨江一号院",
    "学府里",
    "和安小区",
)
ROADS = ("解放路", "文昌路", "滨河大道", "青年路", "建设西路", "学院街", "环城北路", "枫林路", "工业大道", "迎宾路")
SHOPS = ("顺达超市", "美味轩饭店", "好又来烧烤", "优学培训中心", "康乐健身馆", "宏运旅行社", "一品鲜生鲜店", "佳佳家电")
FIRMS = ("恒信建筑公司", "远航物流公司", "新锐电子厂", "百川家具厂", "华丰纺织公司", "鼎盛装饰公司")
HOURS = ("凌晨一点", "晚上十点以后", "早上六点", "每天中午", "周末全天", "夜里两点")


@dataclass(frozen=True)
class Theme:
    """One kind of grievance: its matter code, kind, title and sentence patterns."""

    matter: str
    category: str
    kind: str
    titles: tuple[str, ...]
    bodies: tuple[str, ...]


THEMES: tuple[Theme, ...] = (
    Theme("CJ0101", "城乡建设", "complaint", ("{estate}物业长期不作为", "{estate}电梯频繁故障无人维修", "{estate}垃圾清运不及时"),
          ("{place}{estate}物业公司收费后长期不维护，{n}号楼电梯经常停运，老人上下楼困难，多次反映没有结果，请住建部门督促整改。",
           "我是{estate}业主，小区楼道灯坏了{n}个月，消防通道被占，物业推说没有维修资金，希望核查物业服务合同履行情况。")),
    Theme("CJ0203", "城乡建设", "complaint", ("{road}路面破损严重", "{road}下水井盖缺失", "{road}路灯不亮"),
          ("{place}{road}近{n}号路段路面坑洼，雨天积水，已有电动车摔倒，请尽快修补路面。",
           "{road}有{n}处井盖缺失，夜间路灯不亮，行人很危险，希望市政部门尽快修复。")),
    Theme("CJ0305", "城乡建设", "report", ("举报{estate}{n}号楼违法搭建", "{estate}有人私自破坏承重墙"),
          ("{place}{estate}{n}号楼顶层住户违法搭建阳光房，影响楼下采光和安全，请城管执法部门查处。",
           "{estate}{n}号楼有住户装修时砸承重墙，存在重大安全隐患，请立即到场制止。")),
    Theme("HB0102", "环境保护", "complaint", ("{firm}夜间施工噪音扰民", "{road}工地扬尘严重"),
          ("{firm}在{road}的工地{hour}仍在施工，噪音很大，周边{estate}居民无法休息，请生态环境部门查处。",
           "{place}{road}工地渣土裸露没有覆盖，扬尘漫天，窗户都不敢开，请督促落实降尘措施。")),
    Theme("HB0204", "环境保护", "report", ("{firm}偷排污水", "{firm}排放刺鼻气体"),
          ("举报{firm}{hour}向{place}附近河道偷排污水，水体发黑发臭，鱼都死了，请环保部门取样检测。",
           "{firm}生产车间{hour}排放刺鼻气体，{estate}的居民头晕恶心，请监测空气质量。")),
    Theme("LD0101", "劳动和社会保障", "complaint", ("{firm}拖欠工资{n}个月", "{firm}不签劳动合同"),
          ("我在{firm}上班，公司拖欠{m}名工人工资已{n}个月，一直推脱，请劳动监察部门帮助讨要工资。",
           "{firm}要求员工每天加班{m}小时不付加班费，也不签劳动合同，不缴社保，请查处。")),
    Theme("LD0203", "劳动和社会保障", "consultation", ("咨询灵活就业人员社保缴费", "咨询养老保险转移手续"),
          ("我是灵活就业人员，想问养老保险断缴{n}个月能不能补缴，需要什么材料，到哪里办理。",
           "从外地回来工作，想把养老保险和失业保险转到本市，请问怎么办理，多久能办好。")),
    Theme("JY0101", "教育文体", "complaint", ("{shop}预付学费后停课不退", "反映学校违规补课"),
          ("孩子在{shop}交了{m}节课的学费，只上了{n}节就停课，老师也联系不上，要求退费，请教育部门处理。",
           "{place}一所学校周末组织有偿补课，每科收费，家长意见很大，请教育局核查。")),
    Theme("JY0202", "教育文体", "consultation", ("咨询{place}小学入学片区", "咨询随迁子女入学条件"),
          ("我家住{place}{estate}，孩子今年九月上小学，请问划片到哪所学校，报名要带哪些证件。",
           "外来务工人员子女在本区读初中需要什么条件，居住证满{n}个月可以吗。")),
    Theme("JT0101", "交通运输", "complaint", ("{n}路公交车经常不准点", "出租车在{road}拒载"),
          ("{n}路公交车{hour}经常等半个小时不来，司机还甩站，上班迟到好几次，希望加密班次。",
           "在{road}打车，出租车司机听说目的地近就拒载，态度恶劣，请交通部门处理。")),
    Theme("JT0203", "交通运输", "help", ("建议{road}增设公交站", "{road}停车位被私人占用"),
          ("{place}{road}到{estate}之间{m}百米没有公交站，老人出行不便，希望增设站点。",
           "{road}的公共停车位被人用地锁私占，导致车辆乱停，道路拥堵，请交通部门清理。")),
    Theme("SM0102", "商贸旅游", "complaint", ("{shop}销售过期食品", "{shop}办卡后拒绝退款"),
          ("在{shop}买到过期{n}天的食品，商家拒绝赔偿，请市场监管部门查处并协调退赔。",
           "在{shop}办了会员卡充值{m}百元，现在门店关门，要求退款一直不理，请帮助维权。")),
    Theme("SM0201", "商贸旅游", "complaint", ("{shop}低价团强制购物", "{shop}价格欺诈"),
          ("参加{shop}组织的旅游团，导游强制进店购物{n}次，不买就辱骂游客，请文旅部门处理。",
           "{shop}标价与结账价格不一致，多收{m}元，属于价格欺诈，请查处。")),
    Theme("WS0101", "卫生计生", "complaint", ("{place}卫生院收费不透明", "反映医院挂号难"),
          ("在{place}卫生院看病，收费项目没有明细，多收{m}元检查费，医生态度差，请卫健部门核实。",
           "区医院专家号每天只放{n}个，网上根本抢不到，老人看病太难，希望改进。")),
    Theme("WS0203", "卫生计生", "consultation", ("咨询生育津贴申领", "咨询疫苗接种时间"),
          ("请问二孩生育登记需要什么材料，生育津贴多久到账，产假多少天。",
           "孩子{n}个月了，想问{place}社区医院什么时候可以接种疫苗，需要提前预约吗。")),
)  # fmt: skip

PRAISE = ("感谢{place}工作人员耐心帮助老人办理手续。", "{road}路灯当天就修好了，点赞。")

REPLIES = (
    "经{unit}现场核查，您反映的问题属实。已于当日责令责任方停止相关行为，{n}日内完成整改；整改完成后我单位复查合格。如有疑问可与经办人联系。",
    "经{unit}调查：情况部分属实。已约谈当事单位负责人并下达整改通知书，要求{n}个工作日内整改到位，我单位将持续跟踪。",
    "您好，关于您咨询的事项，按现行规定，需携带身份证、户口簿及相关证明到区政务服务中心窗口办理，办理时限{n}个工作日，也可网上申请。",
    "经{unit}核实，该处问题由施工破损造成，已安排养护队伍于{n}日内修复完毕，并加强日常巡查。感谢您的监督。",
)
EMPTY_REPLIES = ("您好，您反映的问题已收悉，已转相关部门办理。", "已收悉，感谢您的关注。")


def fill(pattern: str, random_source: random.Random) -> str:
    return pattern.format(
        place=random_source.choice(PLACES),
        estate=random_source.choice(ESTATES),
        road=random_source.choice(ROADS),
        shop=random_source.choice(SHOPS),
        firm=random_source.choice(FIRMS),
        hour=random_source.choice(HOURS),
        n=random_source.randint(2, 28),
        m=random_source.randint(2, 60),
        unit="我单位",
    )


def message(random_source: random.Random, theme: Theme | None = None) -> tuple[Theme, str, str]:
    """(theme, title, body) of one invented grievance; the body names a subdistrict so that the tally by place works."""
    chosen = theme or random_source.choice(THEMES)
    title = fill(random_source.choice(chosen.titles), random_source)
    body = fill(random_source.choice(chosen.bodies), random_source)
    if not any(place in body for place in PLACES):
        body = f"{random_source.choice(PLACES)}居民反映：{body}"
    return chosen, title, body
