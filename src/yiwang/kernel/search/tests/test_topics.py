import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.search.tests import shared
from yiwang.kernel.search.topics import Topic, clusters, duplicate_groups, heat, near_duplicates

START = datetime(2026, 3, 1, tzinfo=UTC)
WHERE = ["青松苑", "白鹭湾小区", "望江里", "云溪花园"]
WHAT = {
    "青松苑": ["电梯停运", "物业不修电梯", "电梯困人", "老人爬楼"],
    "白鹭湾小区": ["烧烤油烟", "油烟呛人", "夜市烧烤", "排烟管道"],
    "望江里": ["自来水浑浊", "水压不足", "停水三天", "水管爆裂"],
    "云溪花园": ["产权证办不下来", "开发商拖延办证", "房产证", "维修基金"],
}
NOISE = ["公交线路", "图书馆开放", "落户政策", "医保报销", "共享单车", "高考报名", "退休年龄", "垃圾分类", "流浪狗"]


def invented(seed: int = 1) -> tuple[list[str], list[datetime], list[str]]:
    dice = random.Random(seed)
    texts, times, people = [], [], []
    for number in range(80):
        place = WHERE[number % 4]
        first, second = dice.sample(WHAT[place], 2)
        texts.append(f"反映{place}{first}的问题\n我是{place}的业主,{first},{second},多次反映没有结果。{number}")
        times.append(START + timedelta(hours=dice.randrange(900)))
        people.append(f"人{number % 60}")
    for number in range(60):
        topic = dice.choice(NOISE)
        texts.append(f"咨询{topic}\n第{number}次想了解{topic}{dice.choice(NOISE)}有关规定{dice.random()}")
        times.append(START + timedelta(hours=dice.randrange(900)))
        people.append(f"路人{number}")
    return texts, times, people


def contents(topics: list[Topic], texts: list[str]) -> list[tuple[object, ...]]:
    return [(sorted(texts[i] for i in t.members), t.terms, t.people, t.heat, t.first, t.last) for t in topics]


def test_同地同事归为一题():
    texts, times, people = invented()
    topics = clusters(texts, times, people)
    for place in WHERE:
        gold = {i for i, text in enumerate(texts) if place in text}
        best = max(topics, key=lambda topic: len(gold & set(topic.members)))
        assert len(gold & set(best.members)) >= 16 and set(best.members) <= gold
        assert any(place[:2] in term for term in best.terms)
        assert best.people == len({people[i] for i in best.members}) and best.typical in best.members
        assert 0.08 <= best.cohesion <= 1 and all(0.3 <= share <= 1 for _, share in best.shares)
    assert [topic.heat for topic in topics] == sorted((topic.heat for topic in topics), reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_次序变了结果不变(seed: int):
    texts, times, people = invented()
    order = list(range(len(texts)))
    random.Random(seed).shuffle(order)
    shuffled = [[row[i] for i in order] for row in (texts, times, people)]
    assert contents(clusters(*shuffled), shuffled[0]) == contents(clusters(texts, times, people), texts)


def test_套话再多也不连成一片():
    dice = random.Random(4)
    words = [chr(0x4E00 + dice.randrange(3000)) + chr(0x4E00 + dice.randrange(3000)) for _ in range(400)]
    texts = ["尊敬的领导您好,请有关部门核实处理," + "".join(dice.choices(words, k=25)) for _ in range(500)]
    topics = clusters(texts, [START] * 500, [str(i) for i in range(500)])
    assert max((len(topic.members) for topic in topics), default=0) <= 25


def test_热度按不同诉求人与远近_点赞不算():
    now = START + timedelta(days=60)
    assert heat([START, now - timedelta(days=30)], ["甲", "甲"], now) == pytest.approx(0.5)
    assert heat([now, now], ["甲", "乙"], now) == pytest.approx(2)
    texts, times, people = ["青松苑电梯停运没人修"] * 4, [START] * 4, ["甲", "乙", "丙", "丙"]
    topic = clusters(texts, times, people, likes=[0, 2097, 0, 0])[0]
    assert (topic.people, topic.heat, topic.likes) == (3, 3.0, 2097)


def test_近似重复():
    texts = ["青松路的路灯坏了三天没有人来修", "青松路的路灯坏了,三天没有人来修!!", "云溪花园办不了房产证"]
    (pair,) = near_duplicates(texts)
    assert (pair.first, pair.second) == (0, 1) and pair.score == pytest.approx(1)
    assert duplicate_groups(texts) == [0, 0, 2]


def test_空与错的输入():
    assert clusters([], [], []) == [] and near_duplicates([]) == [] and near_duplicates(["", ""]) == []
    with pytest.raises(Invalid, match="不一致"):
        clusters(["一"], [], ["甲"])


def f1(gold: set[int], topic: Topic) -> float:
    return 2 * len(gold & set(topic.members)) / (len(gold) + len(topic.members))


@pytest.mark.shared_data
def test_真实数据的两个事件都找得到():
    texts, times, people, _ = shared.messages()
    start = time.process_time()
    topics = clusters(texts, times, people)
    took = time.process_time() - start
    for gold in shared.events(texts).values():
        assert len(gold) >= 50 and max(f1(gold, topic) for topic in topics) >= 0.95
    assert max(len(topic.members) for topic in topics) <= 0.05 * len(texts)
    assert took <= 10, "按处理器时间计;基准见 bench/topics.py"
