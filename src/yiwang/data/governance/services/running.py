"""检查：一个数据包对一版规则集，恰好一次；中断后重来，结果相同。"""

import hashlib
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance.models import Finding, Rule, RuleSet, Run
from yiwang.data.governance.queries import hidden as ends
from yiwang.data.governance.queries import values_of
from yiwang.data.governance.services import rules as rule_sets
from yiwang.data.governance.terms import Kind, RuleSetState, RunState, Severity
from yiwang.data.governance.terms.plans import Answer, Plan
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Refused
from yiwang.kernel.crypto.masks import STARS
from yiwang.kernel.files import queries as stored
from yiwang.kernel.files import sealed
from yiwang.kernel.files import services as files
from yiwang.kernel.lake import engine, places, queries
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.ledger import services as ledger

MEMORY_MB, SECONDS = 2560, 900.0
CHECK = "yiwang.data.governance.jobs.checking:check"
LOCKS = 20_170
CHANGED = "数据包 {} 已有结论，现在读到的内容变了（或读取方式随平台升级变了），没有再检查。请在数据包页点“重放”，重放不了的重新报送。"
FILES = ("valid.parquet", "quarantine.parquet", "repairs.parquet", "sample.json")


@dataclass(frozen=True)
class RuleVerdict:
    """failed: rows that are wrong; unknown: rows that could not be judged (待核实). Neither counts as passed."""

    code: str
    name: str
    failed: int
    unknown: int
    passed: bool
    blocks: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """rows = valid + bad; the rows themselves through `kept`."""

    run_id: int
    rows: int
    valid: int
    bad: int
    by_rule: tuple[RuleVerdict, ...]


def digest_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _alone(run_id: int) -> Iterator[None]:
    """One process per run; a killed one lets go with its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCKS, run_id])
        if not cursor.fetchone()[0]:
            raise Conflict("这个数据包正在检查，请等待结果。")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCKS, run_id])


def published(actor: Actor, resource_id: int) -> RuleSet:
    """The rule set in force; a resource that has none starts with what its catalogue entry promises."""
    found = RuleSet.objects.filter(resource=resource_id, state=RuleSetState.PUBLISHED).first()
    if found is None:
        catalog.resource(actor, resource_id)
        found = rule_sets.publish(SYSTEM, rule_sets.draft(SYSTEM, resource_id))
    return found


def check(
    actor: Actor, resource_id: int, parquet_path: str, package_ref: str, *, read: Callable[[], engine.Session] | None = None, digest: str = "",
    memory_mb: int = MEMORY_MB, seconds: float = SECONDS, job_id: int | None = None,
) -> Verdict:  # fmt: skip
    """Judge a package. Runs in the worker. The same package and rule set give the same run; changed content is refused
    once there is a verdict.

    `read`: gives a session that has read the rows (`kernel.tables.reading:read`), in place of a Parquet file; `digest`
    then says what was read.
    """
    rule_set = published(actor, resource_id)
    found = digest or digest_of(Path(parquet_path))
    run, _ = Run.objects.get_or_create(
        rule_set=rule_set, package=package_ref,
        defaults={"organisation_id": rule_set.organisation_id, "created_by_id": actor.person_id, "digest": found,
                  "as_of": timezone.localdate(), "is_demo": rule_set.is_demo, "resource_name": rule_set.resource_name},
    )  # fmt: skip
    with _alone(run.pk):
        run.refresh_from_db()
        if run.digest != found:
            if run.state == RunState.DONE:
                raise Conflict(CHANGED.format(package_ref), rule="数据包不可更改")
            # Nothing was concluded from what was read before, and the original is kept under its own digest.
            run.digest = found
            run.save(update_fields=["digest", "updated_at"])
        if run.state != RunState.DONE:
            plan = plan_of(run, [] if read else [parquet_path])
            high = catalog.resource(SYSTEM, resource_id).sealed
            with session_of(read and read(), CHECK, memory_mb, seconds, parquet_path if high else "") as session:
                _perform(actor, run, plan, session, seconds=seconds, job_id=job_id)
    return verdict(run)


@contextmanager
def session_of(
    given: engine.Session | None, function: str, memory_mb: int, seconds: float, secret: str | Path = ""
) -> Iterator[engine.Session]:
    """The given one, or one for this function alone, which reads `secret` and may not leave it in the clear."""
    if given is not None:
        yield given
        return
    clear = Path(secret).stat().st_size if secret else 0
    with engine.session([function], memory_mb=memory_mb, seconds=seconds, clear=clear) as made:
        yield made


def _perform(actor: Actor, run: Run, plan: Plan, session: engine.Session, **limits: Any) -> None:
    run.sealed = bool(catalog.resource(SYSTEM, run.rule_set.resource).sealed)
    try:
        answer: Answer = session.run(CHECK, {"plan": plan}, **limits)
    except Refused as refusal:
        Run.objects.filter(pk=run.pk).update(
            state=RunState.FAILED, message=refusal.message[:400], finished_at=timezone.now()
        )
        raise
    put(run, session.folder)
    _conclude(actor, run, answer)


def put(run: Run, made: Path) -> None:
    """The files of a run to their place, sealed where the resource asks for it. Done again, it replaces what is there."""
    final = places.root() / run.folder
    shutil.rmtree(final, ignore_errors=True)
    final.mkdir(parents=True)
    for name in FILES:
        if run.sealed:
            with (made / name).open("rb") as content:
                sealed.keep(content, final / name)
        else:
            (made / name).rename(final / name)
    places.sync(final)
    places.sync(final.parent)


@contextmanager
def kept(run: Run, *names: str) -> Iterator[list[Path]]:
    """The files of a run (of `FILES`) as an engine can read them, for as long as this lasts."""
    with sealed.plain(*(places.root() / run.folder / name for name in names)) as paths:
        yield paths


def seal_runs(actor: Actor, resource_id: int) -> int:
    """Seal what runs kept before the resource held items of a level that asks for it; how many runs."""
    actor.require("governance.run", "change")
    done = 0
    for run in Run.objects.filter(rule_set__resource=resource_id, sealed=False, state=RunState.DONE):
        with _alone(run.pk):
            for name in FILES:
                sealed.take(places.root() / run.folder / name)
            for sheet in stored.of(("governance.run", run.pk)):
                files.seal(actor, sheet.pk)
            Run.objects.filter(pk=run.pk).update(sealed=True)
        done += 1
    return done


def hidden(examples: list[dict[str, Any]], high: Collection[str]) -> list[dict[str, Any]]:
    """Examples as they are kept for ever: the ends of values only, of sealed items (`high`) nothing."""

    def shown(name: str, value: Any) -> Any:
        return value if value is None else STARS if name in high else ends(value)

    return [
        {**each, "values": {name: shown(name, value) for name, value in each["values"].items()}} for each in examples
    ]


def field_ids(facts: catalog.ResourceFacts) -> dict[str, int]:
    """Item → number of its column in the resource's lake table; of a table without data, the one it will have."""
    table = LakeTable.objects.filter(name=facts.table, snapshots__isnull=False).first()
    if table is not None:
        return {column["name"]: column["id"] for column in table.columns}
    return {item.name: number for number, item in enumerate(facts.items, 1)}


