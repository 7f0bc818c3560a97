"""From template text to a document. Marks stand in double braces:

{{ period }} {{ coverage }} {{ organisation }} {{ date }}   words; coverage ends today while the period still runs
{{ figure CODE [dimension=value …] }}             a value, linked to its rows
{{ fraction CODE [dimension=value …] }}           numerator/denominator of a rate
{{ change CODE [dimension=value …] }}             against the period one year before, with both values
{{ each CODE by=DIMENSION }}                      every part in one sentence: 甲 3 件、乙 2 件
{{ table CODE [CODE …] by=DIMENSION }}            a table, on a line of its own
{{ ranking CODE [CODE …] by=DIMENSION }}          the same, best first by the first measure; equals share a rank
{{ chart CODE by=DIMENSION }}                     a chart (a table in print), on a line of its own

With `until=end` a mark counts from the beginning to the end of the period (截至期末的存量), not the period alone.
A mark that names no measure, a measure the compiler may not read, or a typo refuses the whole report.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.utils import timezone
from markdown_it import MarkdownIt
from markdown_it.token import Token

from yiwang.cockpit.reports.document import Block, Document, Note, Span, figure, text
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.access.doors import resource
from yiwang.kernel.measures import queries as measures
from yiwang.kernel.measures.periods import Period, between, month_of, up_to, year_of
from yiwang.kernel.measures.queries import Figure, Row
from yiwang.kernel.measures.registry import measure_of

MARK = re.compile(r"\{\{[ \t]*(.*?)[ \t]*\}\}")
HOLE = re.compile("\ue000(\\d+)\ue001")
MOST_MARKS, MOST_TEXT = 400, 100_000
SPLITS = ("table", "ranking", "chart")
KNOWN_BLOCKS = frozenset(
    f"{name}_{end}"
    for name in ("paragraph", "heading", "bullet_list", "ordered_list", "list_item")
    for end in ("open", "close")
) | {"inline"}
KNOWN_INLINE = frozenset({"text", "softbreak", "hardbreak", "strong_open", "strong_close", "em_open", "em_close"})


def year_before(period: Period) -> Period:
    """The same months of the year before."""
    if len(period.code) == 4:
        return year_of(period.start.year - 1)
    if len(period.code) == 7:
        return month_of(period.start.replace(year=period.start.year - 1, day=1))
    days = (period.stop - period.start).days
    first = date(period.start.year - 1, period.start.month, min(period.start.day, 28))
    return between(first, date.fromordinal(first.toordinal() + days - 1))


@dataclass(frozen=True)
class Used:
    """A figure as it was printed; issuing seals it and checks that the seal says the same."""

    found: Figure
    by: str | None
    filters: dict[str, str]


class Compiler:
    """One compilation: reads figures in the actor's scope and numbers them in reading order."""

    def __init__(self, actor: Actor, period: Period, words: dict[str, str]) -> None:
        self.actor, self.period, self.words = actor, period, words
        self.notes: list[Note] = []
        self.marks: list[str] = []
        self._known: dict[tuple[object, ...], Figure] = {}
        self._numbers: dict[tuple[object, ...], int] = {}
        self._used: dict[tuple[object, ...], Used] = {}

    @property
    def used(self) -> list[Used]:
        """Every figure read, those only compared with included."""
        return list(self._used.values())

    def compile(self, title: str, source: str) -> Document:
        """Markdown with marks → document. Raises Invalid naming the first bad mark."""

        def hole(found: re.Match[str]) -> str:
            self.marks.append(found[1])
            return f"\ue000{len(self.marks) - 1}\ue001"

        if len(source) > MOST_TEXT:
            raise Invalid(f"模板超过 {MOST_TEXT:,} 字，请拆成几份报告。")
        if len(MARK.findall(source)) > MOST_MARKS:
            raise Invalid(f"模板中的数字标记超过 {MOST_MARKS} 个，请拆成几份报告。")
        holed = MARK.sub(hole, re.sub("[\x00\ue000\ue001]", "", source))
        for half in ("{{", "}}"):
            if half in holed:
                line = next(line for line in holed.splitlines() if half in line)
                raise Invalid(f"有没配对的标记“{half}”，在这一行：{HOLE.sub('…', line)[:60]}。一个标记要写在同一行里。")
        blocks = self._blocks(MarkdownIt("commonmark").enable("table").parse(holed))
        return Document(
            title, self.period.label, self.words.get("organisation", ""), self.words.get("date", ""), blocks, self.notes
        )

    def _blocks(self, tokens: list[Token]) -> list[Block]:
        blocks: list[Block] = []
        items: list[list[Span]] | None = None
        level = 0
        for token in tokens:
            if token.type not in KNOWN_BLOCKS or (items is not None and token.type.endswith("list_open")):
                raise Invalid(
                    "报告模板只接受标题、段落、一层列表、加粗和数字标记，不接受 HTML、代码、引用、图片和手画的表格。"
                )
            if token.type.endswith("list_open"):
                items = []
            elif token.type.endswith("list_close"):
                blocks.append({"kind": "list", "ordered": token.type.startswith("ordered"), "lines": items or []})
                items = None
            elif token.type == "heading_open":
                level = int(token.tag[1])
            elif token.type == "inline":
                self._inline(token, blocks, items, level)
                level = 0
        return blocks

    def _inline(self, token: Token, blocks: list[Block], items: list[list[Span]] | None, level: int) -> None:
        alone = HOLE.fullmatch(token.content.strip())
        if alone and items is None and not level:
            mark = self.marks[int(alone[1])]
            verb = mark.partition(" ")[0]
            if verb in SPLITS:
                blocks.append(self._split(mark, verb))
                return
        spans = self._spans(token)
        if items is not None:
            items.append(spans)
        elif level:
            blocks.append({"kind": "heading", "level": level, "spans": spans})
        else:
            blocks.append({"kind": "paragraph", "spans": spans})

    def _spans(self, token: Token) -> list[Span]:
        found: list[Span] = []
        strong = False
        for child in token.children or []:
            if child.type not in KNOWN_INLINE:
                raise Invalid("报告正文里只能用加粗，不接受 HTML、链接、图片和代码。")
            if child.type in ("strong_open", "strong_close"):
                strong = child.type == "strong_open"
            for position, part in enumerate(HOLE.split(child.content)):
                if position % 2:
                    found += self._mark(self.marks[int(part)])
                elif part:
                    found.append(text(part, strong=strong))
        return found

    def _mark(self, mark: str) -> list[Span]:
        if mark in self.words:
            return [text(self.words[mark])]
        verb, *rest = mark.split() or [""]
        if verb in SPLITS:
            raise Invalid(f"标记“{{{{ {mark} }}}}”须单独占一行，前后空行。")
        makers: dict[str, Callable[[str, list[str]], list[Span]]] = {
            "figure": self._figure, "fraction": self._fraction, "change": self._change, "each": self._each,
        }  # fmt: skip
        if verb not in makers or not rest:
            known = "、".join((*makers, *SPLITS, *self.words))
            raise Invalid(f"无法识别的标记“{{{{ {mark} }}}}”。可用：{known}。")
        return makers[verb](mark, rest)

    def _value(self, code: str, filters: dict[str, str], by: str | None, period: Period) -> Figure:
        measure = measure_of(code)
        if not self.actor.can(measure.resource, "view"):
            raise Refused(
                f"您没有查看“{resource(measure.resource).name}”的权限，不能编制含“{measure.name}”的报告：数字会不全。",
                rule="报告的数字按编制人的数据范围计算",
            )  # fmt: skip
        key = (code, by, period.code, *sorted(filters.items()))
        if key not in self._known:
            self._known[key] = measures.value(self.actor, code, period, by=by, filters=filters)
            self._used[key] = Used(self._known[key], by, filters)
        return self._known[key]

    def _note(self, found: Figure) -> int:
        """The number under which the appendix lists the figure; the same figure keeps its number."""
        key = (found.measure.code, found.url)
        if key not in self._numbers:
            self._numbers[key] = len(self.notes) + 1
            measure = found.measure
            self.notes.append(
                Note(len(self.notes) + 1, measure.code, measure.version, measure.name, found.text, found.fraction,
                     measure.definition, found.period.label, found.url)
            )  # fmt: skip
        return self._numbers[key]

    def _arguments(self, mark: str, rest: list[str], *, split: bool) -> tuple[list[str], dict[str, str], str, Period]:
        codes = [word for word in rest if "=" not in word]
        pairs = dict(word.split("=", 1) for word in rest if "=" in word)
        by, until = pairs.pop("by", ""), pairs.pop("until", "")
        if not codes or bool(by) != split:
            raise Invalid(f"标记“{{{{ {mark} }}}}”{'须写明指标和 by=维度' if split else '须写明指标，且不能有 by='}。")
        if until not in ("", "end"):
            raise Invalid(f"标记“{{{{ {mark} }}}}”的 until 只能是 end（截至期末）。")
        return codes, pairs, by, up_to(self.period) if until else self.period

    def _one(self, mark: str, rest: list[str]) -> Figure:
        codes, filters, _, period = self._arguments(mark, rest, split=False)
        if len(codes) > 1:
            raise Invalid(f"标记“{{{{ {mark} }}}}”只能有一个指标。")
        return self._value(codes[0], filters, None, period)

    def _figure(self, mark: str, rest: list[str]) -> list[Span]:
        found = self._one(mark, rest)
        return [figure(found.text, self._note(found), found.url)]

    def _fraction(self, mark: str, rest: list[str]) -> list[Span]:
        found = self._one(mark, rest)
        if found.denominator is None:
            raise Invalid(f"指标“{found.measure.name}”不是比率，不能用 fraction。")
        return [figure(found.fraction, self._note(found), found.url)]

    def _change(self, mark: str, rest: list[str]) -> list[Span]:
        """增减只在上年同期有数时给出；比率说百分点，数量说百分比。"""
        now = self._one(mark, rest)
        before_period = year_before(self.period)
        past = self._value(
            now.measure.code, dict(now.filters), None,
            before_period if now.period == self.period else up_to(before_period),
        )  # fmt: skip
        if now.value is None or past.value is None or (past.value == 0 and not now.measure.is_rate):
            return [text("上年同期无可比数据")]
        before = figure(past.text, self._note(past), past.url)
        gap = now.value - past.value
        if gap == 0:
            return [text("与上年同期（"), before, text("）持平")]
        percent = (
            (abs(gap) * 100 / past.value).quantize(Decimal("0.01"), ROUND_HALF_UP) if not now.measure.is_rate else None
        )
        size = f"{abs(gap)} 个百分点" if percent is None else f"{percent}%"
        return [text("较上年同期（"), before, text(f"）{'上升' if gap > 0 else '下降'}{size}")]

    def _each(self, mark: str, rest: list[str]) -> list[Span]:
        codes, filters, by, period = self._arguments(mark, rest, split=True)
        found = self._value(codes[0], filters, by, period)
        number = self._note(found)
        spans: list[Span] = []
        unit = "" if found.measure.is_rate else found.measure.unit
        for row in found.rows:
            shown = measures.shown(found.measure, row.value)
            spans += [text(("、" if spans else "") + row.label), figure(shown, number, row.url), text(unit)]
        return spans or [text("无")]

    def _split(self, mark: str, verb: str) -> Block:
        codes, filters, by, period = self._arguments(mark, mark.split()[1:], split=True)
        figures = [self._value(code, filters, by, period) for code in codes]
        labels: dict[object, str] = {}
        for found in figures:
            labels |= {row.key: row.label for row in found.rows if by != measures.MONTH or _begun(row.key)}
        parts = [{row.key: row for row in found.rows} for found in figures]
        ranks = _ranks(figures[0], labels) if verb == "ranking" else {}
        keys = sorted(labels, key=lambda key: ranks[key] or len(labels) + 1) if ranks else list(labels)
        lines = [
            {"label": labels[key], "rank": str(ranks.get(key) or "—"),
             "cells": [_cell(found, part.get(key)) for found, part in zip(figures, parts, strict=True)],
             "size": str(parts[0][key].value or 0) if key in parts[0] else "0"}
            for key in keys
        ]  # fmt: skip
        head = [
            found.measure.name + ("" if found.measure.is_rate else f"（{found.measure.unit}）") for found in figures
        ]
        dimension = figures[0].measure.dimensions.get(by)
        total = [{"text": found.text, "fraction": found.fraction, "url": found.url} for found in figures]
        return {"kind": verb, "by": dimension.label if dimension else "月份", "head": head, "ranked": verb == "ranking",
                "notes": [self._note(found) for found in figures], "rows": lines, "total": total}  # fmt: skip


def _begun(month: str) -> bool:
    """A month to come has no line in a table."""
    return month[:7] <= f"{timezone.localdate():%Y-%m}"


def _ranks(found: Figure, keys: dict[object, str]) -> dict[object, int | None]:
    """Best first; equals share a rank and the next is skipped (相同成绩排名不分先后). Without a value, no rank."""
    values = {row.key: row.value for row in found.rows if row.value is not None}
    ordered = sorted(values.values(), reverse=found.measure.better != "low")
    return {key: ordered.index(values[key]) + 1 if key in values else None for key in keys}


def _cell(found: Figure, row: Row | None) -> dict[str, str]:
    if row is None:
        return {"text": "—", "fraction": "", "url": ""}
    return {
        "text": measures.shown(found.measure, row.value),
        "fraction": measures.fraction(found.measure, row),
        "url": row.url,
    }
