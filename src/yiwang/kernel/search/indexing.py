"""The place that released migrations and domains know the bigram index by; the ledger, below this room, has one too."""

from yiwang.kernel.bulk.indexing import (
    FUNCTION,
    BigramIndex,
    Bigrams,
    Joined,
    Unnested,
    containing,
    is_indexed,
    possible,
    share_of,
)

__all__ = [
    "FUNCTION", "BigramIndex", "Bigrams", "Joined", "Unnested", "containing", "is_indexed", "possible", "share_of",
]  # fmt: skip
