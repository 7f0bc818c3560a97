"""敏感数据识别：由列名和抽样值各自举证，再合成。纯函数，不读写数据库。"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from yiwang.kernel.lake import functions
from yiwang.standards.sensitive import SensitiveKind

# What a column is called. The first part decides, the second takes it back: 单位名称 is no person's name.
NAMES: tuple[tuple[SensitiveKind, str, str], ...] = (
    (SensitiveKind.DOCUMENT, r"护照|军官证|士兵证|警官证|港澳|台胞|通行证|驾驶证(号|编号)|passport", r"类型|类别|种类|有效期|机关|type|kind|status"),
    (SensitiveKind.ID_NUMBER, r"身份证|公民身份|证件号|社保(卡|号)|社会保障号|居住证|id_?(card|number|no)|identity|sfzh?",
     r"类型|类别|种类|有效期|机关|type|kind|status"),
    (SensitiveKind.PHONE, r"手机|电话|联系方式|移动号码|mobile|phone|(^|_)tel(_|$)", r"类型|次数|时长|type|count"),
    (SensitiveKind.EMAIL, r"邮箱|电子邮件|e-?mail", r"类型|type"),
    (SensitiveKind.BANK_CARD, r"银行卡|储蓄卡|信用卡|卡号|bank_?card|card_?(no|number)", r"类型|银行名|开户行|type|bank_name"),
    (SensitiveKind.ACCOUNT, r"银行账|账号|账户|bank_?account|account_?(no|number)", r"类型|银行名|开户行|type|bank_name"),
    (SensitiveKind.ADDRESS, r"住址|家庭地址|户籍地址|居住地|通讯地址|联系地址|现住|门牌|home_?address|residen|(^|_)addr(ess)?(_|$)",
     r"代码|邮编|区划|code|zip"),
    (SensitiveKind.PLATE, r"车牌|号牌号码|plate", r"类型|颜色|type|colou?r"),
    (SensitiveKind.BIRTHDAY, r"出生(日期|年月|时间)?|生日|birth", r"地|医学|证|place"),
    (SensitiveKind.LOCATION, r"轨迹|定位|经纬度|行程|上车|下车|住宿|入住|checkin|track|(^|_)gps(_|$)|trajectory", r"单位|企业"),
    (SensitiveKind.HEALTH, r"病|诊断|处方|病历|体检|残疾|孕|血型|疫苗|医嘱|健康|传染|用药|diagnos|disease|disab|blood|health",
     r"机构|医院|科室|病床|数量|费用合计|hospital"),
    (SensitiveKind.BIOMETRIC, r"人脸|指纹|虹膜|声纹|掌纹|基因|面部|face_?(id|image|feature)|finger|iris|dna", r"设备|算法|型号|device"),
    (SensitiveKind.BELIEF, r"宗教|信仰|教派|religio", r"场所|活动|团体|place"),
    (SensitiveKind.STATUS, r"低保|特困|吸毒|戒毒|矫正|刑|犯罪|前科|信访人|失信|优抚|退役|涉案|criminal|convict", r"政策|标准|机构|数量|金额标准"),
    (SensitiveKind.MINOR, r"未成年|儿童|学生|幼儿|监护|学籍|minor|child|pupil|guardian", r"人数|数量|学校名|班级数|机构|count"),
    (SensitiveKind.FINANCE, r"工资|收入|存款|资产|贷款|缴费(基数|金额)|公积金|纳税额|房产价|补贴金额|salary|income|wage|deposit|loan", r"类型|合计|总额|预算|项目|total"),
    (SensitiveKind.NAME, r"姓名|人名|户主|当事人|申请人|联系人|法定代表人|负责人|配偶|父亲|母亲|持证人|经办人|(^|_)(full|real|person|holder|contact)_?name|xingming|(^|_)xm(_|$)",
     r"单位|企业|公司|机构|项目|类型|学校|电话|号码|身份证|证件|手机|关系|地址|数|company|organi[sz]ation"),
    # Where somebody works or learns. An enterprise's own name is public (企业信息公示暂行条例), so it is not here.
    (SensitiveKind.ORGANISATION, r"(工作|就业|任职|所在|参保|供职|用人)单位|就读(学校|院校)|雇主|employer", r"性质|类型|类别|地址|电话|代码|数|type"),
)  # fmt: skip
# The code of the unit in which somebody works: only beside such a unit, see `detect_all`.
UNIT_CODE = r"统一社会信用代码|社会信用代码|信用代码|uscc|credit_?code"
# Columns in which officers write whole sentences, and how long and how different these are then.
SENTENCES = r"备注|说明|情况|内容|描述|事由|经过|意见|诉求|记录|remark|memo|comment|descri|content|statement"
LONG, VARIED = 15, 0.8
ENOUGH = 20  # values; fewer prove little
# kind, function of the library, share of the filled values that must pass, whether alone it proves the kind.
VALUES: tuple[tuple[SensitiveKind, str, float, bool], ...] = (
    (SensitiveKind.ID_NUMBER, "cn_id_ok", 0.6, True),
    (SensitiveKind.DOCUMENT, "passport_ok", 0.8, False),
    (SensitiveKind.PHONE, "mobile_ok", 0.6, True),
    (SensitiveKind.EMAIL, "email_ok", 0.6, True),
    (SensitiveKind.PLATE, "plate_ok", 0.6, True),
    (SensitiveKind.BANK_CARD, "bank_card_ok", 0.7, True),
    (SensitiveKind.NAME, "person_name_ok", 0.8, False),
)
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵周吴徐孙马胡朱郭何罗高林郑梁谢唐许冯宋韩邓彭曹曾田萧潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤康易乔赖牛庄欧司诸"
)
_ADDRESS = re.compile(
    r"(?:路|街|巷|弄|道|村|屯|组|小区|花园|公寓|大厦|苑|里).{0,12}?\d+\s*(?:号|栋|幢|单元|室|楼|组|户)|\d+(?:栋|幢|单元|室)"
)
_BIRTH_RANGE = re.compile(r"(?:19[2-9]\d|20[0-2]\d)[-/.年]?(?:0?[1-9]|1[0-2])[-/.月]?(?:0?[1-9]|[12]\d|3[01])日?")
_INSIDE = re.compile(r"(?<!\d)(?:\d{17}[\dXx]|1[3-9]\d{9})(?!\d)")


@dataclass(frozen=True)
class Sampled:
    """A column with values as text. `table_name` helps where a column's own name says little (学生表的“地址”)."""

    name: str
    title: str
    values: Sequence[str | None]


