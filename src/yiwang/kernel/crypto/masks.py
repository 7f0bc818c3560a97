"""Masks of personal data (GB/T 35273-2020 §7.2, 个人信息保护法 51; DB34/T 4631.2-2023 掩码, 泛化): what is shown to who may
not see the full value. Pages, exports, pushed tables, files and the gateway all call `in_form`, so no two doors differ.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

_PAIRS = (
    "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政濮阳公冶太叔申屠公孙慕容"
    "仲孙钟离长孙宇文司徒鲜于司空闾丘子车亓官司寇巫马公西颛孙壤驷公良漆雕乐正宰父谷梁拓跋夹谷轩辕令狐"
    "段干百里呼延东郭南门羊舌微生公户公玉梁丘左丘东门西门第五完颜纳兰"
)
COMPOUND_SURNAMES = {_PAIRS[at : at + 2] for at in range(0, len(_PAIRS), 2)} | {"爱新觉罗", "叶赫那拉"}
SEPARATORS = "·•・‧．."
STARS = "****"
DIVISION = re.compile(
    r"[^\d\s,，]{1,12}?(?:特别行政区|自治区|自治州|自治县|自治旗|地区|街道|(?<!城)市|省|盟|州(?!市)|县|旗|乡|(?<![乡城])镇"
    r"|(?<![小社园景校厂库片山林住宅])区)(?!场)"
)


def _surname(name: str) -> str:
    longest = next((name[:size] for size in (4, 2) if len(name) > size and name[:size] in COMPOUND_SURNAMES), "")
    return longest or name[:1]


def _name(text: str) -> str:
    """张三 → 张*; 欧阳小明 → 欧阳**; 买买提·艾力 → 买**·**; John Smith → J*** S****."""
    if len(text) <= 1:
        return "*"
    parts = re.split(rf"([{re.escape(SEPARATORS)}\s]+)", text)
    if len(parts) == 1:
        if text.isascii():
            return text[0] + "*" * (len(text) - 1)
        kept = _surname(text)
        return kept + "*" * (len(text) - len(kept))
    latin = text.isascii()
    shown = [
        part if index % 2 else (part[:1] + "*" * (len(part) - 1) if latin or index == 0 else "*" * len(part))
        for index, part in enumerate(parts)
    ]
    masked = "".join(shown)
    return masked if "*" in masked else "*" * len(text)


def _phone(text: str) -> str:
    """13812345678 → 138****5678; 0772-2812345 → 0772-****345; with +86 and an extension likewise."""
    digits = re.sub(r"\D", "", text)
    mobile = re.fullmatch(r"(?:00)?(?:86)?(1[3-9]\d)\d{4}(\d{4})", digits)
    if mobile:
        return f"{mobile[1]}{STARS}{mobile[2]}"
    landline = re.fullmatch(
        r"\s*(?:\+?86[- ]?)?\(?(0\d{2,3})[)\- ]?\s*\d{4,5}(\d{3})\s*(?:(?:[-转#x]|ext\.?)\s*\d+)?\s*", text
    )
    if landline:
        return f"{landline[1]}-{STARS}{landline[2]}"
    return STARS + digits[-3:] if len(digits) >= 7 else STARS


def _id_number(text: str) -> str:
    """The division code and the last four (18 digits) or three (15) stay; the birthday never does."""
    if re.fullmatch(r"\d{17}[\dXx]", text):
        return text[:6] + "*" * 8 + text[-4:]
    if re.fullmatch(r"\d{15}", text):
        return text[:6] + "*" * 6 + text[-3:]
    return text[:1] + STARS + text[-2:] if len(text) >= 8 else STARS


def _address(text: str) -> str:
    """Stays down to the street office or township: 广西柳州市柳北区胜利路12号 → 广西柳州市柳北区****."""
    end = 0
    while found := DIVISION.match(text, end):
        end = found.end()
    return text[:end] + STARS


def _account(text: str) -> str:
    """Bank and login accounts: the last four of long numbers, the first letter and the host of an e-mail address."""
    local, at, host = text.rpartition("@")
    if at and local and "." in host:
        return f"{local[0]}{STARS}@{host}"
    compact = re.sub(r"\s", "", text)
    if len(compact) >= 12:
        return STARS + compact[-4:]
    return compact[:1] + STARS if len(compact) > 3 else STARS


def _email(text: str) -> str:
    return _account(text) if "@" in text else STARS


def _bank_card(text: str) -> str:
    """The last four, as a receipt prints them."""
    digits = re.sub(r"[\s-]", "", text)
    return STARS + digits[-4:] if len(digits) >= 12 and digits.isdecimal() else STARS


def _document(text: str) -> str:
    """Passport, travel permit, officer's card: the first sign and the last two."""
    return text[:1] + STARS + text[-2:] if len(text) >= 8 else STARS


