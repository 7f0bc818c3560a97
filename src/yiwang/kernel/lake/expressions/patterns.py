"""The regular expressions that Python's re, RE2 (DuckDB) and Java (Spark) read alike.

Literals, classes, \\d \\s \\w \\p{Han} and their complements outside classes, groups, |, ? * + {m,n}; the whole text must
fit. Everything is rewritten to explicit classes, because the engines disagree on `.`, \\s, `[a&&b]` and anchors. A
repeated group that repeats inside is refused: it takes exponential time in two of the engines.
"""

from yiwang.kernel.access.actors import Invalid

LONGEST, MOST_REPEATS = 200, 255
SPECIAL = frozenset(".^$*+?{}[]\\|()&-~#/'\"")
CLASSES = {
    "d": "0-9",
    "s": r"\t\n\f\r\x20",
    "w": "0-9A-Za-z_",
    "p{Han}": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ebef",
}


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def fail(self, why: str) -> Invalid:
        return Invalid(f"正则表达式“{self.pattern}”不能用：{why}。", rule="pattern")

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        if self.at >= len(self.pattern):
            raise self.fail("在末尾处缺少内容")
        self.at += 1
        return self.pattern[self.at - 1]

    def alternatives(self, depth: int) -> tuple[str, bool]:
        """(portable text, whether something inside repeats without limit)."""
        if depth > 8:
            raise self.fail("括号套得太深（至多 8 层）")
        out, loops = [], False
        while self.peek() and self.peek() != ")":
            if self.peek() == "|":
                out.append(self.take())
                continue
            piece, inner = self.item(depth)
            out.append(piece)
            loops = loops or inner
        return "".join(out), loops

    def item(self, depth: int) -> tuple[str, bool]:
        group = self.peek() == "("
        atom, inner = self.group(depth) if group else (self.atom(), False)
        times = self.quantifier()
        if times and group and inner:
            raise self.fail("重复的括号里面又有重复，耗时可能无限增长；请拆成几条规则")
        if times and self.peek() in ("?", "+", "*", "{"):
            raise self.fail("重复次数后面不能再跟重复次数")
        return atom + times, inner or times in ("*", "+") or times.endswith(",}")

    def group(self, depth: int) -> tuple[str, bool]:
        self.take()
        if self.peek() == "?":
            if self.pattern[self.at : self.at + 2] != "?:":
                raise self.fail("不支持“(?…”（前后断言、命名组等），只支持普通括号")
            self.at += 2
        inside, loops = self.alternatives(depth + 1)
        if self.peek() != ")":
            raise self.fail("括号没有配对")
        self.take()
        return f"(?:{inside})", loops

    def quantifier(self) -> str:
        mark = self.peek()
        if mark and mark in "?*+":
            return self.take()
        if mark != "{":
            return ""
        end = self.pattern.find("}", self.at)
        inside = self.pattern[self.at + 1 : end] if end > 0 else ""
        low, comma, high = inside.partition(",")
        if not low.isascii() or not low.isdigit() or (high and not (high.isascii() and high.isdigit())):
            raise self.fail("重复次数应写成 {3} 或 {2,5}")
        if int(low) > MOST_REPEATS or (high and not int(low) <= int(high) <= MOST_REPEATS):
            raise self.fail(f"重复次数应从小到大，至多 {MOST_REPEATS}")
        self.at = end + 1
        return "{" + low + comma + high + "}"

    def atom(self) -> str:
        sign = self.take()
        if sign == ".":
            return "[^\\n]"
        if sign == "\\":
            inside = self.escape()
            return inside if (inside[:1] == "\\" and len(inside) == 2) or len(inside) == 1 else f"[{inside}]"
        if sign == "[":
            return self.bracket()
        if sign in ")]}*+?{":
            raise self.fail(f"“{sign}”的位置不对；要表示这个字符本身请写成“\\{sign}”")
        if sign in "^$":
            raise self.fail("不必写“^”“$”，这里总是整个内容与之相符")
        return self.plain(sign)

    def plain(self, sign: str) -> str:
        if ord(sign) < 32:
            raise self.fail("不能含有控制字符")
        return "\\" + sign if sign in SPECIAL else sign

    def escape(self) -> str:
        """What stands after a backslash: the inside of a class, or one plain sign."""
        for name, inside in CLASSES.items():
            if self.pattern.startswith(name, self.at):
                self.at += len(name)
                return inside
        sign = self.take()
        if sign.isalnum():
            raise self.fail(f"不支持“\\{sign}”；可用的有 \\d \\s \\w \\p{{Han}}")
        return self.plain(sign)

    def bracket(self) -> str:
        negated = self.peek() == "^"
        if negated:
            self.take()
        out: list[str] = []
        while self.peek() != "]" or not out:
            out.append(self.member())
        self.take()
        return f"[{'^' if negated else ''}{''.join(out)}]"

    def member(self) -> str:
        first = self.take()
        if first == "[":
            raise self.fail("方括号里不能再有方括号；要表示“[”本身请写成“\\[”")
        if first == "]":
            raise self.fail("方括号里没有内容")
        if first == "\\":
            inside = self.escape()
            if inside in CLASSES.values():
                return inside
            first = inside[-1]
        if self.peek() != "-" or self.pattern[self.at + 1 : self.at + 2] in ("]", ""):
            return self.plain(first)
        self.take()
        last = self.take()
        if last == "\\":
            last = self.escape()[-1]
        if last == "[" or ord(last) < ord(first):
            raise self.fail(f"范围“{first}-{last}”应从小到大")
        return f"{self.plain(first)}-{self.plain(last)}"


def portable(pattern: str) -> str:
    """The same pattern in the form all engines read alike. Raises Invalid with the reason."""
    reader = _Reader(pattern)
    if len(pattern) > LONGEST:
        raise reader.fail(f"长度 {len(pattern)}，至多 {LONGEST}")
    text, _ = reader.alternatives(0)
    if reader.at < len(pattern):
        raise reader.fail("括号没有配对")
    return text
