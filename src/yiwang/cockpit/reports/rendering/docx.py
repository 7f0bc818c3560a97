"""DOCX for officers who go on editing in WPS or Word: figures are links, definitions stand in the appendix."""

import io
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from yiwang.cockpit.reports.document import Block, Document, Span

BLACK = RGBColor(0, 0, 0)
BODY, TITLE, HEADING = "仿宋", "方正小标宋简体", "黑体"


def _font(run: Any, name: str, size: float) -> None:
    run.font.name, run.font.size = "Times New Roman", Pt(size)
    run._element.rPr.rFonts.set(qn("w:eastAsia"), name)


def _link(paragraph: Paragraph, content: str, url: str, size: float = 16) -> None:
    """A hyperlink without the library's help: a relationship and the runs inside it."""
    relation = paragraph.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), relation)
    run = paragraph.add_run(content)
    _font(run, BODY, size)
    link.append(run._element)
    paragraph._p.append(link)


def _write(paragraph: Paragraph, spans: list[Span], origin: str, size: float = 16) -> None:
    for span in spans:
        if span["kind"] == "figure":
            _link(paragraph, span["text"], origin + span["url"])
            mark = paragraph.add_run(f"[{span['note']}]")
            _font(mark, BODY, 8)
            mark.font.superscript = True
        else:
            run = paragraph.add_run(span["text"])
            run.bold = bool(span.get("strong"))
            _font(run, BODY, size)


def _cell(cell: Any, content: str, size: float = 10.5, *, name: str = BODY) -> Paragraph:
    paragraph: Paragraph = cell.paragraphs[0]
    _font(paragraph.add_run(content), name, size)
    return paragraph


def _grid(document: Any, heads: list[str]) -> Any:
    """A table whose head is repeated on every page."""
    table = document.add_table(rows=1, cols=len(heads))
    table.style = "Table Grid"
    for cell, content in zip(table.rows[0].cells, heads, strict=True):
        _cell(cell, content, name=HEADING)
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    return table


def _table(document: Any, block: Block, origin: str) -> None:
    ranked = bool(block.get("ranked"))
    table = _grid(document, (["名次"] if ranked else []) + [block["by"], *block["head"]])
    for line in [*block["rows"], {"label": "合计", "cells": block["total"], "rank": ""}]:
        cells = list(table.add_row().cells)
        if ranked:
            _cell(cells.pop(0), line["rank"])
        _cell(cells[0], line["label"])
        for cell, found in zip(cells[1:], line["cells"], strict=True):
            if found["url"]:
                _link(cell.paragraphs[0], found["text"], origin + found["url"], 10.5)
            else:
                _cell(cell, found["text"])
            if found["fraction"]:
                _cell(cell, f"（{found['fraction']}）", 8)
    document.add_paragraph()


def _block(document: Any, block: Block, origin: str) -> None:
    if block["kind"] in ("table", "ranking", "chart"):
        _table(document, block, origin)
    elif block["kind"] == "list":
        style = "List Number" if block["ordered"] else "List Bullet"
        for item in block["lines"]:
            _write(document.add_paragraph(style=style), item, origin)
    elif block["kind"] == "heading":
        paragraph = document.add_heading(level=min(block["level"], 4))
        paragraph.paragraph_format.first_line_indent = Pt(32)
        run = paragraph.add_run("".join(span["text"] for span in block["spans"]))
        _font(run, HEADING, 16)
        run.bold, run.font.color.rgb = False, BLACK
    else:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.first_line_indent = Pt(32)
        _write(paragraph, block["spans"], origin)


def _page_number(paragraph: Paragraph) -> None:
    """— 1 —, as a field that the word processor counts."""
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _font(paragraph.add_run("— "), BODY, 14)
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    number = paragraph.add_run("1")
    _font(number, BODY, 14)
    field.append(number._element)
    paragraph._p.append(field)
    _font(paragraph.add_run(" —"), BODY, 14)


def _sheet(made: Any, mark: str) -> None:
    """A4 with the margins of GB/T 9704; the mark on every page."""
    section = made.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = (
        Mm(37),
        Mm(35),
        Mm(28),
        Mm(26),
    )
    normal = made.styles["Normal"]
    normal.font.name, normal.font.size = "Times New Roman", Pt(16)
    normal.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), BODY)
    normal.paragraph_format.line_spacing, normal.paragraph_format.space_after = Pt(28), Pt(0)
    _page_number(section.footer.paragraphs[0])
    if mark:
        section.header.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
        _font(section.header.paragraphs[0].add_run(mark), BODY, 10.5)


def to_docx(document: Document, *, origin: str, mark: str) -> bytes:
    """The document as DOCX. `origin` makes links absolute; `mark` (演示数据) stands at the head of every page."""
    made: Any = docx.Document()
    _sheet(made, mark)
    made.core_properties.title, made.core_properties.author = document.title, document.organisation
    title = made.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.space_after = Pt(16)
    _font(title.add_run(document.title), TITLE, 22)
    for block in document.blocks:
        _block(made, block, origin)
    for line in (document.organisation, document.dated):
        signed = made.add_paragraph()
        signed.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        _font(signed.add_run(line), BODY, 16)
    made.add_page_break()
    _font(made.add_paragraph().add_run("附：数字出处"), HEADING, 14)
    table = _grid(made, ["序号", "指标", "数值", "分子/分母", "口径"])
    for note in document.notes:
        cells = table.add_row().cells
        facts = (str(note.number), f"{note.name}（{note.period}）", "", note.fraction or "—",
                 f"{note.definition}（第{note.version}版口径）")  # fmt: skip
        for cell, content in zip(cells, facts, strict=True):
            _cell(cell, content)
        _link(cells[2].paragraphs[0], note.text, origin + note.url, 10.5)
    for each in made.tables:
        for paragraph in (paragraph for row in each.rows for cell in row.cells for paragraph in cell.paragraphs):
            paragraph.paragraph_format.line_spacing = Pt(16)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()
