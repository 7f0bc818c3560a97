"""PDF by typst. Text goes in as data, never as markup, so nothing a person wrote can run."""

import json
from functools import cache

import typst

from yiwang.cockpit.reports.document import Document
from yiwang.kernel.access.actors import Refused

SERIF = ("FangSong", "仿宋", "FandolFang R", "Noto Serif CJK SC", "Source Han Serif SC", "AR PL UMing CN")
SANS = ("SimHei", "黑体", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei")

LAYOUT = """
#let data = json(bytes(sys.inputs.data))
#let serif = data.serif
#let sans = data.sans
#set page(paper: "a4", margin: (top: 37mm, bottom: 35mm, left: 28mm, right: 26mm), numbering: "— 1 —",
  header: if data.mark != "" { align(right, text(size: 9pt, fill: rgb("#a33"), data.mark)) })
#set text(font: serif, size: 15.75pt, lang: "zh", region: "cn", cjk-latin-spacing: none)
#set par(first-line-indent: (amount: 2em, all: true), justify: true, leading: 12pt, spacing: 12pt)
#set document(title: data.title)
#let span(part) = if part.kind == "figure" {
  link(data.origin + part.url, part.text)
  super(text(size: 7.5pt, fill: luma(90), "[" + str(part.note) + "]"))
} else if part.at("strong", default: false) { strong(part.text) } else { part.text }
#let spans(parts) = for part in parts { span(part) }
#let cell(found) = {
  if found.url == "" { found.text } else { link(data.origin + found.url, found.text) }
  if found.fraction != "" { linebreak(); text(size: 8pt, fill: luma(70), found.fraction) }
}
#let small = 11pt
#align(center, text(font: serif, size: 22pt, weight: "bold", data.title))
#v(0.6em)
#for block in data.blocks {
  if block.kind == "heading" {
    set par(first-line-indent: 0pt)
    pad(left: 2em, text(font: sans, spans(block.spans)))
  } else if block.kind == "paragraph" { par(spans(block.spans)) }
  else if block.kind == "list" {
    for (index, item) in block.lines.enumerate() {
      par((if block.ordered { str(index + 1) + ". " } else { "· " }) + spans(item))
    }
  } else {
    set text(size: 10.5pt)
    set par(first-line-indent: 0pt, leading: 4pt, justify: false)
    let ranked = block.at("ranked", default: false)
    let first = if ranked { ("名次", block.by) } else { (block.by,) }
    v(2pt)
    table(columns: (if ranked { (auto, 1.5fr) } else { (1.4fr,) }) + (1fr,) * block.head.len(), stroke: 0.5pt, inset: (x: 5pt, y: 4.5pt),
      align: (x, y) => if x < first.len() { left + horizon } else { center + horizon },
      table.header(..(first + block.head).map(name => text(font: sans, name))),
      ..for line in block.rows { ((if ranked { (line.rank,) } else { () }) + (line.label,) + line.cells.map(cell)) },
      ..(if ranked { ("",) } else { () }), text(font: sans, "合计"), ..block.total.map(cell))
    v(2pt)
  }
}
#v(1.5em)
#align(right, block(width: 60%, align(center, { data.organisation; linebreak(); data.dated })))
#pagebreak(weak: true)
#set text(size: small)
#set par(first-line-indent: 0pt, leading: 5pt)
#text(font: sans, size: 14pt, "附：数字出处")
#table(columns: (auto, 2fr, auto, auto, 4fr), stroke: 0.5pt, inset: 5pt,
  table.header(..("序号", "指标", "数值", "分子/分母", "口径").map(name => strong(name))),
  ..for note in data.notes {
    (str(note.number), note.name + "（" + note.period + "）", link(data.origin + note.url, note.text),
     if note.fraction == "" { "—" } else { note.fraction }, note.definition + "（第" + str(note.version) + "版口径）")
  })
"""


@cache
def _families() -> frozenset[str]:
    return frozenset(typst.Fonts().families())


def fonts() -> tuple[list[str], list[str]]:
    """The Chinese faces found, best first; none at all refuses rather than printing empty boxes."""
    serif = [name for name in SERIF if name in _families()]
    sans = [name for name in SANS if name in _families()]
    if not serif and not sans:
        raise Refused(
            "服务器没有中文字体，不能生成 PDF。请安装 fonts-noto-cjk（或放入本单位的仿宋、黑体）后重试；网页和 DOCX 不受影响。",
            code="fonts",
        )
    return serif or sans, sans or serif


def to_pdf(document: Document, *, origin: str, mark: str) -> bytes:
    """The document as PDF/A-2b on A4 with the margins of GB/T 9704."""
    serif, sans = fonts()
    data = {**document.as_json(), "origin": origin, "mark": mark, "serif": serif, "sans": sans}
    made: bytes = typst.compile(
        LAYOUT.encode(), sys_inputs={"data": json.dumps(data, ensure_ascii=False)}, pdf_standards=["a-2b"]
    )
    return made
