from collections import Counter

from yiwang.kernel.search.places import division, places, tally

KNOWN = ["东湖区", "东湖新区", "B1区", "B12区"]


def names(text: str) -> list[str]:
    return [place.name for place in places(text, KNOWN)]


def test_先认已知名再按词尾猜():
    found = places("位于东湖新区的青松路,靠近望江小区", KNOWN)
    assert [(place.name, place.kind, place.known) for place in found] == [
        ("东湖新区", "division", True),
        ("青松路", "road", False),
        ("望江小区", "settlement", False),
    ]


def test_长名优先_编号不截断():
    assert division("东湖新区路灯坏了", KNOWN) == "东湖新区"
    assert division("Ｂ12区的公园", KNOWN) == "B12区" and division("AB1区", KNOWN) is None


def test_泛称不是地名():
    assert names("我们小区门口的道路和超市") == [] and names("") == []


def test_按辖区计数并说明多少没有地点():
    texts = ["东湖区路灯", "东湖区、B1区都有,东湖区更多", "没有说在哪里", ""]
    assert tally(texts, KNOWN) == (Counter({"东湖区": 2}), 2)
    assert tally(texts, []) == (Counter(), 4)
