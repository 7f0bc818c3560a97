"""Templates: what compiles, and the sentence with which a bad one is refused."""

import io
import zipfile
from datetime import date
from xml.etree import ElementTree

import docx
import pytest

from yiwang.cockpit.reports import queries
from yiwang.cockpit.reports.compiling import MOST_MARKS, Compiler, year_before
from yiwang.cockpit.reports.document import Document
from yiwang.cockpit.reports.rendering import mark_of, to_docx, to_pdf
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Invalid, Refused
from yiwang.kernel.measures.periods import between, month_of, parse

pytestmark = pytest.mark.django_db
MARCH = month_of(date(2026, 3, 1))


def compiled(text: str, period: str = "2026-03") -> Document:
    found = parse(period)
    return Compiler(SYSTEM, found, queries.words(found, "示例单位")).compile("通报", text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ nonsense }}", "无法识别的标记"),
        ("{{ }}", "无法识别的标记"),
        ("{{ figure }}", "无法识别的标记"),
        ("{{ figure no.such }}", "没有指标 no.such"),
        ("{{ figure hotline.received by=channel }}", "不能有 by="),
        ("{{ figure hotline.received hotline.closed }}", "只能有一个指标"),
        ("{{ figure hotline.received colour=red }}", "没有维度 colour"),
        ("{{ figure hotline.received organisation=abc }}", "没有取值"),
        ("{{ fraction hotline.received }}", "不是比率"),
        ("{{ table hotline.received }}", "by=维度"),
        ("文字 {{ table hotline.received by=channel }}", "单独占一行"),
        ("{{ figure hotline.received", "没配对"),
        ("{{ figure\nhotline.received }}", "没配对"),
        ("<script>alert(1)</script>", "不接受 HTML"),
        ("文字 <b>粗</b>", "不接受 HTML"),
        ("[链接](https://example.cn)", "链接"),
        ("```\n代码\n```", "代码"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "手画的表格"),
        ("- 一\n  - 二", "一层列表"),
        ("{{ figure hotline.received }}\n\n" * (MOST_MARKS + 1), "超过"),
    ],
)
def test_坏模板被一句话拒绝(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        compiled(text)


def test_没有查看权限的指标不会编成零() -> None:
    with pytest.raises(Refused, match="没有查看"):
        Compiler(ANONYMOUS, MARCH, {}).compile("通报", "{{ figure hotline.received }}")


def test_同一个数字同一个出处_无数据时如实说() -> None:
    made = compiled("共 {{ figure hotline.received }} 件（再说一遍 {{ figure hotline.received }}），{{ change hotline.received }}，"
                    "满意率 {{ figure hotline.satisfaction }}，按来源：{{ each hotline.received by=channel }}")  # fmt: skip
    words = "".join(span["text"] for span in made.blocks[0]["spans"])
    assert words == "共 0 件（再说一遍 0），上年同期无可比数据，满意率 —，按来源：无"
    assert [note.code for note in made.notes] == ["hotline.received", "hotline.satisfaction"]


def test_上年同期() -> None:
    assert year_before(MARCH).code == "2025-03"
    assert year_before(parse("2026")).code == "2025"
    leap = year_before(between(date(2024, 2, 29), date(2024, 3, 1)))
    assert (leap.start.year, (leap.stop - leap.start).days) == (2023, 2)


def test_未完的期间写明统计到哪天() -> None:
    assert queries.words(parse("2020-02"), "甲")["coverage"] == "2020年2月"
    now = queries.words(parse(f"{date.today().year}"), "甲")["coverage"]  # noqa: DTZ011
    assert "1月1日至" in now or now.endswith("年")


TEXT = "## 一、总体\n\n共 {{ figure hotline.received }} 件。\n\n- 甲\n\n{{ ranking hotline.satisfaction by=organisation }}\n\n{{ chart hotline.received by=month }}\n"


def test_DOCX打得开_有链接_有演示标记() -> None:
    content = to_docx(compiled(TEXT), origin="http://site", mark=mark_of(demo=True, draft=True))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                ElementTree.fromstring(archive.read(name))  # noqa: S314 - our own file
        links = archive.read("word/_rels/document.xml.rels").decode()
    assert "http://site/figures/hotline.received/?period=2026-03" in links
    again = docx.Document(io.BytesIO(content))
    assert "通报" in [paragraph.text for paragraph in again.paragraphs]
    assert again.sections[0].header.paragraphs[0].text == "演示数据，非真实统计　草稿"
    assert [cell.text for cell in again.tables[0].rows[0].cells] == ["名次", "承办单位", "满意率（合计）"]


def test_PDF是A4_没有中文字体就拒绝() -> None:
    try:
        content = to_pdf(compiled(TEXT), origin="http://site", mark="草稿")
    except Refused as refusal:
        assert "中文字体" in refusal.message
    else:
        assert content.startswith(b"%PDF-") and b"595." in content


def test_标记() -> None:
    assert mark_of(demo=False, draft=False) == ""
    assert mark_of(demo=True, draft=False) == "演示数据，非真实统计"
