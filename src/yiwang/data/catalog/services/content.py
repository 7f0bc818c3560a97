"""目录内容：核对、汇总、摘要。纯函数，不读写数据库。"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from yiwang.data.catalog import terms
from yiwang.data.catalog.terms import Content, Description, ItemSpec, OpenType, ShareType
from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.crypto import sm3

SECRECY = "保守国家秘密法、密码法第7至8条：本平台只用于非涉密网络"
_MARK = re.compile(r"(绝密|机密|秘密)\s*[★☆*]")
_LAW = re.compile(r"《[^》]+》|(法|条例|规定|办法|决定)第[一二三四五六七八九十百零〇\d]+条")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_SEVERAL = re.compile(r"[、,，;；\s]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
CHOICES = {item.name: dict(item.choices) for item in (*terms.DESCRIPTION_FIELDS, *terms.ITEM_FIELDS) if item.choices}
LIMITS = {
    "name": 120, "abstract": 1000, "source_system": 100, "matters": 300, "title": 80, "share_condition": 300,
    "share_basis": 300, "open_condition": 300, "standard": 80, "code_table": 80,
}  # fmt: skip
MOST_ITEMS = 1000


@dataclass(frozen=True)
class Problem:
    """A wrong field; `position` is that of the item, None for the resource itself."""

    position: int | None
    field: str
    sentence: str


def problems(content: Content) -> list[Problem]:
    """Everything wrong with the content by itself, in reading order; nothing when it may be submitted."""
    found = [Problem(None, field, said) for field, said in _description(content.description)]
    if not content.items:
        found.append(Problem(None, "items", "至少要有一个信息项"))
    if len(content.items) > MOST_ITEMS:
        found.append(Problem(None, "items", f"信息项超过 {MOST_ITEMS} 个，请拆成几个资源"))
    seen: dict[str, set[str]] = {"name": set(), "title": set()}
    for position, item in enumerate(content.items):
        found += [Problem(position, field, said) for field, said in _item(item)]
        for field, known in seen.items():
            value = str(getattr(item, field)).lower()
            if value and value in known:
                found.append(Problem(position, field, "与前面的信息项重复"))
            known.add(value)
    return found


def _description(given: Description) -> Iterable[tuple[str, str]]:
    yield from _plain(asdict(given), ("name", "abstract", "category"))
    if given.theme and not given.theme.startswith(terms.Axis.THEME):
        yield "theme", "所属主题须选主题类（2 开头）的分类"
    if any(value not in terms.Subject.values for value in given.subjects):
        yield "subjects", f"只能填：{'、'.join(terms.Subject.labels)}"


def _item(given: ItemSpec) -> Iterable[tuple[str, str]]:
    yield from _plain(asdict(given), ("title", "name"))
    if given.name and not _FIELD.fullmatch(given.name):
        yield "name", "英文名称须以字母开头，只含字母、数字、下划线，不超过 60 字"
    if given.share_type == ShareType.CONDITIONAL and not given.share_condition:
        yield "share_condition", "有条件共享的须写明共享条件"
    if given.share_type == ShareType.WITHHELD and not _LAW.search(given.share_basis):
        yield "share_basis", "不予共享的须写明法律、行政法规或国家规定的名称和条款"
    if given.open_type == OpenType.CONDITIONAL and not given.open_condition:
        yield "open_condition", "有条件开放的须写明开放条件"
    if given.share_type == ShareType.WITHHELD and given.open_type != OpenType.WITHHELD:
        yield "open_type", "不予共享的信息项不能向社会开放"
    if given.is_key and given.nullable:
        yield "nullable", "主键不能为空，请把“可为空”改为否"
    if given.length < 0 or given.length > 1_000_000:
        yield "length", "长度须在 0 至 1000000 之间"


def _plain(values: Mapping[str, Any], needed: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    if values["is_secret"]:
        yield "is_secret", "涉及国家秘密的不得录入本平台，请走涉密渠道"
    for name, value in values.items():
        if name in needed and not str(value).strip():
            yield name, "必填"
        if name in CHOICES and value not in CHOICES[name]:
            yield name, f"只能填：{'、'.join(CHOICES[name].values())}"
        if not isinstance(value, str):
            continue
        if len(value) > LIMITS.get(name, 1000):
            yield name, f"不超过 {LIMITS.get(name, 1000)} 字"
        if _CONTROL.search(value):
            yield name, "含有不可见的控制字符，请重新输入"
        if _MARK.search(value):
            yield name, "出现密级标志。涉及国家秘密的不得录入本平台，请走涉密渠道"


def require_sound(content: Content, *, complete: bool = True) -> None:
    """Refuse content with a problem; what smells of state secrets is refused with the law. A draft may lack items."""
    found = [each for each in problems(content) if complete or content.items or each.field != "items"]
    if not found:
        return
    secret = next((each for each in found if "国家秘密" in each.sentence), None)
    if secret is not None:
        raise Refused(f"{_where(content, secret)}{secret.sentence}。内容没有保存。", rule=SECRECY, code="secret")
    lines = [f"{_where(content, each)}{each.sentence}" for each in found]
    errors: dict[str, list[str]] = {}
    for each, line in zip(found, lines, strict=True):
        errors.setdefault(each.field if each.position is None else f"items.{each.position}.{each.field}", []).append(
            line
        )
    more = f"（另有 {len(lines) - 5} 处）" if len(lines) > 5 else ""
    raise Invalid(
        f"目录内容没有保存：{'；'.join(lines[:5])}{more}。", errors=errors, rule="发改高技〔2017〕1272号编制指南"
    )


def _where(content: Content, problem: Problem) -> str:
    if problem.position is None:
        return f"{terms.LABELS.get(problem.field, problem.field)}："
    item = content.items[problem.position]
    title = item.title or item.name or f"第 {problem.position + 1} 项"
    return f"信息项“{title}”的{terms.ITEM_LABELS.get(problem.field, problem.field)}："


def description_of(entered: Mapping[str, Any], category: str) -> Description:
    """From form or sheet; what is left empty takes the guide's usual value, an empty 分类 the one given."""
    given = {name: entered[name] for name in terms.LABELS if entered.get(name) not in (None, "")}
    names = {label: value for value, label in terms.Subject.choices}
    subjects = tuple(names.get(word, word) for word in _SEVERAL.split(str(given.pop("subjects", ""))) if word)
    related = tuple(word for word in _SEVERAL.split(str(given.pop("related", ""))) if word)
    return Description(
        **{"name": "", "abstract": "", "category": category, **given}, subjects=subjects, related=related
    )


