"""Hot topics over the real messages, beside two peers in the same run: DBSCAN and dense average linkage.

.venv/bin/python bench/topics.py [runs]
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import DBSCAN
from sklearn.feature_extraction.text import TfidfVectorizer

from yiwang.kernel.search.tests import shared
from yiwang.kernel.search.text import tokens
from yiwang.kernel.search.topics import HEAT_FORMULA, clusters

Groups = list[set[int]]


def grouped(marks: np.ndarray) -> Groups:
    return [set(np.flatnonzero(marks == mark).tolist()) for mark in set(marks.tolist()) - {-1}]


def features(texts: list[str]) -> object:
    return TfidfVectorizer(analyzer=tokens, sublinear_tf=True, min_df=2).fit_transform(texts)


def dense_average(texts: list[str]) -> Groups:
    table = features(texts)
    far = np.clip(1 - (table @ table.T).toarray(), 0, None)
    np.fill_diagonal(far, 0)
    return grouped(fcluster(linkage(squareform(far, checks=False), "average"), 0.88, "distance"))


def density(eps: float) -> Callable[[list[str]], Groups]:
    return lambda texts: grouped(DBSCAN(eps=eps, min_samples=3, metric="cosine").fit_predict(features(texts)))


def f1(gold: set[int], group: set[int]) -> float:
    return 2 * len(gold & group) / (len(gold) + len(group))


def main(runs: int) -> None:
    texts, times, people, likes = shared.messages()
    events = shared.events(texts)
    print(
        f"{len(texts)} messages; gold by wording: {', '.join(f'{name} {len(gold)}' for name, gold in events.items())}"
    )
    methods: dict[str, Callable[[list[str]], Groups]] = {
        "yiwang": lambda rows: [set(topic.members) for topic in clusters(rows, times, people)],
        "dense average linkage 0.88": dense_average,
        "DBSCAN eps 0.70": density(0.70),
        "DBSCAN eps 0.80": density(0.80),
    }
    for name, method in methods.items():
        took, worked = [], []
        for _ in range(runs):
            start, begun = time.perf_counter(), time.process_time()
            groups = method(texts)
            took.append(time.perf_counter() - start)
            worked.append(time.process_time() - begun)
        best = [max(f1(gold, group) for group in groups) for gold in events.values()]
        largest = max(map(len, groups)) / len(texts)
        several = sum(len(group) >= 3 for group in groups)
        scores = "  ".join(f"{score:.3f}" for score in best)
        print(f"{name:28s} F1 {scores}  topics of 3+ {several:4d}  largest {largest:.1%}", end="  ")
        print(f"median {statistics.median(took):.1f} s wall, {statistics.median(worked):.1f} s processor")
    print(HEAT_FORMULA)
    for place, topic in enumerate(clusters(texts, times, people, likes=likes)[:5], 1):
        print(
            f"{place}. heat {topic.heat:.2f}  people {topic.people}  messages {len(topic.members)}  likes {topic.likes}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