def _plate(text: str) -> str:
    """桂B12345 → 桂B****5: province and office stay."""
    return text[:2] + "*" * max(len(text) - 3, 3) + text[-1:] if len(text) >= 6 else STARS


def _year(text: str) -> str:
    """1990-01-31 → 1990年."""
    found = re.match(r"((?:19|20)\d{2})(?!\d{5})", text)
    return f"{found[1]}年" if found else STARS


def _uscc(text: str) -> str:
    """The office, the category and the division of a social credit code stay, and its last four."""
    return text[:8] + "*" * 6 + text[-4:] if re.fullmatch(r"[0-9A-Z]{18}", text) else STARS


def _organisation(text: str) -> str:
    """柳州市某某贸易有限公司 → 柳州市****有限公司: the division and the legal form stay."""
    form = re.search(
        r"(?:股份有限公司|有限责任公司|有限公司|合伙企业|事务所|合作社|个体工商户|分公司|公司|厂|店|学校|医院|协会)$",
        text,
    )
    kept = form[0] if form else ""
    return _address(text.removesuffix(kept)) + kept


# A band wide enough that one person is not recognised by the sum, narrow enough for a distribution.
TIMES = Decimal(10)


def _band(text: str) -> str:
    """8,500 → 1000～10000."""
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return STARS
    if not amount.is_finite() or not 0 <= amount < Decimal(10) ** 18:
        return STARS
    low = Decimal(1)
    while low * TIMES <= amount:
        low *= TIMES
    return "1 以下" if amount < 1 else f"{low:f}～{low * TIMES:f}"


def _place(text: str) -> str:
    """Degrees to one decimal, some ten kilometres: 109.41234,24.31234 → 109.4,24.3; a place in words as an address."""
    if re.fullmatch(r"\s*-?\d{1,3}(?:\.\d+)?(?:\s*[,，;\s]\s*-?\d{1,3}(?:\.\d+)?)?\s*", text):
        return ",".join(f"{whole}.{part[:1] or '0'}" for whole, part in re.findall(r"(-?\d{1,3})(?:\.(\d+))?", text))
    return _address(text)


def _length(text: str) -> str:
    """Free text may name anybody: nothing of it is shown but how long it is."""
    return f"（{len(text)} 字，不显示）"


def _division_and_year(text: str) -> str:
    found = re.fullmatch(r"(\d{6})(\d{4})\d{7}[\dXx]", text)
    return f"{found[1]}（{found[2]}年生）" if found else STARS


KINDS: dict[str, Callable[[str], str]] = {
    "name": _name, "phone": _phone, "id_number": _id_number, "address": _address, "account": _account, "email": _email,
    "bank_card": _bank_card, "document": _document, "plate": _plate, "birthday": _year, "uscc": _uscc,
    "organisation": _organisation, "finance": _band, "location": _place, "text": _length,
}  # fmt: skip
# Coarser values (泛化), of the kinds that have them.
COARSE: dict[str, Callable[[str], str]] = {
    "birthday": _year, "id_number": _division_and_year, "finance": _band, "location": _place,
    "address": lambda text: _address(text).removesuffix(STARS) or STARS,
}  # fmt: skip
FORMS = {**KINDS, **{f"{kind}_coarse": form for kind, form in COARSE.items()}}


def mask(kind: str, text: str | None) -> str:
    """The masked form; an empty value stays empty, an unknown kind is a programming error."""
    value = (text or "").strip()
    return KINDS[kind](value) if value else ""


def in_form(form: str, text: str) -> str:
    """A value in one of the FORMS; a form that nobody knows shows nothing of it."""
    value = text.strip()
    return (FORMS[form](value) if form in FORMS else STARS) if value else ""


_IN_TEXT = (
    (re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)"), "id_number"),
    (re.compile(r"(?<!\d)1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"), "phone"),
    (re.compile(r"(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)"), "phone"),
    (re.compile(r"(?<!\d)\d{16,19}(?!\d)"), "account"),
)


def mask_text(text: str) -> str:
    """Free text with identity, telephone and bank card numbers masked; the rest stays as written."""
    for pattern, kind in _IN_TEXT:
        text = pattern.sub(lambda found, kind=kind: mask(kind, found[0]), text)  # type: ignore[misc]
    return text
