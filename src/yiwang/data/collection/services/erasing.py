"""个人信息删除到达数据包：原件、读取结果、退回表、检查文件。包的编号与摘要不变，另记一笔删除。"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction

from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Package, Removal
from yiwang.data.collection.services import packages, reading
from yiwang.data.governance import contract as governance
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict
from yiwang.kernel.crypto.masks import STARS
from yiwang.kernel.files import queries as stored
from yiwang.kernel.files import sealed
from yiwang.kernel.files import services as files
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.lake import engine, erasing, places
from yiwang.kernel.lake.erasing import Report, Subject, Trace, plain
from yiwang.kernel.ledger.services import record

PLACE, PARSED, REST = "数据包", packages.PARSED, "删除后的内容"
RUN = ("quarantine.parquet", "repairs.parquet", "valid.parquet")
NUMBERS = {PARSED: "file_row_number", "quarantine.parquet": "__row", "repairs.parquet": "row"}
WORK = "yiwang.kernel.lake.work.erasing:"
SECONDS = 1800.0
State = terms.State


def search(subject: Subject) -> Report:
    """Every package that still has a content, whatever became of it."""
    found, held = [], list(_held())
    for package in held:
        hits = _look(package, subject.texts)
        if hits["total"]:
            found.append(Trace(package.number, hits["total"], before=package.sha256))
    return Report(len(held), found)


def _held() -> Iterator[Package]:
    for package in Package.objects.select_related("file").order_by("pk").iterator(chunk_size=200):
        if current(package) is not None:
            yield package


def current(package: Package) -> StoredFile | None:
    """The content a package has now: the original, or what a removal left of it; None when all of it is gone."""
    last = package.removals.select_related("rest").last()
    return last.rest if last is not None else package.file


@contextmanager
def _files(package: Package) -> Iterator[dict[str, str]]:
    """The Parquet files made of a package, readable."""
    reading.ensure_kept(package.pk)
    parsed = packages.parsed_path(package)
    if not sealed.exists(parsed):
        yield {}
        return
    with sealed.plain(parsed) as (path,):
        if run := package.verdict.get("run"):
            with governance.kept(run, *RUN) as paths:
                yield {PARSED: str(path), **dict(zip(RUN, map(str, paths), strict=True))}
        else:
            yield {PARSED: str(path)}


def _look(package: Package, texts: tuple[str, ...]) -> dict[str, Any]:
    """{total, rows: numbers in the batch, counts}. A content nobody could read is searched as it is."""
    with _files(package) as paths:
        found: dict[str, Any] = {"rows": [], "counts": {}}
        if paths:
            found = engine.run(
                WORK + "search", {"paths": paths, "texts": list(texts), "numbers": NUMBERS}, seconds=SECONDS
            )
    total = len(found["rows"]) or max(found["counts"].values(), default=0)
    content = current(package)
    if not total and content is not None:
        with stored.plain(content) as path:
            total = engine.run(
                "yiwang.kernel.tables.mentions:search",
                {"path": str(path), "name": content.name, "texts": list(texts)}, memory_mb=1536, seconds=SECONDS,
            )  # fmt: skip
    return {**found, "total": total}


def erase(actor: Actor, subject: Subject, reason: str) -> Report:
    """One package a transaction; a package in the worker's hands is waited for."""
    done, held = [], list(_held())
    for package in held:
        hits = _look(package, subject.texts)
        if not hits["total"]:
            continue
        if package.state in terms.MOVING:
            raise Conflict(
                f"数据包 {package.number} 正在处理，还没有删除其中的本人信息。请在它处理完之后再删除。",
                rule=packages.RULE,
            )
        done.append(_erase(actor, package, hits, subject.texts, reason))
    return Report(len(held), done)


def _erase(actor: Actor, package: Package, hits: dict[str, Any], texts: tuple[str, ...], reason: str) -> Trace:
    checked = 0
    if run := package.verdict.get("run"):
        checked = sum(governance.erase(actor, run, texts, hits["rows"], reason).values())
    with places.work_folder(sealed.size_of(packages.parsed_path(package))) as made:
        rest = _rest(package, hits["rows"], texts, made)
        with transaction.atomic():
            removal = _record(actor, package, hits["total"], checked, rest, reason)
            said = {name: _silent(getattr(package, name), texts) for name in ("looked", "report", "profile", "verdict")}
            Package.objects.filter(pk=package.pk).update(**said)
            if rest is not None:
                packages.put_parsed(package, made / PARSED)
    if rest is None:
        sealed.remove(packages.parsed_path(package))
    what = "原件已换成去掉本人后的内容" if removal.rest else "原件整份删除"
    return Trace(package.number, hits["total"], what, removal.before, removal.after)


def _silent(value: Any, texts: tuple[str, ...]) -> Any:
    """What was noted of a sheet, without the cells that name the person."""
    if isinstance(value, dict):
        return {key: _silent(each, texts) for key, each in value.items()}
    if isinstance(value, list):
        return [_silent(each, texts) for each in value]
    return STARS if isinstance(value, str) and any(text in plain(value) for text in texts) else value


def _rest(package: Package, rows: list[int], texts: tuple[str, ...], made: Path) -> Path | None:
    """The read rows without the person's, as Parquet and as the sheet that takes the original's place."""
    parsed = packages.parsed_path(package)
    if not sealed.exists(parsed):
        return None
    titles = {each["field"]: each["title"] for each in package.looked["columns"] if each["field"]}
    titles |= {field: titles.get(field, field) for field in package.mapping.values()}
    with sealed.plain(parsed) as (path,):
        engine.run(
            WORK + "without",
            {"paths": {PARSED: str(path)}, "texts": list(texts), "numbers": NUMBERS, "rows": rows, "sheet": titles},
            folder=made, seconds=SECONDS,
        )  # fmt: skip
    return made / "rest.csv"


def _record(actor: Actor, package: Package, rows: int, checked: int, rest: Path | None, reason: str) -> Removal:
    """In the caller's transaction: the new content, the end of the old one, and the line that says so."""
    owner, before = (queries.PACKAGE, package.pk), current(package)
    kept = None
    if rest is not None:
        stem = package.file_name.rsplit(".", 1)[0]
        with rest.open("rb") as content:
            kept = files.store(
                actor, f"{stem}-删除后.csv", content, owner=owner, kind=REST, limit=terms.PACKAGE_LIMIT,
                sealing=True,
            )  # fmt: skip
    if before is not None:
        files.erase(actor, before.pk, reason)
    for sheet in stored.of(owner).filter(kind=queries.RETURNED):
        files.erase(actor, sheet.pk, reason)
    made = Removal.objects.create(
        package=package, rows=rows, checked_rows=checked, rest=kept, before=before.digest if before else "",
        after=kept.digest if kept else "", reason=reason[:300], person_id=actor.person_id,
    )  # fmt: skip
    if package.state == State.MAPPING:
        words = "原件含有已依法删除的个人信息，已整份删除。请删去该人后重新报送。"
        packages.move(SYSTEM, package.pk, (State.MAPPING,), State.FAILED, words)
    record(
        actor, "collection.erase", (queries.PACKAGE, package.pk), organisation_id=package.organisation_id, reason=reason,
        before={"sm3": made.before}, after={"rows": rows, "checked": checked, "sm3": made.after},
    )  # fmt: skip
    return made


erasing.register(PLACE, search, erase)