def item_of(entered: Mapping[str, Any]) -> ItemSpec:
    given = {name: entered[name] for name in terms.ITEM_LABELS if entered.get(name) not in (None, "")}
    return ItemSpec(**{"name": "", "title": "", **given, "length": int(given.get("length", 0))})


def entered(given: Description | ItemSpec) -> dict[str, Any]:
    """The reverse: what a form or sheet shows of a value."""
    found = dict(given.__dict__)
    if isinstance(given, Description):
        found["subjects"] = "、".join(terms.Subject(value).label for value in given.subjects)
        found["related"] = "、".join(given.related)
    return found


def share_type_of(items: Iterable[ItemSpec]) -> str:
    """The resource's type from its items: one type throughout is the resource's, a mixture is 有条件共享."""
    found = {item.share_type for item in items}
    return found.pop() if len(found) == 1 else ShareType.CONDITIONAL


def open_type_of(items: Iterable[ItemSpec]) -> str:
    found = {item.open_type for item in items}
    return found.pop() if len(found) == 1 else OpenType.CONDITIONAL


def as_json(content: Content) -> dict[str, Any]:
    description: dict[str, Any] = dict(content.description.__dict__)
    for name in ("subjects", "related"):
        description[name] = list(description[name])
    return {"description": description, "items": [dict(item.__dict__) for item in content.items]}


def of_json(stored: Mapping[str, Any]) -> Content:
    description = {**stored["description"]}
    for name in ("subjects", "related"):
        description[name] = tuple(description[name])
    return Content(Description(**description), tuple(ItemSpec(**item) for item in stored["items"]))


def digest_of(stored: Mapping[str, Any]) -> str:
    return sm3(json.dumps(stored, ensure_ascii=False, sort_keys=True).encode())
