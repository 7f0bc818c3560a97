"""Triage on grouped folds of the labelled messages, beside the peer (word TF-IDF + LinearSVC) in the same run.

    .venv/bin/python bench/triage.py [runs]

The block weights and C of the classifier were chosen on other random foldings of the same rows; thresholds and
calibration are fitted inside each training part only. The raw sample is a second test: rows whose segmented twin is
in the training part are scored by the fold that did not see the twin's group.
"""

import statistics
import sys
import time

import numpy as np
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from yiwang.kernel.search.classify import Proposal, grouped_folds, train
from yiwang.kernel.search.tests import shared
from yiwang.kernel.search.text import tokens

ASKED = 0.985


def peer(fit: list[str], labels: list[str], held: list[str]) -> tuple[np.ndarray, np.ndarray]:
    words = TfidfVectorizer(analyzer=str.split, sublinear_tf=True, min_df=2)
    model = LinearSVC(C=0.5, random_state=0).fit(words.fit_transform(fit), labels)
    return model.classes_, softmax(4 * model.decision_function(words.transform(held)), axis=1)


def summary(name: str, truth: list[str], found: list[Proposal]) -> str:
    right = [p.label == t for p, t in zip(found, truth, strict=True) if p.label]
    first = [p.top3[0][0] for p in found]
    top3 = np.mean([t in dict(p.top3) for p, t in zip(found, truth, strict=True)])
    return (
        f"{name:26s} rows {len(truth):5d}  macro-F1 {f1_score(truth, first, average='macro'):.4f}  top-3 {top3:.4f}  "
        f"coverage {len(right) / len(truth):.3f}  precision {np.mean(right) if right else 1:.4f} (asked {ASKED})"
    )


def twins(raw: list[str], texts: list[str]) -> list[int]:
    """The labelled row each raw row is the source of: most shared words of its opening."""
    known = [frozenset(tokens(text)) for text in texts]
    cut = [frozenset(tokens(text)) for text in raw]
    return [max(range(len(known)), key=lambda i: len(known[i] & row) / (len(known[i] | row) or 1)) for row in cut]


def main(runs: int) -> None:
    texts, labels, groups = shared.labelled()
    rows = shared.sheet("labelled_raw_sample.xlsx")
    raw = [f"{row['留言主题']}\n{row['留言详情']}" for row in rows]
    gold = [row["一级分类"] for row in rows]
    twin = twins(raw, texts)
    names = sorted(set(labels))
    truth = np.array([names.index(label) for label in labels])
    fits, speeds, lines = [], [], []
    for run in range(runs):
        parts = grouped_folds(truth, np.array(groups), 100 + run, 5)
        found: list[Proposal | None] = [None] * len(texts)
        raw_found: list[Proposal | None] = [None] * len(raw)
        other = np.zeros((len(texts), len(names)))
        for part in range(5):
            fit, held = np.flatnonzero(parts != part).tolist(), np.flatnonzero(parts == part).tolist()
            start = time.process_time()
            model = train([texts[i] for i in fit], [labels[i] for i in fit], [groups[i] for i in fit])
            fits.append(time.process_time() - start)
            for i, proposal in zip(held, model.predict([texts[i] for i in held]), strict=True):
                found[i] = proposal
            mine = [i for i, near in enumerate(twin) if parts[near] == part]
            for i, proposal in zip(mine, model.predict([raw[i] for i in mine]), strict=True):
                raw_found[i] = proposal
            _, other[held] = peer([texts[i] for i in fit], [labels[i] for i in fit], [texts[i] for i in held])
            start = time.process_time()
            model.predict(raw * 4)
            speeds.append(4 * len(raw) / (time.process_time() - start))
        guess = other.argmax(axis=1)
        peer_top3 = np.mean([truth[i] in np.argsort(-other[i])[:3] for i in range(len(texts))])
        lines += [
            summary(f"run {run}: grouped folds", labels, found),
            summary(f"run {run}: raw sample", gold, raw_found),
            f"run {run}: peer word+SVC  macro-F1 {f1_score(truth, guess, average='macro'):.4f}  top-3 {peer_top3:.4f}",
        ]
    print(*lines, sep="\n")
    print(
        f"fit on 4/5: median {statistics.median(fits):.1f} s; raw messages/s with segmentation (processor time): "
        f"median {statistics.median(speeds):.0f}"
    )
    start = time.process_time()
    train(texts, labels, groups)
    print(f"fit on all {len(texts)} rows: {time.process_time() - start:.1f} s of processor time (bar 15 s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
