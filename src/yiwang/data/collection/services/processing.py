"""从原件到快照：认表头、读取、检查、入湖。每一步可以重做：结果先成文件，再随状态一起提交。"""

from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import terms
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import checking, packages, publishing
from yiwang.data.collection.services.reading import Reader, ensure_kept
from yiwang.data.governance import contract as governance
from yiwang.kernel.access.actors import SYSTEM, Conflict, Refused
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.lake import queries as lake_queries
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.kernel.lake.sources import Files
from yiwang.kernel.orgs.models import Organisation

State = terms.State
LAKE_MODES = {terms.Mode.FULL: "replace", terms.Mode.INCREMENTAL: "merge", terms.Mode.PARTITION: "partition"}
LAKE_TYPES = {"decimal": "decimal(20,4)"}
MEMORY_MB, SECONDS = 1536, 1800.0
TRIES = 3
# A return sheet up to here is made at once; a larger one does not hold up the data.
RETURNED_ROWS, RETURNED_BYTES = 20_000, 64 << 20
LATER = "问题行较多，退回表另行生成，入库不等它。请稍后刷新本页下载。"


def advance(package_id: int, job_id: int | None = None) -> Package:
    """Carry a package on until it is data, waits for a person, or has failed with a sentence."""
    with Reader(Package.objects.select_related("file").get(pk=package_id), job_id) as reader:
        return _advance(package_id, reader)


def _advance(package_id: int, reader: Reader) -> Package:
    while True:
        package = Package.objects.select_related("source", "file").get(pk=package_id)
        stage = STAGES.get(State(package.state))
        if stage is None:
            return package
        try:
            stage(package, reader)
        except Refused as refusal:
            if refusal.status == 409 and refusal.rule == packages.RULE:
                continue  # somebody moved it meanwhile: look again
            packages.move(SYSTEM, package_id, terms.OPEN, State.FAILED, refusal.message, facts={"rule": refusal.rule})


def _read(package: Package, reader: Reader) -> None:
    """认表头；没有疑问或已由人确认的接着读取。"""
    facts = catalog.resource(SYSTEM, package.resource_id)
    if not package.mapping:
        looked = reader.look(facts)
        if not looked["certain"]:
            said = " ".join(looked["said"][:2]) or "请确认表头对应"
            packages.move(SYSTEM, package.pk, (State.RECEIVED,), State.MAPPING, said, looked=looked)
            return
        package.looked = looked
        package.mapping = {str(each["column"]): each["field"] for each in looked["columns"] if each["field"]}
    answer = reader.read(package, facts)
    if not answer["bulk"]:
        reader.keep(package)
    profile = answer.pop("profile")
    packages.move(
        SYSTEM, package.pk, (State.RECEIVED,), State.PARSED, f"读取 {answer['rows']:,} 行", facts={"skipped": answer["skipped"]},
        looked=package.looked, mapping=package.mapping, report=answer, profile=profile, rows=answer["rows"],
    )  # fmt: skip


def _check(package: Package, reader: Reader) -> None:
    """规则检查：修正、转换、隔离、按规则计数，由治理给出结论。"""
    verdict = checking.check(package, catalog.resource(SYSTEM, package.resource_id), reader)
    later = verdict.bad > RETURNED_ROWS or package.size > RETURNED_BYTES
    unreturned = LATER if later and verdict.bad else ""
    since = checking.since(verdict.run_id)
    with transaction.atomic():
        packages.move(
            SYSTEM, package.pk, (State.PARSED,), State.CHECKED, f"检查完毕：有效 {verdict.valid:,} 行，问题 {verdict.bad:,} 行",
            verdict={**checking.kept_of(verdict), "unreturned": unreturned, "since": since}, valid=verdict.valid, bad=verdict.bad,
        )  # fmt: skip
        if (later and verdict.bad) or package.report.get("bulk"):
            enqueue(give_back, key=str(package.pk), owner=package.created_by_id, package=package.pk,
                    title=f"退回表与读取结果 {package.number} {package.resource_name}"[:200])  # fmt: skip


def table_of(facts: catalog.ResourceFacts, partition: str = "") -> LakeTable:
    """The resource's lake table, brought up to the catalogue; items that left it stay as columns."""
    columns = [
        {"name": item.name, "title": item.title, "type": LAKE_TYPES.get(item.data_type, item.data_type)}
        for item in facts.items
    ]
    known = LakeTable.objects.filter(name=facts.table).first()
    names = {column["name"] for column in columns}
    if known is not None:
        columns += [
            {key: column[key] for key in ("name", "title", "type")}
            for column in known.columns
            if column["name"] not in names
        ]
        partition = partition or known.partition
    return lake.ensure_table(
        SYSTEM, facts.table, facts.name, columns, facts.key, partition,
        Organisation.objects.get(pk=facts.organisation_id), sealed=bool(facts.sealed),
    )  # fmt: skip


