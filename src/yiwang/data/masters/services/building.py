"""Building libraries: in a job, from pinned snapshots, published with lineage."""

import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.data.masters.models import Build, Design, Library
from yiwang.data.masters.services import designing, libraries
from yiwang.data.masters.services.resolving import Resolution
from yiwang.data.masters.terms import BuildState, Entity
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.lake import queries as lakes
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.kernel.lake.sources import Query
from yiwang.kernel.ledger.services import record


def build(actor: Actor, library_id: int, *, job_id: int | None = None) -> Build:
    """Build the library from its sources as they are now; nothing when they and the design are as last time. Worker only.

    A refusal (a column is gone, a key doubles) is kept on the build in words, and the published data stays.
    """
    actor.require("masters.library", "build")
    library = Library.objects.get(pk=library_id)
    design = libraries.current_design(library)
    wanted = pinned(design)
    last = library.builds.filter(state=BuildState.DONE).order_by("-pk").first()
    if last is not None and last.design_id == design.pk and last.inputs == wanted and not stale(library, last):
        return last
    made = Build.objects.create(
        library=library, design=design, inputs=wanted, organisation=library.organisation, created_by_id=actor.person_id,
        is_demo=library.is_demo,
    )  # fmt: skip
    try:
        with transaction.atomic():
            snapshot = _joined(actor, design, made, job_id) if library.entity == Entity.NONE else Resolution(
                actor, design, made, job_id).run()  # fmt: skip
            _done(actor, library, made, snapshot)
    except Refused as refusal:
        made.state, made.message, made.finished_at = BuildState.REFUSED, refusal.message, timezone.now()
        made.save()
        record(actor, "masters.build_refused", ("masters.library", library.pk), after={"message": refusal.message})
    return made


def pinned(design: Design) -> dict[str, int]:
    """Table → number of its current snapshot, 0 when there is none; the day when the design asks for it."""
    names = {str(spec["table"]) for spec in design.content["sources"]}
    found = dict.fromkeys(sorted(names), 0)
    for table in LakeTable.objects.filter(name__in=names).select_related("current"):
        found[table.name] = table.current.number if table.current else 0
    if "today()" in json.dumps(design.content):
        found["today()"] = int(f"{timezone.localdate():%Y%m%d}")
    return found


def stale(library: Library, last: Build) -> bool:
    """Whether people decided since; then the golden table is behind."""
    since = last.finished_at or last.created_at
    return library.decisions.filter(created_at__gt=since).exists()


def due(actor: Actor) -> list[Library]:
    """Libraries whose sources, design or decisions moved on since the last build that was tried."""
    found = []
    for library in Library.objects.filter(designs__published_at__isnull=False).distinct().order_by("pk"):
        design = libraries.current_design(library)
        last = library.builds.order_by("-pk").first()
        if last is None or last.design_id != design.pk or last.inputs != pinned(design) or stale(library, last):
            found.append(library)
    return found


def _joined(actor: Actor, design: Design, made: Build, job_id: int | None) -> Snapshot:
    library, plan = design.library, designing.joined(design.content)
    table = lake.ensure_table(
        actor, library.table, library.name, plan.columns, plan.key, organisation=library.organisation
    )
    inputs = {f"s{position}": lakes.source(each.snapshot) for position, each in enumerate(plan.inputs)}
    cause = {"library": library.code, "design": design.number, "inputs": made.inputs}
    staged = lake.stage(actor, table, Query(plan.sql, inputs), "replace", cause, edges=plan.edges, job_id=job_id)
    if table.current_id and table.key:
        found = lakes.diff(lakes.current(table) or staged, staged)
        made.counts = {"added": found.added, "removed": found.removed, "changed": found.changed}
    lake.publish(actor, staged, f"{library.name}第 {design.number} 版设计构建")
    return staged


def _done(actor: Actor, library: Library, made: Build, snapshot: Snapshot) -> None:
    counts: dict[str, Any] = made.counts or dict(snapshot.counts)
    made.state, made.snapshot, made.rows, made.counts = BuildState.DONE, snapshot.number, snapshot.rows, counts
    made.finished_at, made.message = timezone.now(), f"生成 {snapshot.rows} 行。"
    made.save()
    library.rows, library.snapshot, library.built_at = snapshot.rows, snapshot.number, made.finished_at
    library.save(update_fields=["rows", "snapshot", "built_at", "updated_at"])
    record(actor, "masters.build", ("masters.library", library.pk), after={
        "design": made.design.number, "inputs": made.inputs, "snapshot": snapshot.number, "rows": snapshot.rows})  # fmt: skip