@dataclass(frozen=True)
class Evidence:
    """One reason; `source` is name or values. share: of `filled` values that show the kind, None for a name."""

    source: str
    sentence: str
    share: float | None = None
    filled: int = 0


@dataclass(frozen=True)
class Detected:
    """kind "" when nothing was found. confidence 0..1."""

    name: str
    kind: str
    confidence: float
    evidence: tuple[Evidence, ...] = field(default=())


def by_name(name: str, title: str) -> tuple[SensitiveKind, Evidence] | None:
    """The kind that the Chinese title, else the English name, speaks of."""
    for text, what in ((title, "名称"), (name, "英文名称")):
        for kind, wanted, unwanted in NAMES:
            found = re.search(wanted, text, re.IGNORECASE)
            if found and not re.search(unwanted, text, re.IGNORECASE):
                return kind, Evidence("name", f"{what}“{text}”含“{found[0]}”，通常是{kind.label}")
    return None


def _name_like(text: str) -> bool:
    return 2 <= len(text) <= 4 and text[0] in _SURNAMES and bool(_call("person_name_ok", text))


def _call(function: str, text: str) -> bool:
    found = functions.named(function)
    if found is None:
        raise LookupError(f"the library has no function {function}")
    return found(text) is True


def _tests() -> Iterable[tuple[SensitiveKind, str, Callable[[str], bool], float, bool]]:
    for kind, function, needed, alone in VALUES:
        if kind == SensitiveKind.NAME:
            yield kind, "汉语姓名的样子", _name_like, needed, alone
        else:
            described = functions.named(function)
            label = described.doc.removeprefix("是否").rstrip("。") if described else function
            yield kind, label, partial(_call, function), needed, alone
    yield SensitiveKind.ADDRESS, "道路门牌的写法", lambda text: _ADDRESS.search(text) is not None, 0.5, True
    yield (
        SensitiveKind.BIRTHDAY,
        "日期的样子",
        lambda text: _BIRTH_RANGE.fullmatch(text[:11].strip()) is not None,
        0.8,
        False,
    )


