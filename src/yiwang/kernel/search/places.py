"""Places a text names: known names first, then words that end like a place. Good for a tally, not for an address."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from yiwang.kernel.search.arrays import rjieba
from yiwang.kernel.search.text import STOP_WORDS, normalise

# Longest first: 小区 is no division and 街道 no street.
_SUFFIXES: tuple[tuple[str, str], ...] = (
    *((word, "settlement") for word in ("小区", "社区", "花园", "公寓", "家园", "新村", "嘉园", "苑", "新城", "村")),
    *((word, "township") for word in ("街道办事处", "街道", "镇", "乡")),
    *((word, "road") for word in ("大道", "高速", "公路", "路", "街", "巷", "桥", "立交")),
    *((word, "site") for word in ("广场", "公园", "小学", "中学", "学校", "幼儿园", "医院", "市场", "地铁站", "车站")),
    *((word, "division") for word in ("自治州", "自治县", "开发区", "新区", "区", "县", "市")),
)
_BY_LENGTH = tuple(sorted(_SUFFIXES, key=lambda pair: -len(pair[0])))
_ENDINGS = tuple(suffix for suffix, _ in _BY_LENGTH)
# Endings that name nothing by themselves.
_GENERIC = frozenset(
    """
    水泥路 断头路 沥青路 人行道 安置小区 大型小区 高档小区 几个小区 国际社区 人行天桥 过街天桥 一线城市
    高速公路 城市道路
    民办幼儿园 配套幼儿园 公办幼儿园 人民医院 步行街 安置区 小区 社区 地区 城区 市区 郊区 片区 辖区 园区 景区 校区
    学区 街区 山区 老区 库区 城市 全市 本市 我市 县市 超市
    上市 门市 道路 公路 马路 铁路 修路 走路 网路 线路 电路 思路 出路 后路 一路 该路 农村 乡村 全村 本村 我村 该村
    行政村 城镇 乡镇 集镇 家乡 城乡 下乡 高速 大街 街道 小巷 天桥 全区 我区 本区 全县 我县 本县 各区 各县 区县
    市县 住宅区 居民区 生活区 服务区 禁区 误区 社会 居民小区 住宅小区 我们小区 整个小区 本小区 该小区 农贸市场
    菜市场 市场 学校 医院 公园 广场 车站 小学 中学 幼儿园 花园 公寓 家园 房地产市场 劳动力市场 人才市场 楼市 股市
    夜市 集市 直辖市 省市 文明城市 副省级城市 省会城市 新区 开发区 新城 新村 桥 立交
    """.split()  # noqa: SIM905 - a word list reads better unquoted
)
_NOT_IN_NAME = STOP_WORDS | frozenset(
    """
    位于 坐落 座落 住 住在 家住 反映 投诉 举报 咨询 关于 附近 旁边 业主 居民 全体 旁 对面 沿 沿着 经过 途经 途径
    通往 前往 来自 本 该 我 修建 新建 建设 一条 这条 那条 整条 某个 整个 任意 老 通过 靠近 临近 毗邻 交叉口 政府
    领导 请求 建议 要求 购买 入住 加快 整治
    """.split()  # noqa: SIM905 - a word list reads better unquoted
)
_LONGEST = 12
_LEADING = re.compile("^(?:座落在|位于|由|与|和|及|找|回|到|在|往|从|对|向|于|将|把|被|给|出自|进入|影响)")
_NAME = re.compile(r"^[\w·]+$")


@dataclass(frozen=True)
class Place:
    name: str
    kind: str
    known: bool


def places(text: str, known: Iterable[str] = ()) -> list[Place]:
    """Distinct places in order of first mention; `known` names win over guesses from endings."""
    body = normalise(text)
    found = {name: Place(name, _kind(name)[1] or "division", True) for name in _mentions(body, known)}
    rest = re.sub("|".join(map(re.escape, sorted(found, key=len, reverse=True))) or r"(?!)", "\n", body)
    for name in _guesses(rjieba.cut(rest)):
        if not any(name in other for other in found):
            found[name] = Place(name, _kind(name)[1], False)
    return sorted(found.values(), key=lambda place: body.find(place.name))


def division(text: str, known: Iterable[str]) -> str | None:
    """The known division a text speaks of: most often named, at equal counts named first; None when it says none."""
    counts = Counter(_mentions(normalise(text), known))
    return counts.most_common(1)[0][0] if counts else None


def tally(texts: Iterable[str], known: Iterable[str]) -> tuple[Counter[str], int]:
    """Texts per known division, and how many say nothing of where: both belong beside a map."""
    names = tuple(known)
    said = [division(text, names) for text in texts]
    return Counter(name for name in said if name), sum(name is None for name in said)


def _mentions(body: str, known: Iterable[str]) -> list[str]:
    names, pattern = _matcher(tuple(known))
    return [names[hit] for hit in pattern.findall(body.lower())] if names else []


@lru_cache(maxsize=32)
def _matcher(known: tuple[str, ...]) -> tuple[dict[str, str], re.Pattern[str]]:
    """Known names by their normal form, and the pattern that finds them: the same for every text of a batch."""
    names = {normalise(name).lower(): name for name in known if name.strip()}
    # A code such as B1区 must not be found inside AB1区; in Chinese no boundary exists, the longest name wins.
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    return names, re.compile(rf"(?<![a-z0-9])(?:{longest_first})")


@lru_cache(maxsize=1 << 16)
def _kind(name: str) -> tuple[str, str]:
    if not name.endswith(_ENDINGS):
        return "", ""
    return next(((suffix, kind) for suffix, kind in _BY_LENGTH if name.endswith(suffix)), ("", ""))


def _guesses(words: Sequence[str]) -> list[str]:
    found = []
    for index, word in enumerate(words):
        suffix, kind = _kind(word)
        if not kind or not _NAME.match(word):
            continue
        name = _bare(_joined(words, index) if len(word) - len(suffix) < 2 else word)
        if name not in _GENERIC and len(name) > len(suffix) and name[: -len(suffix)] not in _NOT_IN_NAME:
            found.append(name)
    return found


def _bare(name: str) -> str:
    """Without the preposition that segmentation left in front."""
    shorter = _LEADING.sub("", name)
    return shorter if shorter in _GENERIC or len(shorter) > len(_kind(shorter)[0]) else name


def _joined(words: Sequence[str], index: int) -> str:
    """A bare ending takes at most two words before it: 青松 + 路, b2 + 区."""
    name = words[index]
    for before in reversed(words[max(0, index - 2) : index]):
        stop = not _NAME.match(before) or before in _NOT_IN_NAME or _kind(before)[1]
        if stop or len(before) + len(name) > _LONGEST:
            break
        name = before + name
        if len(before) > 1:
            break
    return name
