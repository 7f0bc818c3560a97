"""A classifier of short texts that knows when to stay silent.

Linear support vectors over words, characters and the opening of the text; calibrated probabilities and the threshold
of silence come from grouped folds, so that near-duplicates never sit on both sides and the test part is never read.
Only training needs scikit-learn and scipy.stats, so they are loaded there (docs/adr/0007-start-up.md).
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.search import grams
from yiwang.kernel.search.arrays import Codes, Floats, Integers, Sparse, np, sparse
from yiwang.kernel.search.text import tokens

Matrix = Floats
Tell = Callable[[int, int, str], None]
_FORMAT = 1
_BATCH = 2000
_FITTED = ("weights", "bias", "scale", "shift")
# How surely the folds prove what is asked. High, since the folds that choose the threshold also prove it.
_BOUND_CONFIDENCE = 0.99


@dataclass(frozen=True)
class Block:
    """One family of features: unit ("word" or "character"), run sizes, how much of the opening, weight."""

    unit: str
    sizes: tuple[int, ...]
    opening: int
    least: int
    weight: float


BLOCKS = (
    Block("word", (1,), 0, 2, 1.0),
    Block("character", (1, 2), 0, 3, 1.0),
    Block("word", (1, 2), 12, 2, 0.5),
    Block("character", (1, 2), 25, 2, 0.5),
)


@dataclass(frozen=True)
class Proposal:
    """label is None when the classifier abstains; top3 is offered all the same."""

    label: str | None
    confidence: float
    top3: tuple[tuple[str, float], ...]
    version: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Quality:
    """Measured on texts kept out of the fit: what the page shows beside the model."""

    rows: int
    accuracy: float
    top3: float
    coverage: float
    precision: float
    asked: float
    macro_f1: float = 0.0


@dataclass(frozen=True)
class Features:
    """The fitted vocabulary: word numbers, and for each block its codes and weights."""

    words: dict[str, int]
    known: tuple[Codes, ...]
    idf: tuple[Matrix, ...]

    def table(self, blocks: Sequence[grams.Counted]) -> Sparse:
        parts = [
            grams.weighted(counts, known, idf) * block.weight
            for block, counts, known, idf in zip(BLOCKS, blocks, self.known, self.idf, strict=True)
        ]
        return sparse.hstack(parts, format="csr")


def _count(cut: Sequence[Sequence[str]], words: dict[str, int]) -> list[grams.Counted]:
    # Words the training never saw are dropped before characters are joined: training texts come with their stop
    # words removed and live ones don't, and this makes both look alike whatever list was used.
    seen = [[word for word in row if word in words] for row in cut]
    streams = {
        "word": grams.numbered([[words[word] for word in row] for row in seen]),
        "character": grams.characters(["".join(row) for row in seen]),
    }
    found = []
    for block in BLOCKS:
        stream = streams[block.unit]
        found.append(grams.counted(stream.opening(block.opening) if block.opening else stream, block.sizes))
    return found


def _learn(blocks: Sequence[grams.Counted], words: dict[str, int]) -> Features:
    known, idf = [], []
    for block, counts in zip(BLOCKS, blocks, strict=True):
        spread = counts.spread()
        kept = spread >= block.least
        known.append(counts.codes[kept])
        idf.append(grams.inverse_frequency(spread[kept], counts.table.shape[0]))
    return Features(words, tuple(known), tuple(idf))


@dataclass(frozen=True)
class Classifier:
    """Immutable; `to_bytes` and `from_bytes` carry it without pickle."""

    labels: tuple[str, ...]
    features: Features
    weights: Matrix
    bias: Matrix
    scale: Matrix
    shift: Matrix
    threshold: float
    version: str
    quality: Quality

    def probabilities(self, texts: Sequence[str]) -> Matrix:
        return self._score([tokens(text) for text in texts])[1]

    def predict(self, texts: Sequence[str]) -> list[Proposal]:
        found: list[Proposal] = []
        for start in range(0, len(texts), _BATCH):
            table, chances = self._score([tokens(text) for text in texts[start : start + _BATCH]])
            found.extend(self._proposals(table, chances))
        return found

    def _score(self, cut: Sequence[Sequence[str]]) -> tuple[Sparse, Matrix]:
        table = self.features.table(_count(cut, self.features.words))
        return table, _chances(table @ self.weights.T + self.bias, self.scale, self.shift)

    def _proposals(self, table: Sparse, chances: Matrix) -> list[Proposal]:
        order = np.argsort(-chances, axis=1, kind="stable")[:, :3]
        evidence = self._evidence(table, order[:, 0])
        found = []
        for row, best in enumerate(order):
            top = tuple((self.labels[index], float(chances[row, index])) for index in best)
            # An empty or wholly unknown text has no evidence; it is never decided by the prior alone.
            sure = top[0][1] >= self.threshold and table.indptr[row] < table.indptr[row + 1]
            found.append(Proposal(top[0][0] if sure else None, top[0][1], top, self.version, evidence[row]))
        return found

    def _evidence(self, table: Sparse, best: Integers) -> list[tuple[str, ...]]:
        """The words that spoke most for the first choice."""
        count = len(self.features.known[0])
        names = list(self.features.words)
        numbers = self.features.known[0].astype(np.int64) - 1
        words = table[:, :count]
        rows = np.repeat(np.arange(words.shape[0]), np.diff(words.indptr))
        pull = words.data * self.weights[best[rows], words.indices]
        found = []
        for start, stop in zip(words.indptr[:-1], words.indptr[1:], strict=True):
            strongest = start + np.argsort(-pull[start:stop], kind="stable")[:5]
            found.append(tuple(names[numbers[words.indices[i]]] for i in strongest if pull[i] > 0))
        return found

    def to_bytes(self) -> bytes:
        head = {
            "format": _FORMAT,
            "labels": self.labels,
            "words": list(self.features.words),
            "threshold": self.threshold,
            "version": self.version,
            "quality": asdict(self.quality),
            "blocks": [asdict(block) for block in BLOCKS],
        }
        arrays: dict[str, Any] = {
            "weights": self.weights,
            "bias": self.bias,
            "scale": self.scale,
            "shift": self.shift,
        }
        arrays |= {f"known{i}": known for i, known in enumerate(self.features.known)}
        arrays |= {f"idf{i}": idf for i, idf in enumerate(self.features.idf)}
        arrays["head"] = np.frombuffer(json.dumps(head, ensure_ascii=False).encode(), dtype=np.uint8)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Classifier":
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            head = json.loads(arrays["head"].tobytes())
        except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise Invalid("分类模型文件已损坏或不是本系统的模型,请重新训练。") from error
        blocks = json.loads(json.dumps([asdict(block) for block in BLOCKS]))
        if head.get("format") != _FORMAT or head["blocks"] != blocks:
            raise Invalid("分类模型由另一版本的程序训练,特征定义不同,请重新训练。")
        features = Features(
            {word: number for number, word in enumerate(head["words"])},
            tuple(arrays[f"known{i}"] for i in range(len(BLOCKS))),
            tuple(arrays[f"idf{i}"] for i in range(len(BLOCKS))),
        )
        fitted = {name: arrays[name] for name in _FITTED}
        return cls(
            labels=tuple(head["labels"]),
            features=features,
            **fitted,
            threshold=head["threshold"],
            version=head["version"],
            quality=Quality(**head["quality"]),
        )


def train(
    texts: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[int],
    *,
    abstain_precision: float = 0.985,
    seed: int = 0,
    folds: int = 5,
    tell: Tell = lambda done, steps, what: None,
) -> Classifier:
    """Fit on everything; calibrate and choose the threshold on grouped folds of the same texts.

    `tell` hears how far it is: steps done, steps in all, and what comes now in words.
    """
    _check(texts, labels, groups, abstain_precision, folds)
    steps = folds + 2
    tell(0, steps, f"正在分词，共 {len(texts):,} 条")
    names = tuple(sorted(set(labels)))
    truth = np.array([names.index(label) for label in labels])
    cut = [tokens(text) for text in texts]
    words = {word: number for number, word in enumerate(sorted({word for row in cut for word in row}))}
    blocks = _count(cut, words)
    margins = _held_out_margins(
        blocks, truth, np.asarray(groups), seed, folds,
        lambda part: tell(1 + part, steps, f"正在交叉验证，第 {part + 1} / {folds} 轮"),
    )  # fmt: skip
    tell(1 + folds, steps, "正在定阈值、用全部数据拟合")
    chances, scale, shift = _calibrate(margins, truth, seed)
    threshold, quality = _choose_threshold(chances, truth, abstain_precision)
    features = _learn(blocks, words)
    weights, bias = _fit(features.table(blocks), truth, seed)
    version = _version(texts, labels, groups, (abstain_precision, seed, folds, _FORMAT, BLOCKS))
    return Classifier(names, features, weights, bias, scale, shift, threshold, version, quality)


def _check(texts: Sequence[str], labels: Sequence[str], groups: Sequence[int], precision: float, folds: int) -> None:
    if not len(texts) == len(labels) == len(groups):
        raise Invalid("训练数据的正文、类别、分组三列行数不一致,请检查数据。")
    if not 0.5 <= precision < 1:
        raise Invalid("要求的准确率须在 0.5 与 1 之间。")
    kinds = set(labels)
    if len(kinds) < 2:
        raise Invalid("训练数据至少要有两个类别。")
    for kind in sorted(kinds):
        independent = {group for group, label in zip(groups, labels, strict=True) if label == kind}
        if len(independent) < folds:
            raise Invalid(f"类别“{kind}”只有 {len(independent)} 组互不重复的样本,至少需要 {folds} 组。")


def _fit(table: Sparse, truth: Integers, seed: int) -> tuple[Matrix, Matrix]:
    model = import_module("sklearn.svm").LinearSVC(C=0.3, random_state=seed).fit(table, truth)
    if len(model.classes_) == 2:
        # One separating plane serves both sides.
        return np.vstack([-model.coef_, model.coef_]), np.concatenate([-model.intercept_, model.intercept_])
    return model.coef_, model.intercept_


def grouped_folds(truth: Integers, groups: Integers, seed: int, folds: int) -> Integers:
    """The fold of every row: groups whole, labels spread evenly (dealt like cards, label by label)."""
    names, first, where = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    dealt = shuffled[np.argsort(truth[first][shuffled], kind="stable")]
    parts = np.empty(len(names), dtype=np.int64)
    parts[dealt] = np.arange(len(names)) % folds
    return parts[where]


def _held_out_margins(
    blocks: Sequence[grams.Counted],
    truth: Integers,
    groups: Integers,
    seed: int,
    folds: int,
    begin: Callable[[int], None],
) -> Matrix:
    margins = np.zeros((len(truth), truth.max() + 1))
    parts = grouped_folds(truth, groups, seed, folds)
    for part in range(folds):
        begin(part)
        fit, held = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        inner = [counts.rows(fit) for counts in blocks]
        features = _learn(inner, {})
        weights, bias = _fit(features.table(inner), truth[fit], seed)
        margins[held] = features.table([counts.rows(held) for counts in blocks]) @ weights.T + bias
    return margins


def _chances(margins: Matrix, scale: Matrix, shift: Matrix) -> Matrix:
    scores = margins @ scale.T + shift
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _calibrate(margins: Matrix, truth: Integers, seed: int) -> tuple[Matrix, Matrix, Matrix]:
    """Cross-fitted chances for choosing the threshold, and the map fitted on all held-out margins."""
    order = np.random.default_rng(seed).permutation(len(truth))
    chances = np.zeros_like(margins)
    for part in range(2):
        held, fit = order[part::2], order[1 - part :: 2]
        chances[held] = _chances(margins[held], *_fit_scale(margins[fit], truth[fit]))
    return chances, *_fit_scale(margins, truth)


def _fit_scale(margins: Matrix, truth: Integers) -> tuple[Matrix, Matrix]:
    model = import_module("sklearn.linear_model").LogisticRegression(C=1.0, max_iter=500).fit(margins, truth)
    if len(model.classes_) == 2:
        zero = np.zeros_like(model.coef_)
        return np.vstack([zero, model.coef_]), np.concatenate([[0.0], model.intercept_])
    return model.coef_, model.intercept_


def _choose_threshold(chances: Matrix, truth: Integers, asked: float) -> tuple[float, Quality]:
    """The lowest confidence above which the Clopper-Pearson lower bound of precision still holds what is asked."""
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == truth
    order = np.argsort(-confidence, kind="stable")
    taken = np.arange(1, len(order) + 1)
    good = np.cumsum(right[order])
    # With no error among n, the bound is (1-confidence)^(1/n): a small set can never promise much.
    bound = import_module("scipy.stats").beta.ppf(1 - _BOUND_CONFIDENCE, np.maximum(good, 1), taken - good + 1)
    allowed = np.flatnonzero((bound >= asked) & (good > 0))
    last = int(allowed[-1]) if len(allowed) else -1
    threshold = float(confidence[order[last]]) if last >= 0 else float(np.nextafter(1.0, 2.0))
    top3 = float(np.mean([truth[i] in np.argsort(-chances[i])[:3] for i in range(len(truth))]))
    precision = float(good[last] / taken[last]) if last >= 0 else 1.0
    coverage = (last + 1) / len(order)
    return threshold, Quality(
        len(truth), float(right.mean()), top3, coverage, precision, asked, _macro_f1(truth, chances.argmax(axis=1))
    )


def _macro_f1(truth: Any, told: Any) -> float:
    """The mean over the classes of 2·TP ÷ (2·TP + FP + FN): a small class weighs as much as a large one."""
    scores = []
    for label in set(truth.tolist()):
        hit = np.sum((truth == label) & (told == label))
        scores.append(2 * hit / (np.sum(truth == label) + np.sum(told == label)))
    return float(np.mean(scores))


def _version(texts: Sequence[str], labels: Sequence[str], groups: Sequence[int], settings: object) -> str:
    digest = hashlib.sha256(repr(settings).encode())
    for text, label, group in zip(texts, labels, groups, strict=True):
        digest.update(json.dumps([text, label, int(group)], ensure_ascii=False).encode())
    return digest.hexdigest()[:16]
