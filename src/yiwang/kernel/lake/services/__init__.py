"""The public verbs. Tables and pointers change in the caller's transaction; files are made beside it, then named."""

from yiwang.kernel.lake.services.exporting import export
from yiwang.kernel.lake.services.keeping import compact, expire, hold, set_retention
from yiwang.kernel.lake.services.publishing import publish, rollback
from yiwang.kernel.lake.services.rewriting import rewrite_without
from yiwang.kernel.lake.services.sealing import seal, seal_files
from yiwang.kernel.lake.services.staging import discard, stage
from yiwang.kernel.lake.services.sweeping import sweep
from yiwang.kernel.lake.services.tables import ensure_table

__all__ = [
    "compact", "discard", "ensure_table", "expire", "export", "hold", "publish", "rewrite_without", "rollback", "seal", "seal_files",
    "set_retention", "stage", "sweep",
]  # fmt: skip
