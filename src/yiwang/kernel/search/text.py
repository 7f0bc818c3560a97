"""Chinese text to comparable pieces: normal form, words, two-character search keys, shingles."""

import re
import unicodedata
import zlib
from collections.abc import Container
from functools import lru_cache

from yiwang.kernel.search.arrays import rjieba

# Function words and courtesies that carry no matter. Trained models do not depend on this list being complete:
# a word unknown to the training texts is dropped as well.
STOP_WORDS = frozenset(
    """
    的 了 和 是 就 都 而 及 与 着 或 在 我 你 您 他 她 它 们 我们 你们 您们 他们 她们 它们 咱们 这 那 这个 那个 这些
    那些 这里 那里 这样 那样 这么 那么 此 该 其 之 者 所 以 于 为 为了 因 因为 因此 所以 由 由于 从 从而 向 对 对于
    关于 把 被 让 使 给 跟 同 比 按 按照 根据 但 但是 可 可是 却 不过 然而 而且 并 并且 且 还 还有 也 又 再 再次 则
    若 如 如果 如此 例如 比如 虽 虽然 即 即使 只 只有 只要 只是 才 便 才能 不 没 没有 无 未 非 很 太 更 最 非常 十分
    特别 真 真的 极 有 有的 有些 一些 某 某些 各 每 另 另外 其他 其它 其中 等 等等 之类 一个 一种 一下 上 下 中 里
    内 外 前 后 时 到 去 来 过 起 起来 出 出来 会 能 能够 可以 可能 应 应该 应当 要 需 需要 想 希望 请 请问 谢谢
    敬请 恳请 恳求 您好 你好 尊敬 领导 吗 呢 吧 啊 呀 哦 嘛 啦 哪 哪个 哪里 哪些 谁 什么 怎么 怎样 怎么样 为什么
    为何 如何 多少 几 何时 是否 是不是 有没有 能否 可否 已 已经 曾 曾经 正 正在 将 将要 就是 还是 或者 以及 甚至 至
    至于 既 既然 与其 不仅 不但 不是 不能 不会 不要 不知 不知道 现 现在 目前 本人 自己 一 二 三 四 五 六 七 八 九 十
    第一 第二 第三 年 月 日 号 时候 以后 之后 以前 之前 一直 一样 一定 地 得 说 做 用 又是 也是 都是
    """.split()  # noqa: SIM905 - a word list reads better unquoted
)
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_RUN = re.compile(r"[^\W_]+")


# One text is taken apart several ways in a row: by words, by pairs, by places.
@lru_cache(maxsize=64)
def normalise(text: str) -> str:
    """Full-width to half-width, every kind of blank to one space, no invisible marks; digits and letters are kept."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))).strip()


def tokens(text: str, stop: Container[str] = STOP_WORDS) -> list[str]:
    """Words in reading order, lower case, without punctuation and stop words."""
    return [word for word in rjieba.cut(normalise(text).lower()) if word not in stop and word[0].isalnum()]


def bigrams(text: str) -> list[str]:
    """Distinct two-character keys for an array column: a text contains a query only if it holds all its keys.

    A lone character gives no key: the caller then searches by LIKE alone, and confirms every hit with LIKE anyway.
    """
    runs = _RUN.findall(normalise(text).lower())
    return sorted({run[i : i + 2] for run in runs for i in range(len(run) - 1)})


def compact(text: str) -> str:
    """Letters, digits and characters only: two writings of one sentence that differ in punctuation agree."""
    return "".join(_RUN.findall(normalise(text).lower()))


def shingles(text: str, size: int = 4) -> frozenset[int]:
    """Stable 32-bit keys of all passages of `size` characters, for overlap measures."""
    body = compact(text)
    return frozenset(zlib.crc32(body[i : i + size].encode()) for i in range(max(1, len(body) - size + 1)) if body)
