from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.search.text import bigrams, compact, normalise, shingles, tokens


def test_归一去掉空白与全角但留数字():
    assert normalise("\n\t 青松路１２号　楼下\u200b漏水,（三天）\r\n") == "青松路12号 楼下漏水,(三天)"


def test_分词去停用词与标点():
    assert tokens("请问,青松路的路灯什么时候修好?") == ["青松", "路", "路灯", "修好"]
    assert tokens("") == [] and tokens("。。。!!") == []
    assert "b2" in tokens("Ｂ2 栋没有电梯")


def test_两字检索键():
    assert bigrams("路灯,坏") == ["路灯"]
    assert set(bigrams("车位")) <= set(bigrams("小区捆绑销售车位问题"))
    assert bigrams("  ,。 ") == []


@given(st.text(max_size=60), st.integers(0, 50), st.integers(2, 9))
def test_含有查询词的正文必有其全部键(body: str, start: int, size: int):
    clean = normalise(body).lower()
    piece = clean[start : start + size]
    if len(compact(piece)) == len(piece) >= 2:
        assert set(bigrams(piece)) <= set(bigrams(clean))


@given(st.text(max_size=80))
def test_归一是幂等的(body: str):
    assert normalise(normalise(body)) == normalise(body)


def test_片段不受标点影响():
    assert shingles("路灯坏了,没人修。") == shingles("路灯坏了 没人修")
    assert shingles("") == frozenset() and len(shingles("路灯")) == 1
