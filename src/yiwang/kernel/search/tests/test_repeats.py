import time
from datetime import UTC, datetime, timedelta

import pytest

from yiwang.kernel.search.repeats import Index, Message, compare, shared_passages
from yiwang.kernel.search.tests import shared

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
OLD = Message(1, "云溪花园小区三号楼电梯停运半个月,物业说等配件,老人下不了楼。", "甲", NOW - timedelta(days=9))
OTHER = Message(2, "望江里自来水浑浊,放半小时还是黄的。", "乙", NOW - timedelta(days=3))


def test_证据分开列明不下结论():
    new = Message(9, "再次反映云溪花园小区三号楼电梯停运半个月,物业说等配件,昨天又有人被困。", "甲", NOW)
    evidence = compare(new, OLD)
    assert evidence.same_person and evidence.gap == timedelta(days=9)
    assert evidence.passages == ("云溪花园小区三号楼电梯停运半个月物业说等配件",)
    assert 0.5 < evidence.contained < 1 and 0.5 < evidence.similarity < 1
    assert any("云溪" in place for place in evidence.places)
    assert "昨天" in evidence.news and "电梯" not in evidence.news


def test_同文不同人不算同一人():
    twin = Message(3, OLD.text, "丙", NOW)
    evidence = compare(twin, OLD)
    assert evidence.similarity == evidence.contained == 1.0 and not evidence.same_person and evidence.news == ()
    nobody = compare(Message(4, OLD.text, "", NOW), Message(5, OLD.text, "", NOW))
    assert not nobody.same_person, "匿名不是同一人"


def test_共有段落不受标点影响也不重叠():
    assert shared_passages("甲乙丙丁,戊己庚辛壬癸", "零甲乙丙丁戊己庚辛壬。癸") == ("甲乙丙丁戊己庚辛壬癸",)
    assert shared_passages("短句", "短句") == () and shared_passages("", "") == ()
    assert "".join(shared_passages("啊" * 300, "啊" * 300)) == "啊" * 300


def test_边打字边查():
    index = Index([OLD, OTHER])
    typed = "云溪花园小区三号楼电梯停运半个月"
    for length in range(8, len(typed) + 1):
        found = index.ask(Message(0, typed[:length], "", NOW))
        assert [one.key for one in found] == [1]
    assert index.ask(Message(0, "", "", NOW)) == [] and Index().ask(OLD) == []
    assert index.ask(Message(0, "医保报销比例是多少", "", NOW)) == []


def test_不把自己当作先例_新增的立刻查得到():
    index = Index([OLD])
    assert index.ask(OLD) == []
    index.add(OTHER)
    assert len(index) == 2
    assert [one.key for one in index.ask(Message(8, OTHER.text, "", NOW))] == [2]


@pytest.mark.shared_data
def test_真实数据查得快():
    texts, times, people, _ = shared.messages()
    rows = zip(texts, people, times, strict=True)
    index = Index(Message(key, text, who, when) for key, (text, who, when) in enumerate(rows))
    took = []
    for key in range(0, 1000, 25):
        start = time.process_time()
        found = index.ask(Message(-1, texts[key], people[key], NOW))
        took.append(time.process_time() - start)
        assert found[0].similarity == 1.0 and texts[found[0].key].split() == texts[key].split()
    assert sorted(took)[len(took) // 2] <= 0.05
