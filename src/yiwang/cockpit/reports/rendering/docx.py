"""DOCX for officers who go on editing in WPS or Word: figures are links, definitions stand in the appendix."""

import io
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.text.paragraph import Paragraph

from yiwang.cockpit.reports.document import Block, Document, Span

BODY, TITLE, HEADING = "仿宋", "方正小标宋简体", "黑体"


def _font(run: Any, name: str, size: float) -> None:
    run.font.name, run.font.size = "Times New Roman", Pt(size)
    run._element.rPr.rFonts.set(qn("w:eastAsia"), name)


def _link(paragraph: Paragraph, content: str, url: str) -> None:
    """A hyperlink without the library's help: a relationship and the runs inside it."""
    relation = paragraph.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), relation)
    run = paragraph.add_run(content)
    _font(run, BODY, 16)
    link.append(run._element)
    paragraph._p.append(link)


def _write(paragraph: Paragraph, spans: list[Span], origin: str, size: float = 16) -> None:
    for span in spans:
        if span["kind"] == "figure":
            _link(paragraph, span["text"], origin + span["url"])
            mark = paragraph.add_run(f"〔{span['note']}〕")
            _font(mark, BODY, 8)
            mark.font.superscript = True
        else:
            run = paragraph.add_run(span["text"])
            run.bold = bool(span.get("strong"))
            _font(run, BODY, size)


def _table(document: Any, block: Block) -> None:
    table = document.add_table(rows=1, cols=1 + len(block["head"]))
    table.style = "Table Grid"
    for cell, content in zip(table.rows[0].cells, [block["by"], *block["head"]], strict=True):
        cell.text = content
    for line in [*block["rows"], {"label": "合计", "cells": block["total"]}]:
        cells = table.add_row().cells
        cells[0].text = line["label"]
        for cell, found in zip(cells[1:], line["cells"], strict=True):
            cell.text = found["text"] + (f"（{found['fraction']}）" if found["fraction"] else "")
    document.add_paragraph()


def _block(document: Any, block: Block, origin: str) -> None:
    if block["kind"] in ("table", "chart"):
        _table(document, block)
    elif block["kind"] == "list":
        style = "List Number" if block["ordered"] else "List Bullet"
        for item in block["lines"]:
            _write(document.add_paragraph(style=style), item, origin)
    elif block["kind"] == "heading":
        paragraph = document.add_heading(level=min(block["level"], 4))
        run = paragraph.add_run("".join(span["text"] for span in block["spans"]))
        _font(run, HEADING, 16)
    else:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.first_line_indent = Pt(32)
        _write(paragraph, block["spans"], origin)


def to_docx(document: Document, *, origin: str, mark: str) -> bytes:
    """The document as DOCX. `origin` makes links absolute; `mark` (演示数据) stands under the title."""
    made = docx.Document()
    title = made.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _font(title.add_run(document.title), TITLE, 22)
    if mark:
        stamp = made.add_paragraph(mark)
        stamp.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for block in document.blocks:
        _block(made, block, origin)
    made.add_heading("附：数字出处", level=1)
    table = made.add_table(rows=1, cols=5)
    table.style = "Table Grid"
    for cell, content in zip(table.rows[0].cells, ("序号", "指标", "数值", "分子/分母", "口径"), strict=True):
        cell.text = content
    for note in document.notes:
        cells = table.add_row().cells
        facts = (str(note.number), f"{note.name}（{note.period}）", note.text, note.fraction or "—",
                 f"{note.definition}（第{note.version}版口径）")  # fmt: skip
        for cell, content in zip(cells, facts, strict=True):
            cell.text = content
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()
