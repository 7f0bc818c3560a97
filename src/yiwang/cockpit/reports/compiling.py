"""From template text to a document. Marks stand in double braces:

{{ period }} {{ organisation }} {{ date }}          words
{{ figure CODE [dimension=value …] }}               a value, linked to its rows
{{ fraction CODE [dimension=value …] }}             numerator/denominator of a rate
{{ change CODE [dimension=value …] }}               against the period one year before, with both values
{{ table CODE [CODE …] by=DIMENSION }}              a table, on a line of its own
{{ chart CODE by=DIMENSION }}                       a chart (a table in print), on a line of its own

A mark that names no measure, a rate split over rows without a denominator, or a typo refuses the whole report.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from yiwang.cockpit.reports.document import Block, Document, Note, Span, figure, text
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.measures.periods import Period, between, month_of, year_of
from yiwang.kernel.measures.queries import Figure, value

MARK = re.compile(r"\{\{\s*(.*?)\s*\}\}")
HOLE = re.compile("\ue000(\\d+)\ue001")
MOST_MARKS = 400


def year_before(period: Period) -> Period:
    """The same months of the year before."""
    if len(period.code) == 4:
        return year_of(period.start.year - 1)
    if len(period.code) == 7:
        return month_of(period.start.replace(year=period.start.year - 1, day=1))
    days = (period.stop - period.start).days
    first = date(period.start.year - 1, period.start.month, min(period.start.day, 28))
    return between(first, date.fromordinal(first.toordinal() + days - 1))


class Compiler:
    """One compilation: reads figures in the actor's scope and numbers them in reading order."""

    def __init__(self, actor: Actor, period: Period, words: dict[str, str]) -> None:
        self.actor, self.period, self.words = actor, period, words
        self.notes: list[Note] = []
        self.used: list[tuple[str, str | None, dict[str, str]]] = []
        self.marks: list[str] = []
        self._known: dict[tuple[str, str, tuple[tuple[str, str], ...]], Figure] = {}

    def compile(self, title: str, source: str) -> Document:
        """Markdown with marks → document. Raises Invalid naming the first bad mark."""

        def hole(found: re.Match[str]) -> str:
            self.marks.append(found[1])
            return f"\ue000{len(self.marks) - 1}\ue001"

        if len(MARK.findall(source)) > MOST_MARKS:
            raise Invalid(f"模板中的数字标记超过 {MOST_MARKS} 个，请拆成几份报告。")
        tokens = MarkdownIt("commonmark").enable("table").parse(MARK.sub(hole, source))
        return Document(title, self.period.label, self._blocks(tokens), self.notes)

    def _blocks(self, tokens: list[Token]) -> list[Block]:
        blocks: list[Block] = []
        items: list[list[Span]] | None = None
        level = 0
        for token in tokens:
            if token.type in ("bullet_list_open", "ordered_list_open"):
                items = []
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                blocks.append({"kind": "list", "ordered": token.type.startswith("ordered"), "lines": items or []})
                items = None
            elif token.type == "heading_open":
                level = int(token.tag[1])
            elif token.type == "inline":
                self._inline(token, blocks, items, level)
                level = 0
            elif token.type in ("html_block", "fence", "code_block"):
                raise Invalid("报告模板不接受代码块和 HTML。请只用标题、段落、列表和数字标记。")
        return blocks

    def _inline(self, token: Token, blocks: list[Block], items: list[list[Span]] | None, level: int) -> None:
        alone = HOLE.fullmatch(token.content.strip())
        if alone and items is None and not level:
            verb = self.marks[int(alone[1])].split()[0]
            if verb in ("table", "chart"):
                blocks.append(self._split(self.marks[int(alone[1])], verb))
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
            if child.type in ("strong_open", "strong_close"):
                strong = child.type == "strong_open"
            elif child.type in ("softbreak", "hardbreak"):
                continue
            elif child.type == "text":
                for position, part in enumerate(HOLE.split(child.content)):
                    if position % 2:
                        found.append(self._mark(self.marks[int(part)]))
                    elif part:
                        found.append(text(part, strong=strong))
            elif child.content:
                found.append(text(child.content, strong=strong))
        return found

    def _mark(self, mark: str) -> Span:
        if mark in self.words:
            return text(self.words[mark])
        verb, *rest = mark.split() or [""]
        makers: dict[str, Callable[[list[str]], Span]] = {
            "figure": self._figure, "fraction": self._fraction, "change": self._change,
        }  # fmt: skip
        if verb not in makers or not rest:
            raise Invalid(
                f"无法识别的标记“{{{{ {mark} }}}}”。可用：figure、fraction、change、table、chart、{'、'.join(self.words)}。"
            )
        return makers[verb](rest)

    def _value(self, code: str, filters: dict[str, str], by: str | None, period: Period) -> Figure:
        key = (f"{code}|{by}", period.code, tuple(sorted(filters.items())))
        if key not in self._known:
            self._known[key] = value(self.actor, code, period, by=by, filters=filters)
        return self._known[key]

    def _note(self, found: Figure, by: str | None, filters: dict[str, str]) -> int:
        number = len(self.notes) + 1
        measure = found.measure
        self.notes.append(
            Note(number, measure.code, measure.version, measure.name, found.text, found.fraction, measure.definition,
                 found.period.label, found.url)
        )  # fmt: skip
        self.used.append((measure.code, by, filters))
        return number

    def _arguments(self, rest: list[str]) -> tuple[list[str], dict[str, str], str | None]:
        codes = [word for word in rest if "=" not in word]
        pairs = dict(word.split("=", 1) for word in rest if "=" in word)
        return codes, {name: given for name, given in pairs.items() if name != "by"}, pairs.get("by")

    def _figure(self, rest: list[str]) -> Span:
        codes, filters, _ = self._arguments(rest)
        found = self._value(codes[0], filters, None, self.period)
        return figure(found.text, self._note(found, None, filters), found.url)

    def _fraction(self, rest: list[str]) -> Span:
        codes, filters, _ = self._arguments(rest)
        found = self._value(codes[0], filters, None, self.period)
        if found.denominator is None:
            raise Invalid(f"指标“{found.measure.name}”不是比率，不能用 fraction。")
        return figure(found.fraction, self._note(found, None, filters), found.url)

    def _change(self, rest: list[str]) -> Span:
        """增减只在上年同期有数时给出；比率说百分点，数量说百分比。"""
        codes, filters, _ = self._arguments(rest)
        now = self._value(codes[0], filters, None, self.period)
        past = self._value(codes[0], filters, None, year_before(self.period))
        note = self._note(now, None, filters)
        if now.value is None or past.value is None or (past.value == 0 and not now.measure.is_rate):
            return figure("上年同期无可比数据", note, now.url)
        gap = now.value - past.value
        if gap == 0:
            return figure(f"与上年同期（{past.text}）持平", note, now.url)
        word = "上升" if gap > 0 else "下降"
        if now.measure.is_rate:
            size = f"{abs(gap)} 个百分点"
        else:
            size = f"{(abs(gap) * 100 / past.value).quantize(Decimal('0.01'), ROUND_HALF_UP)}%"
        return figure(f"较上年同期（{past.text}）{word}{size}", note, now.url)

    def _split(self, mark: str, verb: str) -> Block:
        codes, filters, by = self._arguments(mark.split()[1:])
        if not by or not codes:
            raise Invalid(f"标记“{{{{ {mark} }}}}”须写明指标和 by=维度。")
        figures = [self._value(code, filters, by, self.period) for code in codes]
        notes = [self._note(found, by, filters) for found in figures]
        keys: dict[object, str] = {}
        for found in figures:
            keys |= {row.key: row.label for row in found.rows}
        lines = []
        for key, label in keys.items():
            cells = []
            for found in figures:
                row = next((row for row in found.rows if row.key == key), None)
                cells.append(_cell(found, row))
            lines.append({"label": label, "cells": cells})
        head = [
            found.measure.name + (f"（{found.measure.unit}）" if not found.measure.is_rate else "") for found in figures
        ]
        dimension = figures[0].measure.dimensions.get(by)
        total = [{"text": found.text, "fraction": found.fraction, "url": found.url} for found in figures]
        return {"kind": verb, "by": dimension.label if dimension else "月份", "head": head, "notes": notes, "rows": lines,
                "total": total}  # fmt: skip


def _cell(found: Figure, row: object) -> dict[str, str]:
    if row is None:
        return {"text": "—", "fraction": "", "url": ""}
    share, below = getattr(row, "value", None), getattr(row, "denominator", None)
    numerator = getattr(row, "numerator", Decimal(0))
    shown = (
        "—"
        if share is None
        else f"{share}%"
        if found.measure.is_rate
        else f"{share:,.2f}"
        if found.measure.kind in ("sum", "mean")
        else f"{int(share):,}"
    )
    return {
        "text": shown,
        "fraction": f"{numerator:,.0f}/{below:,.0f}" if below is not None else "",
        "url": getattr(row, "url", ""),
    }
