"""个人信息删除到达检查留下的文件：有效行、问题行、修复记录、样本、退回表。"""

from collections.abc import Sequence

from yiwang.data.governance.models import Run
from yiwang.data.governance.services.running import FILES, kept, put
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.files import queries as stored
from yiwang.kernel.files import sealed
from yiwang.kernel.files import services as files
from yiwang.kernel.lake import engine, places
from yiwang.kernel.ledger import services as ledger

# Which row of the batch a row of these files was.
NUMBERS = {"quarantine.parquet": "__row", "repairs.parquet": "row"}
TABLES = FILES[:3]


def erase(actor: Actor, run_id: int, texts: Sequence[str], rows: Sequence[int], reason: str) -> dict[str, int]:
    """Leave out of a run's files the rows that mention one of the texts or came from these rows; {file: how many}.

    A return sheet made of such rows is destroyed. The counts of the run stay: they are what was judged then.
    """
    actor.require("governance.run", "change")
    run = Run.objects.get(pk=run_id)
    clear = sum(sealed.size_of(places.root() / run.folder / name) for name in TABLES)
    with kept(run, *TABLES) as paths, places.work_folder(clear) as made:
        found: dict[str, int] = engine.run(
            "yiwang.kernel.lake.work.erasing:without",
            {"paths": dict(zip(TABLES, map(str, paths), strict=True)), "texts": list(texts), "numbers": NUMBERS,
             "rows": list(rows), "sheet": {}}, folder=made, seconds=600,
        )  # fmt: skip
        # Drawn for trying conditions; the next run draws another.
        (made / FILES[3]).write_bytes(b"[]")
        put(run, made)
    if found["quarantine.parquet"]:
        for sheet in stored.of(("governance.run", run.pk)):
            files.erase(actor, sheet.pk, reason)
    ledger.record(actor, "governance.erase", ("governance.run", run.pk), reason=reason, after=dict(found))
    return found