def _stage(package: Package, reader: Reader) -> None:
    """有效行按目录类型入湖成快照，同时把有问题的行做成退回表；达到门槛的随即发布，否则等人审定。"""
    facts = catalog.resource(SYSTEM, package.resource_id)
    unreturned = package.bad and not package.verdict["unreturned"]
    with checking.give_back(package, reader) if unreturned else nullcontext(lambda: "") as returned:
        if not package.valid:
            returned()
            packages.move(
                SYSTEM, package.pk, (State.CHECKED,), State.REFUSED, "没有一行通过检查，没有入库。请按退回清单改正后重新报送。"
            )  # fmt: skip
            return
        table = table_of(facts, package.source.partition)
        for attempt in range(TRIES):
            try:
                _stage_once(package, facts, table, reader.job_id, returned)
                return
            except Conflict as conflict:
                if conflict.rule == packages.RULE or attempt == TRIES - 1:
                    raise


def _stage_once(
    package: Package, facts: catalog.ResourceFacts, table: LakeTable, job_id: int | None, returned: Callable[[], str]
) -> None:
    run, before = package.verdict["run"], lake_queries.current(table)
    with governance.kept(run, "valid.parquet") as (valid,):
        given = Files((str(valid),))
        staged = lake.stage(
            SYSTEM, table, given, LAKE_MODES[terms.Mode(package.mode)], {"package": package.number, "run": run},
            edges=_edges(package, facts), memory_mb=MEMORY_MB, seconds=SECONDS, job_id=job_id,
        )  # fmt: skip
        statement = publishing.compare(table, before, given) if package.from_above and before else None
    reasons = doubts(package, staged, before)
    returned()
    with transaction.atomic():
        packages.locked(package.resource_id)
        waiting = packages.move(
            SYSTEM, package.pk, (State.CHECKED,), State.WAITING, "；".join(reasons) or "达到自动入库门槛",
            facts={"snapshot": staged.number}, snapshot_id=staged.pk, snapshot=staged.number,
        )  # fmt: skip
        if statement is not None:
            publishing.state(waiting, statement)
        if not reasons:
            publishing.publish(SYSTEM, waiting, staged, "达到自动入库门槛")


def _edges(package: Package, facts: catalog.ResourceFacts) -> list[dict[str, Any]]:
    titles = {each["field"]: each["title"] for each in package.looked["columns"] if each["field"]}
    return [
        {"column": item.name, "source_column": titles[item.name], "origin": f"{package.number} {package.file_name}"[:200],
         "transform": f"规则检查 {package.verdict.get('run', '')}；按{item.data_type}读取"}
        for item in facts.items if item.name in titles
    ]  # fmt: skip


def doubts(package: Package, staged: Snapshot, before: Snapshot | None) -> list[str]:
    """Why a person must look before this becomes data; empty when nobody must."""
    source, rows = package.source, package.rows or 0
    reasons = []
    if not source.auto_publish:
        reasons.append("该来源设为逐包审定")
    rate = Decimal(100 * (package.valid or 0)) / rows if rows else Decimal(0)
    if rate < source.least_valid:
        reasons.append(f"有效率 {rate:.2f}%（{package.valid:,}／{rows:,}）低于下限 {source.least_valid}%")
    if unreadable := package.report.get("unreadable"):
        reasons.append(f"有 {unreadable:,} 行列数不符，没有读入")
    if lost := len(package.report.get("lost", ())):
        reasons.append(f"有 {lost:,} 格号码因按数值存放丢失了末几位，平台不推测，请在原表改为文本后重报")
    if before and before.rows and package.mode == terms.Mode.FULL:
        change = Decimal(100 * abs(staged.rows - before.rows)) / before.rows
        if change > source.most_change:
            reasons.append(
                f"数据量由 {before.rows:,} 变为 {staged.rows:,}，变动 {change:.1f}% 超过 {source.most_change}%"
            )
    return reasons


Stage = Callable[[Package, Reader], None]
STAGES: dict[State, Stage] = {State.RECEIVED: _read, State.PARSED: _check, State.CHECKED: _stage}


@job("collection.give_back", title="退回表")
def give_back(*, package: int, job_id: int) -> Outcome:
    """The coloured sheet of a large package and its rows as they were read, after its data went on; idempotent."""
    found = Package.objects.select_related("file").get(pk=package)
    if found.report.get("bulk"):
        ensure_kept(package)
    if not found.bad:
        return Outcome(f"{found.number} 的读取结果已留存。")
    with Reader(found, job_id) as reader, checking.give_back(found, reader) as returned:
        sentence = returned()
    return Outcome(sentence or f"{found.number} 的退回表已生成。")


@job("collection.process", title="数据包处理")
def process(*, package: int, job_id: int) -> Outcome:
    """Idempotent: every stage looks where the package is and goes on from there."""
    done = advance(package, job_id)
    return Outcome(f"{done.number}：{done.get_state_display()}。{done.message}")
