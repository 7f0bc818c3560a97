"""个人信息删除到达检查留下的文件（有效行、问题行、修复记录、样本、退回表）和修复的对照表。"""

import json
from collections.abc import Iterator, Sequence

from django.db import transaction

from yiwang.data.governance.models import Proposal, Repair, Run
from yiwang.data.governance.queries import values_of
from yiwang.data.governance.services.running import FILES, kept, put
from yiwang.data.governance.terms import VALUES
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.files import queries as stored
from yiwang.kernel.files import sealed
from yiwang.kernel.files import services as files
from yiwang.kernel.lake import engine, erasing, places
from yiwang.kernel.lake.erasing import Report, Subject, Trace, plain
from yiwang.kernel.ledger import services as ledger

# Which row of the batch a row of these files was.
NUMBERS = {"quarantine.parquet": "__row", "repairs.parquet": "row"}
TABLES = FILES[:3]
PLACE = "修复的对照表"


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


def _tables() -> Iterator[Repair | Proposal]:
    """Repairs and proposed ones that have a table of values."""
    yield from Repair.objects.exclude(values="").select_related("rule_set").order_by("pk").iterator(chunk_size=200)
    yield from Proposal.objects.exclude(values="").order_by("pk").iterator(chunk_size=200)


def _named(found: Repair | Proposal) -> str:
    return f"规则建议 {found.pk}" if isinstance(found, Proposal) else f"{found.rule_set}（{found.reason}）"


def _mentions(row: Sequence[object], texts: Sequence[str]) -> bool:
    return any(text in plain(str(value)) for value in row for text in texts)


def search(subject: Subject) -> Report:
    """Every table of values that mentions the person, whatever became of it."""
    held = list(_tables())
    counts = [(each, sum(_mentions(row, subject.texts) for row in values_of(each))) for each in held]
    return Report(len(held), [Trace(_named(each), count) for each, count in counts if count])


def erase_values(actor: Actor, subject: Subject, reason: str) -> Report:
    """Leave the items that mention the person out, also of published sets: their rules stay, their digest says what was.

    Who may delete a person is asked by whoever calls the places (`kernel.lake.erasing`)."""
    held, done = list(_tables()), []
    for each in held:
        with transaction.atomic():
            model = type(each)
            rows = values_of(model.objects.select_for_update(of=("self",)).get(pk=each.pk))
            kept = [row for row in rows if not _mentions(row, subject.texts)]
            if len(kept) == len(rows):
                continue
            token = encrypt(json.dumps(kept, ensure_ascii=False), VALUES) if kept else ""
            model.objects.filter(pk=each.pk).update(values=token)
            target = (
                ("governance.proposal", each.pk)
                if isinstance(each, Proposal)
                else ("governance.rule_set", each.rule_set_id)
            )
            ledger.record(actor, "governance.erase", target, reason=reason, after={"values": len(rows) - len(kept)})
        done.append(Trace(_named(each), len(rows) - len(kept), "对照表中涉及本人的各项已删去"))
    return Report(len(held), done)


erasing.register(PLACE, search, erase_values)
