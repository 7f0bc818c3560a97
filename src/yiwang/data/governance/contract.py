"""What other domains may do with governance."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import queries
from yiwang.data.governance.models import Run
from yiwang.data.governance.services import erasing, running, sheets
from yiwang.data.governance.services import objections as objecting
from yiwang.data.governance.services.running import RuleVerdict, Verdict
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.lake.engine import Session

__all__ = [
    "FUNCTIONS", "RuleVerdict", "Verdict", "check", "check_read", "erase", "kept", "objections", "open_marks", "open_objection", "progress", "quality",
    "record_snapshot", "return_sheet", "seal_runs",
]  # fmt: skip

# What a session has to run for `check_read` and `return_sheet`.
FUNCTIONS = (running.CHECK, sheets.GIVE_BACK)


def check(actor: Actor, resource_id: int, parquet_path: str, package_ref: str, *, job_id: int | None = None) -> Verdict:
    """Judge a package against the published rule set of the resource; worker only.

    The Parquet file holds one row per data row; columns by item name, as text (repaired and converted here) or already
    of the item's type. A column `_row` (the row's number in the sheet it came from) is carried along, so that a
    return sheet can be coloured. The same package and rule set give the same run, also after a kill.
    """
    return running.check(actor, resource_id, parquet_path, package_ref, job_id=job_id)


def check_read(
    actor: Actor, resource_id: int, read: Callable[[], Session], package_ref: str, digest: str, *, job_id: int | None = None,
) -> Verdict:  # fmt: skip
    """`check` for rows that a session's process has read (`kernel.tables.reading:read`) and gives up to it. `read` is
    called when there is something to check; `digest` says what was read and how."""
    return running.check(actor, resource_id, "", package_ref, read=read, digest=digest, job_id=job_id)


def kept(run_id: int, *names: str) -> AbstractContextManager[list[Path]]:
    """The files a run left (`valid.parquet`: the good rows, repaired and typed; `quarantine.parquet`: the rows kept
    back), readable while this lasts; those of a sealed resource lie open in a private folder for that time."""
    return running.kept(Run.objects.get(pk=run_id), *names)


def erase(actor: Actor, run_id: int, texts: Sequence[str], rows: Sequence[int], reason: str) -> dict[str, int]:
    """Leave a person's rows (those that mention one of the texts, or of these numbers in the batch, from 0) out of the
    files of a run, its return sheet included (个人信息保护法第四十七条); {file: rows}. Worker only, may be repeated."""
    return erasing.erase(actor, run_id, texts, rows, reason)


def seal_runs(actor: Actor, resource_id: int) -> int:
    """Seal the files of earlier runs of a resource that holds items of level 3 or up now; how many runs."""
    return running.seal_runs(actor, resource_id)


def record_snapshot(actor: Actor, run_id: int, number: int) -> None:
    """The valid rows of the run became this snapshot; in the publisher's transaction."""
    running.record_snapshot(actor, run_id, number)


def return_sheet(
    actor: Actor, run_id: int, *, original: Path, name: str, sheet: str, first_data: int, columns: Mapping[str, int],
    session: Session | None = None,
) -> AbstractContextManager[Callable[[], StoredFile]]:  # fmt: skip
    """The sender's sheet with the bad rows, wrong cells coloured and a reason each; worker only. It is made while the block
    goes on; what is given waits for it and keeps it with the run.

    original: the file as received; name: what it was called. first_data: rows of the sheet above the data. columns:
    field → column from 0. The run's package must have carried `_row`, from 1. session: one that has the original open.
    """
    return sheets.return_sheet(
        actor, run_id, original=original, name=name, sheet=sheet, first_data=first_data, columns=dict(columns), session=session,
    )  # fmt: skip


def progress(actor: Actor, run_id: int) -> dict[str, int] | None:
    """Rows kept back by the resource's run before, by key: {fixed, still, missing}, and {new} ones; worker only."""
    return sheets.progress(actor, run_id)


def objections(resource_id: int, keys: Iterable[Sequence[Any]]) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """Marks every answer must show: {key: {field: {number, since, state, snapshot}}}; one statement for all keys."""
    return queries.marks(resource_id, keys)


def open_marks(resource_id: int) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """All marks of a resource, in the shape of `objections`: for a copy that answers without asking again."""
    return queries.open_marks(resource_id)


def open_objection(
    actor: Actor, resource_id: int, snapshot_number: int, key: Sequence[Any], field: str, reason: str, *, proposed: str = "",
    idempotency: str = "",
) -> str:  # fmt: skip
    """Object to a cell; the number of the case."""
    made = objecting.open_objection(
        actor, resource_id, snapshot_number, key, field, reason, proposed=proposed, idempotency=idempotency
    )
    return str(made.case.number)


def quality(resource_id: int, month: date) -> tuple[Decimal, dict[str, Any]] | None:
    """(score 0..100, parts by dimension with the pinned run, rule set and snapshot) of a month."""
    return catalog.quality_of(resource_id, month)
