"""Runs of symbols counted with numpy: the one feature machine under triage and topics.

A symbol is a character or a word number below 2**21, so that three of them fit one 64-bit code. All texts are laid end
to end, and codes are found in a sorted vocabulary: no Python loop over n-grams, and no pickled vocabulary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from yiwang.kernel.search.arrays import Codes, Floats, Integers, Sparse, np, sparse

_BITS = 21


@dataclass(frozen=True)
class Stream:
    """Symbols of many texts end to end, and which text each belongs to."""

    symbols: Codes
    owners: Integers
    size: int

    def opening(self, count: int) -> "Stream":
        """The first `count` symbols of every text: people put the matter and the place first."""
        starts = np.searchsorted(self.owners, np.arange(self.size))
        keep = np.arange(len(self.owners)) - starts[self.owners] < count
        return Stream(self.symbols[keep], self.owners[keep], self.size)


def characters(texts: Sequence[str]) -> Stream:
    flat = np.frombuffer("".join(texts).encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64)
    return Stream(flat, np.repeat(np.arange(len(texts)), [len(text) for text in texts]), len(texts))


def numbered(sequences: Sequence[Sequence[int]]) -> Stream:
    lengths = [len(sequence) for sequence in sequences]
    flat = np.fromiter(chain.from_iterable(sequences), dtype=np.uint64, count=sum(lengths))
    return Stream(flat, np.repeat(np.arange(len(sequences)), lengths), len(sequences))


def grams(stream: Stream, sizes: Iterable[int]) -> tuple[Codes, Integers]:
    """Codes of all runs of the given sizes that stay inside one text, with their owners."""
    codes, owners = [], []
    for size in sizes:
        stop = max(0, len(stream.symbols) - size + 1)
        code = np.zeros(stop, dtype=np.uint64)
        for offset in range(size):
            code = (code << np.uint64(_BITS)) | (stream.symbols[offset : offset + stop] + np.uint64(1))
        inside = stream.owners[:stop] == stream.owners[size - 1 : size - 1 + stop]
        codes.append(code[inside])
        owners.append(stream.owners[:stop][inside])
    return np.concatenate(codes), np.concatenate(owners)


@dataclass(frozen=True)
class Counted:
    """How often each distinct run (sorted codes = columns) stands in each text (rows)."""

    codes: Codes
    table: Sparse

    def rows(self, chosen: Integers) -> "Counted":
        return Counted(self.codes, self.table[chosen])

    def spread(self) -> Integers:
        """In how many texts each run stands."""
        return np.bincount(self.table.indices, minlength=len(self.codes))


def counted(stream: Stream, sizes: Iterable[int]) -> Counted:
    codes, owners = grams(stream, sizes)
    order = np.argsort(codes)
    codes, owners = codes[order], owners[order]
    fresh = np.ones(len(codes), dtype=bool)
    fresh[1:] = codes[1:] != codes[:-1]
    columns = np.cumsum(fresh) - 1
    shape = (stream.size, int(fresh.sum()))
    return Counted(codes[fresh], sparse.csr_matrix((np.ones(len(codes)), (owners, columns)), shape=shape))


def weighted(counts: Counted, known: Codes, idf: Floats) -> Sparse:
    """Rows of (1 + log count) × idf over the known runs, scaled to length one; nothing known gives a zero row."""
    if not len(known):
        return sparse.csr_matrix((counts.table.shape[0], 0))
    place = np.minimum(np.searchsorted(known, counts.codes), len(known) - 1)
    place = np.where(known[place] == counts.codes, place, -1)
    columns = place[counts.table.indices]
    hit = columns >= 0
    ends = np.concatenate([[0], np.cumsum(hit)])[counts.table.indptr]
    columns = columns[hit]
    values = (1 + np.log(counts.table.data[hit])) * idf[columns]
    return unit_rows(sparse.csr_matrix((values, columns, ends), shape=(counts.table.shape[0], len(known))))


def unit_rows(table: Sparse) -> Sparse:
    norms = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    table.data = table.data / np.repeat(np.where(norms > 0, norms, 1.0), np.diff(table.indptr))
    return table


def inverse_frequency(counts: Integers, total: int) -> Floats:
    return np.asarray(np.log((1 + total) / (1 + counts)) + 1)
