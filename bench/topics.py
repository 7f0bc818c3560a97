"""Hot topics over the real messages, beside two peers in the same run: DBSCAN and dense average linkage.

Run with `./run bench topics`. The two events are found by wording, so a message that names neither place is not
counted; both must be found as one topic.
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

from bench.report import Row, write
from yiwang.kernel.search.tests import shared
from yiwang.kernel.search.text import tokens
from yiwang.kernel.search.topics import clusters

Groups = list[set[int]]
OURS, SECONDS, LARGEST, F1 = "yiwang", 10, 0.05, 0.95


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


def main(runs: int) -> bool:
    texts, times, people, _ = shared.messages()
    events = shared.events(texts)
    methods: dict[str, Callable[[list[str]], Groups]] = {
        OURS: lambda rows: [set(topic.members) for topic in clusters(rows, times, people)],
        "peer: dense average linkage 0.88": dense_average,
        "peer: DBSCAN eps 0.70": density(0.70),
        "peer: DBSCAN eps 0.80": density(0.80),
    }
    rows = []
    for name, method in methods.items():
        took = []
        for _ in range(runs):
            begun = time.perf_counter()
            groups = method(texts)
            took.append(time.perf_counter() - begun)
        best = [max(f1(gold, group) for group in groups) for gold in events.values()]
        largest = max(map(len, groups)) / len(texts)
        wall = statistics.median(took)
        several = sum(len(group) >= 3 for group in groups)
        scores = " and ".join(f"{score:.3f}" for score in best)
        if name == OURS:
            rows += [
                Row(f"{len(texts):,} messages, median of {runs}", f"{wall:.1f} s", f"≤{SECONDS} s", wall <= SECONDS),
                Row("largest topic", f"{largest:.1%}", "≤5%", largest <= LARGEST),
                Row("F1 of the two events that the wording names", scores, "≥0.95 each", min(best) >= F1),
                Row("topics of three or more", f"{several:,}"),
            ]
        else:
            rows.append(Row(name, f"F1 {scores}; largest {largest:.1%}; {several:,} topics; {wall:.1f} s"))
    return write("topics", rows)


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
