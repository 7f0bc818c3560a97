"""Charts carry every number they draw, also for who can't see them."""

import re
from decimal import Decimal

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.ui import charts


def _svg(text: str) -> str:
    found = re.search(r"<svg.*?</svg>", text, re.S)
    assert found
    ElementTree.fromstring(found.group(0))
    return found.group(0)


def test_条形图含标题说明数据表并转义标签() -> None:
    text = charts.bar([("<script>", 3, "/figures/x/"), ("城管局", Decimal("12.5"))], title="受理量", unit="件")
    svg = _svg(text)
    assert "<figcaption>受理量</figcaption>" in text, "看图的人也读得到标题"
    assert "<title>受理量</title>" in svg and "<desc>" in svg and 'href="/figures/x/"' in svg
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert "<td>12.5</td>" in text and "<td>3</td>" in text


def test_折线遇缺值断开而不当作零() -> None:
    text = charts.line(["1月", "2月", "3月", "4月"], [("办结", [1, None, 3, 4])], title="办结量")
    path = re.search(r'class="stroke" d="([^"]+)"', text)
    assert path and path.group(1).count("M") == 2
    assert "<td>—</td>" in text


def test_空数据也能画() -> None:
    for text in (charts.bar([], title="空"), charts.bar([("无", 0)], title="空"), charts.line([], [], title="空")):
        _svg(text)


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_坐标轴盖住最大值且不过疏(top: float) -> None:
    scale, steps = charts.nice(top)
    assert top <= scale * (1 + 1e-9) and 1 <= steps <= 5 and scale <= top * 2.01


def test_图只收自绘的_svg_并按原大小显示() -> None:
    assert 'width="300"' in charts.picture('<svg class="flow" viewBox="0 0 300 90"></svg>')
    with pytest.raises(ValueError, match="drawing"):
        charts.picture("<script>")