def plan_of(run: Run, paths: list[str]) -> Plan:
    rule_set = run.rule_set
    rules = list(rule_set.rules.all())
    before = Run.objects.filter(rule_set__resource=rule_set.resource, state=RunState.DONE).exclude(pk=run.pk)
    last = before.order_by("-pk").values_list("rows", flat=True).first()
    return {
        "paths": paths, "columns": rule_set.columns, "latest": rule_set.latest, "sample": 0, "as_of": run.as_of.isoformat(),
        "repairs": [
            {"field": repair.field, "expression": repair.expression, "by": repair.by, "values": values}
            for repair in rule_set.repairs.all()
            if (values := values_of(repair)) or repair.expression  # a lawful deletion may leave nothing of a table
        ],
        "rules": [
            {"id": rule.pk, "kind": rule.kind, "expression": rule.expression, "params": rule.params,
             "blocks": rule.severity == Severity.BLOCK, "threshold": float(rule.threshold)}
            for rule in rules
        ],
        "references": references(rules), "previous_rows": -1 if last is None else last,
        "ids": field_ids(catalog.resource(SYSTEM, rule_set.resource)),
    }  # fmt: skip


def references(rules: list[Rule]) -> dict[str, Any]:
    """The current snapshots of the tables that rules compare with."""
    found: dict[str, Any] = {}
    for rule in rules:
        name = rule.params.get("reference") if rule.kind in (Kind.REFERENTIAL, Kind.CROSS) else None
        if not name or name in found:
            continue
        snapshot = queries.current(queries.table(name))
        if snapshot is None:
            raise Refused(
                f"规则“{rule.name}”要比对的数据表 {name} 还没有数据，检查没有进行。请先发布该表。",
                rule="引用的表须已发布",
            )
        found[name] = queries.source(snapshot).described()
    return found


def _conclude(actor: Actor, run: Run, answer: Answer) -> None:
    rules = {rule.pk: rule for rule in run.rule_set.rules.all()}
    high = catalog.resource(SYSTEM, run.rule_set.resource).sealed
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.state == RunState.DONE:
            return
        Finding.objects.bulk_create(
            Finding(
                run=run, rule=rules[each["id"]], organisation_id=run.organisation_id, created_by_id=actor.person_id,
                dimension=rules[each["id"]].dimension, rows=answer["rows"], failed=each["failed"], unknown=each["unknown"],
                passed=each["passed"], measure=each["measure"], examples=hidden(each["examples"], high), is_demo=run.is_demo,
            )
            for each in answer["rules"]
        )  # fmt: skip
        for name in ("rows", "valid", "bad", "warned", "repaired", "repaired_rows"):
            setattr(run, name, answer[name])
        run.state, run.message, run.finished_at, run.version = RunState.DONE, "", timezone.now(), locked.version + 1
        run.save()
        ledger.record(
            actor, "governance.check", ("governance.run", run.pk), organisation_id=run.organisation_id,
            after={"package": run.package, "rule_set": run.rule_set_id, "rows": run.rows, "valid": run.valid, "bad": run.bad},
        )  # fmt: skip


def verdict(run: Run) -> Verdict:
    """Of a finished run."""
    findings = run.findings.select_related("rule").order_by("rule__position", "rule_id")
    return Verdict(
        run_id=run.pk, rows=run.rows, valid=run.valid, bad=run.bad,
        by_rule=tuple(
            RuleVerdict(each.rule.code, each.rule.name, each.failed, each.unknown, each.passed,
                        each.rule.severity == Severity.BLOCK, each.rule.reason)
            for each in findings
        ),
    )  # fmt: skip


@transaction.atomic
def record_snapshot(actor: Actor, run_id: int, number: int) -> None:
    """The valid rows of a run were published as this snapshot; in the publisher's transaction."""
    actor.require("governance.run", "view")
    Run.objects.filter(pk=run_id).update(snapshot=number)
