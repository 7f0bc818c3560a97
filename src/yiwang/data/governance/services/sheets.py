"""退回：同一张表、坏行、着色、理由；下次报送与它比对。"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance.models import Run
from yiwang.data.governance.services import running
from yiwang.data.governance.terms import Kind, RunState, Severity
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.files import sealed
from yiwang.kernel.files import services as files
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.lake import engine, places

WHOLE = (Kind.DRIFT, Kind.FRESHNESS, Kind.DISTRIBUTION)
OWNER = "governance.run"
# Nobody mends more rows by hand, and office software opens no more with ease.
LARGEST = 100_000
GIVE_BACK, SECONDS = "yiwang.data.governance.jobs.returning:give_back", 120.0


def _rules(run: Run) -> list[dict[str, Any]]:
    """In the order of the mask's bits, which is that of the plan."""
    found = run.rule_set.rules.exclude(kind__in=WHOLE)
    return [
        {"name": rule.name, "reason": rule.reason, "fields": rule.fields, "blocks": rule.severity == Severity.BLOCK}
        for rule in found
    ]


@contextmanager
def return_sheet(
    actor: Actor, run_id: int, *, original: Path, name: str, sheet: str, first_data: int, columns: dict[str, int],
    session: engine.Session | None = None,
) -> Iterator[Callable[[], StoredFile]]:  # fmt: skip
    """Make the return sheet of a run while the block goes on; what is given waits for it and keeps it with the run, once.

    Worker only. first_data: rows above the data in the sheet. session: one that has the original open.
    """
    run: Run = doors.row(actor, OWNER, run_id)
    if run.state != RunState.DONE or not run.bad:
        raise Refused("这次检查没有拦截的行，没有退回表。", rule="退回须有问题")
    known = StoredFile.objects.filter(owner_kind=OWNER, owner_id=run.pk, kind="return", withdrawn_at=None).first()
    if known is not None:
        yield lambda: known
        return
    with (
        running.session_of(session, GIVE_BACK, 1024, SECONDS, original if run.sealed else "") as used,
        running.kept(run, "quarantine.parquet") as (quarantine,),
    ):
        made = used.begin(
            GIVE_BACK,
            {"original": str(original), "name": name, "sheet": sheet, "first_data": first_data, "columns": columns,
             "quarantine": str(quarantine), "rules": _rules(run), "most": LARGEST},
            seconds=SECONDS,
        )  # fmt: skip

        def kept() -> StoredFile:
            made()
            stem = name.rsplit(".", 1)[0]
            with transaction.atomic(), (used.folder / "return.xlsx").open("rb") as content:
                return files.store(
                    actor, f"{stem}-退回.xlsx", content, owner=(OWNER, run.pk), kind="return", sealing=run.sealed
                )

        yield kept


def progress(actor: Actor, run_id: int) -> dict[str, int] | None:
    """{fixed, still, missing, new} against the resource's run before, by key; None when there is nothing to compare.
    Worker only."""
    run: Run = doors.row(actor, OWNER, run_id)
    key = catalog.resource(actor, run.rule_set.resource).key
    before = (
        Run.objects.filter(rule_set__resource=run.rule_set.resource, state=RunState.DONE, pk__lt=run.pk)
        .order_by("-pk")
        .first()
    )
    if before is None or not key or not (before.bad or run.bad):
        return None
    held = [places.root() / each.folder / name for each in (before, run) for name in running.FILES[:2]]
    if not all(map(sealed.exists, held)):
        return None
    with running.kept(before, "quarantine.parquet") as (was,), running.kept(run, *running.FILES[:2]) as (valid, bad):
        found: dict[str, int] = engine.run(
            "yiwang.data.governance.jobs.returning:compare",
            {"before": str(was), "after_bad": str(bad), "after_valid": str(valid), "key": list(key)}, seconds=120,
        )  # fmt: skip
    return found
