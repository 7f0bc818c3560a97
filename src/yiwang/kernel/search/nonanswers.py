"""Replies without substance: every clause is a courtesy, a receipt, a hand-over or a promise. Precision first."""

import re
from dataclasses import dataclass

from yiwang.kernel.search.text import normalise

_ACT = (
    "(?:进行|予以|依法|认真|及时|尽快|迅速|负责|调查|核查|核实|核处|查处|处理|处置|办理|办复|答复|反馈|回复|关注"
    "|落实|研究|跟进|[、并])"
)
_THING = "(?:问题|情况|事项|诉求|意见|建议|留言|来信|信件|内容|投诉|事宜|帖文|来帖|帖子)"
_WHAT = f"(?:所|的|中){{0,2}}(?:(?:反映|咨询|提出|投诉|举报|建议|求助|上述|相关|有关|帖文|中|的){{0,4}}{_THING})"
_YOU = "(?:关于|对于|对|针对|就)?(?:您|你|网友|市民|群众)?(?:在|通过)?(?:平台)?(?:《[^》]{1,12}》)?"
_WHO = "(?:我们|我办|我局|我处|我单位|本单位)?"
_HAND = "(?:发函)?[转交移批][转交办送达至由]{0,3}"
_DONE = f"(?:{_WHO}(?:现|已经|均已|已|并|正在|正|及时|迅速|立即|第一时间|将|会|后){{0,5}})"
# Between hand-over and act an organ may be named; a result may not, hence no 已, 完, 好, 了 inside.
_UNIT = (
    "(?:局|委|办|部|部门|单位|科室|中心|公司|政府|街道|办事处|镇|乡|区|县|市|队|所|站|院|校|会|处|社区|村|指挥部"
    "|办公室|部门和单位|单位和部门)"
)
_ORGAN = rf"(?:给|到|至|由|予)?(?:[\w、]{{0,24}}{_UNIT}{_ACT}{{0,8}}|[^\W已完好了]{{2,20}}?{_ACT}{{1,8}})"
_REPORT = (
    "(?:如有|待有|一有|处理|调查|办理|核实|相关|有关|新的|后续){0,4}(?:情况|结果|消息|进展|进度|回复)?(?:我们|我办)?"
    "(?:后|清楚后)?"
)
# Every repetition is bounded or unambiguous: a crafted reply must not slow the matching down.
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(f"^(?:{pattern})$"))
    for kind, pattern in (
        (
            "courtesy",
            r"[^已将请处理]{0,24}(?:您好|你好)|(?:尊敬的|亲爱的)?(?:网友|网民|市民|uu\d+|a\d{5,}){1,3}|多谢.{0,8}|特此(?:回复|答复)",
        ),
        ("courtesy", r"谢谢.{0,14}|感谢.{0,8}(?:关注|支持|监督|理解|来信|留言|问政|信任|反映)"),
        ("courtesy", r"(?:欢迎|祝|敬?请)您?.{0,10}(?:监督|愉快|顺心|谅解|关注|后续回复|留意|近期回复|等待|重复发帖)"),
        ("courtesy", r"现?(?:将有关情况|就有关问题|将?情况)?(?:回复|答复|反馈)(?:如下)?"),
        ("subject", rf"{_YOU}{_WHAT}|{_YOU}所?(?:反映|咨询|投诉)的?"),
        ("received", rf"(?:{_YOU}{_WHAT})?{_DONE}(?:收悉|收到|知悉|获悉|阅悉|登记)后?"),
        ("received", rf"(?:{_YOU}{_WHAT})?{_DONE}(?:收悉|收到){_DONE}{_HAND}{_ORGAN}"),
        ("forwarded", rf"(?:{_YOU}{_WHAT})?{_DONE}(?:将{_YOU}{_WHAT}{_DONE})?{_HAND}{_ORGAN}"),
        (
            "promise",
            rf"(?:{_YOU}{_WHAT}|此事)?(?:现|正在|将|抓紧|积极){{1,3}}(?:交办|办理|处理|调查|核[实查处]){{1,4}}之?中?",
        ),
        (
            "promise",
            rf"{_REPORT}(?:将|会|予以){{1,2}}(?:及时|尽快){{0,2}}(?:向您)?(?:反馈|回复|答复)(?:给您|发布上网)?",
        ),
    )
)
_CLAUSE = re.compile(r"[,,。.!!;;::?？\s\"“”'()()【】]+")
_DATE = re.compile(r"\d{2,4}\s*[年.\-/]\s*\d{1,2}\s*[月.\-/]\s*\d{1,2}\s*日?")
_LONGEST = 120


@dataclass(frozen=True)
class EmptyReply:
    """Why a reply is held to say nothing: the strongest kind, and each clause with its kind."""

    kind: str
    reason: str
    clauses: tuple[tuple[str, str], ...]


_REASONS = {
    "forwarded": "只说已转交他人,没有办理结果",
    "promise": "只说正在办理或将会反馈,没有办理结果",
    "received": "只说已收悉,没有办理内容",
    "subject": "只复述诉求,没有办理内容",
    "courtesy": "只有称呼、致谢或日期,没有内容",
    "blank": "没有文字",
}


def is_empty_reply(text: str) -> EmptyReply | None:
    """Evidence when nothing but formulas is left, else None; a person decides what follows."""
    body = _DATE.sub(" ", normalise(text).lower())
    clauses = [clause for clause in _CLAUSE.split(body) if clause]
    if sum(map(len, clauses)) > _LONGEST:
        return None
    kinds = [next((kind for kind, pattern in _KINDS if pattern.match(clause)), "") for clause in clauses]
    if not all(kinds):
        return None
    strongest = next((kind for kind in _REASONS if kind in kinds), "blank")
    return EmptyReply(strongest, _REASONS[strongest], tuple(zip(clauses, kinds, strict=True)))
