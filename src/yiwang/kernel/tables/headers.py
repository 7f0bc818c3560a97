"""Which column of a sheet holds which expected field: by exact title, synonym, memory, and as a proposal by likeness."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yiwang.kernel.tables.guards import letters_of

LIKE = 0.5
BRACKETS = re.compile(r"[(\[【〔<].*?[)\]】〕>]")
NOISE = re.compile(r"[\s*:：、，,。.;；/\\_\-—·'\"“”‘’()（）\[\]【】]+")


@dataclass(frozen=True)
class Expected:
    """A field a table should have. `remembered`: titles a person confirmed for it before."""

    name: str
    title: str
    synonyms: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Match:
    """Column (from 1) ↔ field. how: exact synonym remembered similar."""

    column: int
    name: str
    how: str
    likeness: float = 1.0

    @property
    def certain(self) -> bool:
        return self.how != "similar"


@dataclass
class Mapped:
    """matches by column; the fields nobody has; titles without a field; titles that stand twice (title, columns)."""

    matches: dict[int, Match] = field(default_factory=dict)
    missing: list[Expected] = field(default_factory=list)
    spare: dict[int, str] = field(default_factory=dict)
    twice: list[tuple[str, list[int]]] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def certain(self) -> bool:
        """Nobody needs to be asked."""
        return (
            bool(self.matches)
            and not self.twice
            and not self.renamed
            and all(match.certain for match in self.matches.values())
            and not any(item.required for item in self.missing)
        )


def plain(title: str) -> str:
    """A title for comparison: one width, one case, no blanks, marks or punctuation."""
    if not title.isascii():
        title = unicodedata.normalize("NFKC", title)
    return (title if title.isalnum() else NOISE.sub("", title)).lower()


def core(title: str) -> str:
    """Without remarks in brackets, such as （必填） or (元)."""
    return plain(BRACKETS.sub("", unicodedata.normalize("NFKC", title))) or plain(title)


def likeness(left: str, right: str) -> float:
    """0..1: shared character pairs (Dice), or the share of the longer title that the shorter one is."""
    first, second = core(left), core(right)
    if not first or not second:
        return 0.0
    shorter, longer = sorted((first, second), key=len)
    inside = len(shorter) / len(longer) if len(shorter) > 1 and shorter in longer else 0.0
    pairs = [{text[at : at + 2] for at in range(len(text) - 1)} or {text} for text in (first, second)]
    dice = 2 * len(pairs[0] & pairs[1]) / (len(pairs[0]) + len(pairs[1]))
    letters = 2 * len(set(first) & set(second)) / (len(set(first)) + len(set(second)))
    return max(inside, dice, 0.75 * letters)


def known_titles(expected: Sequence[Expected]) -> dict[str, tuple[str, str]]:
    """Comparable title → (field, how), the surest way first."""
    found: dict[str, tuple[str, str]] = {}
    for make in (plain, core):
        for how in ("exact", "remembered", "synonym"):
            for item in expected:
                titles = {"exact": (item.title, item.name), "remembered": item.remembered, "synonym": item.synonyms}[
                    how
                ]
                for title in titles:
                    if key := make(title):
                        found.setdefault(key, (item.name, how))
    return found


def match(titles: Mapping[int, tuple[str, ...]], expected: Sequence[Expected]) -> Mapped:
    """titles: column → ways to read its title, the fullest first."""
    result = Mapped()
    known = known_titles(expected)
    taken: dict[str, list[int]] = {}
    for column, ways in titles.items():
        hit = next((known[key] for way in ways for key in (plain(way), core(way)) if key in known), None)
        if hit is None:
            result.spare[column] = ways[0]
            continue
        result.matches.setdefault(column, Match(column, *hit))
        taken.setdefault(hit[0], []).append(column)
    for name, columns in taken.items():
        if len(columns) > 1:
            _settle(result, name, columns, titles)
    _propose(result, [item for item in expected if item.name not in taken])
    return result


def _settle(result: Mapped, name: str, columns: list[int], titles: Mapping[int, tuple[str, ...]]) -> None:
    """Of several columns for one field the exact title wins; two that are equally sure are a question."""
    ranks = {column: ("exact", "remembered", "synonym").index(result.matches[column].how) for column in columns}
    best = [column for column in columns if ranks[column] == min(ranks.values())]
    if len(best) > 1:
        result.twice.append((titles[best[0]][0], best))
    for column in columns:
        if column != best[0]:
            result.spare[column] = titles[column][0]
            del result.matches[column]


def _propose(result: Mapped, lacking: list[Expected]) -> None:
    """Pair what is missing with what is spare, the likest first; a proposal is never applied by itself."""
    pairs = sorted(
        (
            (max(likeness(title, each) for each in (item.title, *item.synonyms)), -column, item)
            for item in lacking
            for column, title in result.spare.items()
        ),
        key=lambda pair: (-pair[0], -pair[1], pair[2].name),
    )
    given: set[str] = set()
    for score, negative, item in pairs:
        if score < LIKE or item.name in given or -negative not in result.spare:
            continue
        given.add(item.name)
        result.renamed.append((item.title, result.spare.pop(-negative)))
        result.matches[-negative] = Match(-negative, item.name, "similar", round(score, 2))
    result.missing = [item for item in lacking if item.name not in given]


def explain(result: Mapped) -> list[str]:
    """What an officer must know of the mapping, in sentences."""
    said = [
        f"模板要求的“{wanted}”没有找到；表中的“{found}”与它相近，可能是改了名。请确认是否对应。"
        for wanted, found in result.renamed
    ]
    said += [
        f"表头“{title}”出现了 {len(columns)} 次（第 {'、'.join(map(letters_of, columns))} 列）。请指定用哪一列，其余列不读取。"
        for title, columns in result.twice
    ]
    said += [
        f"模板要求的“{item.title}”没有找到。请补上这一列，或在对应表中指出它是哪一列。"
        for item in result.missing
        if item.required
    ]
    if absent := [item.title for item in result.missing if not item.required]:
        said.append(
            f"表中没有“{'”“'.join(absent)}”{'一列，该项' if len(absent) == 1 else f'共 {len(absent)} 列，这些项'}按空值处理。"
        )
    named = [title for title in result.spare.values() if title]
    if named:
        said.append(f"以下列不在模板中，不读取（仍保留在原件里）：{'、'.join(named[:20])}。")
    return said