def by_values(values: Sequence[str | None]) -> list[tuple[SensitiveKind, Evidence, bool]]:
    """Kinds that the values show, strongest share first; the last part: whether the values alone prove it."""
    filled = [text for value in values if value is not None and (text := str(value).strip())]
    if len(filled) < ENOUGH:
        return []
    found = []
    for kind, label, test, needed, alone in _tests():
        share = sum(map(test, filled)) / len(filled)
        if share >= needed:
            sentence = f"抽样 {len(filled)} 个非空值中 {share:.0%} 是{label}"
            found.append((kind, Evidence("values", sentence, share, len(filled)), alone))
    inside = sum(_INSIDE.search(text) is not None for text in filled) / len(filled)
    if not found and inside >= 0.05:
        sentence = f"抽样 {len(filled)} 个非空值中 {inside:.0%} 夹有证件或手机号码"
        found.append((SensitiveKind.ID_NUMBER, Evidence("values", sentence, inside, len(filled)), True))
    return sorted(found, key=lambda each: -(each[1].share or 0))


def detect(column: Sampled) -> Detected:
    """Name and values together: both agree 0.95 and more, values alone 0.85, the name alone 0.6 (0.3 against values)."""
    named, shown = by_name(column.name, column.title), by_values(column.values)
    if named is not None:
        kind, evidence = named
        same = next((each for each in shown if each[0] == kind), None)
        if same is not None:
            return Detected(column.name, kind, 0.95 + 0.05 * (same[1].share or 0), (evidence, same[1]))
        proven = next((each for each in shown if each[2]), None)
        if proven is not None:
            return Detected(column.name, proven[0], 0.85, (proven[1], evidence))
        tried = [each for each in _tests() if each[0] == kind]
        filled = sum(1 for value in column.values if value is not None and str(value).strip())
        doubtful = bool(tried) and filled >= ENOUGH and kind not in (SensitiveKind.NAME, SensitiveKind.ADDRESS)
        against = (
            (Evidence("values", f"但抽样的 {filled} 个非空值都不是{kind.label}的样子", 0.0, filled),)
            if doubtful
            else ()
        )
        return Detected(column.name, kind, 0.3 if doubtful else 0.6, (evidence, *against))
    proven = next((each for each in shown if each[2]), None)
    if proven is not None:
        return Detected(column.name, proven[0], 0.85, (proven[1],))
    return _sentences(column)


def _sentences(column: Sampled) -> Detected:
    """Free text: nobody can say whom it names, so it is told by its length, not by what stands in it."""
    filled = [text for value in column.values if value is not None and (text := str(value).strip())]
    called = re.search(SENTENCES, column.title, re.IGNORECASE) or re.search(SENTENCES, column.name, re.IGNORECASE)
    if called is None or len(filled) < ENOUGH:
        return Detected(column.name, "", 0.0)
    length, varied = sum(map(len, filled)) / len(filled), len(set(filled)) / len(filled)
    if length < LONG or varied < VARIED:
        return Detected(column.name, "", 0.0)
    said = f"名称含“{called[0]}”，抽样 {len(filled)} 个非空值平均 {length:.0f} 字、{varied:.0%} 各不相同，可能写有任何人的信息"
    return Detected(column.name, SensitiveKind.TEXT, 0.7, (Evidence("values", said, varied, len(filled)),))


def detect_all(columns: Iterable[Sampled]) -> list[Detected]:
    """Each column, then what only its neighbours explain: the code of a unit that stands beside the person's unit."""
    given = list(columns)
    found = [detect(column) for column in given]
    if not any(each.kind == SensitiveKind.ORGANISATION for each in found):
        return found
    return [_unit_code(column) if not each.kind else each for column, each in zip(given, found, strict=True)]


def _unit_code(column: Sampled) -> Detected:
    called = re.search(UNIT_CODE, f"{column.title} {column.name}", re.IGNORECASE)
    if called is None:
        return Detected(column.name, "", 0.0)
    said = f"名称含“{called[0]}”，同一资源里有本人所在单位，代码指明了那个单位"
    return Detected(column.name, SensitiveKind.USCC, 0.6, (Evidence("name", said),))


def kinds(found: Iterable[Detected], at_least: float = 0.5) -> Mapping[str, Any]:
    """Column → kind of those that are sure enough to propose."""
    return {each.name: each.kind for each in found if each.kind and each.confidence >= at_least}
