"""Logical backup: database, attachments, lake and the ledger's anchors in a folder whose manifest has every digest."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from yiwang.kernel.files.restored import DUE, REFUSED, deletions_due
from yiwang.kernel.lake.places import BACKUP_LOCK
from yiwang.site import database, localdb
from yiwang.site.console import progress
from yiwang.site.hardening import DEMO_KEY
from yiwang.site.localdb import DatabaseProblem

# Contents that are never changed in place; and the ledger's ends.
CONTENTS = ("files", "lake")
# Deletions of persons (protection's tombstones): a backup takes them along, restoring one never removes any.
ERASURES = "erasures"
UNFINISHED = ".work"
MANIFEST = "manifest.json"
# What a file that lies sealed has behind its name.
SEALED = ".sm4"
WAITED = "SET lock_timeout = '5s';"
# Written by newer programs, refused by servers before 17.
UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"
EMPTIED = """
DO $$ DECLARE named text; BEGIN
    FOR named IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', named);
    END LOOP;
END $$;
CREATE SCHEMA public;
"""
START_AGAIN = WAITED + EMPTIED
# Iceberg's metadata names absolute paths: on another machine it is made anew from the rows.
AT_THE_END = """
DO $$ BEGIN
    IF to_regclass('public.lake_laketable') IS NOT NULL THEN UPDATE public.lake_laketable SET rebuild = true; END IF;
END $$;
"""


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def key_fingerprint() -> str:
    """Tells two keys apart without telling either: what is sealed with one can't be checked with another."""
    key = os.environ.get("YIWANG_SECRET_KEY") or DEMO_KEY
    return hashlib.sha256(b"yiwang backup key:" + key.encode()).hexdigest()[:16]


def _program(name: str) -> str:
    return str(localdb.LOCAL.binaries / name)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _contents(folder: Path) -> Iterator[Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return (path for path in files if path.relative_to(folder).parts[0] != UNFINISHED)


def _place(name: str, var: Path) -> Path:
    """Where a folder of contents is; the lake may have a disk of its own."""
    elsewhere = os.environ.get("YIWANG_LAKE") if name == "lake" else None
    return Path(elsewhere) if elsewhere else var / name


def backup(url: str, *, to: Path | None = None, var: Path = localdb.VAR) -> Path:
    """Write a new folder; it gets its name only when everything is in it."""
    now = datetime.now(UTC)
    target = (to or var / "backups") / now.strftime("%Y%m%dT%H%M%S.%fZ")
    unfinished = target.with_name(target.name + ".partial")
    unfinished.mkdir(parents=True, mode=0o700)
    size = sum(path.stat().st_size for name in CONTENTS for path in _contents(_place(name, var)))
    localdb.require_space(unfinished, size + (200 << 20))
    with progress() as bar, _nothing_removed(url):
        task = bar.add_task("导出数据库", total=None)
        # An anchor never names more than the dump holds; what a row of the dump names is there until it is copied.
        _copy(var / "ledger", unfinished / "ledger")
        _dump(url, unfinished / "database.dump")
        bar.update(task, description="复制附件与湖表")
        for name in (*CONTENTS, ERASURES):
            _copy(_place(name, var), unfinished / name)
    manifest = {
        "created_at": now.isoformat(),
        "version": version("yiwang"),
        "key": key_fingerprint(),
        "contents": {path.relative_to(unfinished).as_posix(): _digest(path) for path in _contents(unfinished)},
    }
    (unfinished / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1))
    unfinished.rename(target)
    return target


@contextmanager
def _nothing_removed(url: str) -> Iterator[None]:
    """Lake files that rows give up meanwhile stay until the backup is done."""
    try:
        connection = database.connect(url)
    except DatabaseProblem as problem:
        raise DatabaseProblem(f"备份没有完成：{problem}") from problem
    with connection:
        connection.execute("SELECT pg_advisory_lock_shared(%s, 0)", [BACKUP_LOCK])
        yield


def _copy(folder: Path, target: Path) -> None:
    for path in _contents(folder):
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # given up before the dump began: no row of it names the file
            shutil.copyfile(path, copy)


def _dump(url: str, target: Path) -> None:
    command = [_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--file={target}", url]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise DatabaseProblem(f"数据库导出失败，备份没有完成：{done.stderr.strip()}")


def manifest_of(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        raise DatabaseProblem(f"{folder} 不是完整的备份：没有 {MANIFEST}。")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def damage(folder: Path) -> list[str]:
    """What in a backup differs from its manifest, in words."""
    contents: dict[str, str] = manifest_of(folder)["contents"]
    there = {path.relative_to(folder).as_posix() for path in _contents(folder)} - {MANIFEST}
    found = [f"缺少 {name}" for name in sorted(contents.keys() - there)]
    found += [f"多出 {name}" for name in sorted(there - contents.keys())]
    found += [
        f"{name} 内容与清单不符" for name in sorted(contents.keys() & there) if _digest(folder / name) != contents[name]
    ]
    return found


def restore(url: str, folder: Path, *, replace: bool = False, var: Path = localdb.VAR) -> None:
    """Bring a backup back: the database in one transaction, all or nothing."""
    manifest = manifest_of(folder)
    if damaged := damage(folder):
        raise DatabaseProblem("备份已损坏，拒绝恢复：" + "；".join(damaged[:10]) + "。")
    if manifest["key"] != key_fingerprint():
        raise DatabaseProblem(
            "备份是用另一个 YIWANG_SECRET_KEY 做的：请先设为当时的密钥，否则密文与台账校验码无法核对。"
        )
    if not replace and tables(url):
        raise DatabaseProblem("目标数据库里已有数据。确认要整体替换时加 --replace；原有数据将被清除。")
    _copy_contents(folder, var)
    _gather_erasures(folder, var)
    _load(url, folder / "database.dump")


def _gather_erasures(folder: Path, var: Path) -> None:
    """Deletions this place, the backup and its later neighbours know of; until they are done again nothing is served."""
    for place in sorted({folder, *(path.parent for path in folder.parent.glob(f"*/{MANIFEST}"))}):
        for path in _contents(place / ERASURES):
            target = var / ERASURES / path.relative_to(place / ERASURES)
            if not target.exists():
                _put(path, target)
    mark_due(var)


def bring_missing(var: Path = localdb.VAR) -> int:
    """Files that a database of an earlier time names and that were given up since, from the backups of this place; how
    many. What no row names is swept again by the worker."""
    brought = 0
    for folder in sorted((path.parent for path in (var / "backups").glob(f"*/{MANIFEST}")), reverse=True):
        for name in CONTENTS:
            for path in _contents(folder / name):
                target = _place(name, var) / path.relative_to(folder / name)
                if not target.exists() and not target.with_name(target.name + SEALED).exists():
                    _put(path, target)
                    brought += 1
    return brought


def _put(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target.with_name(target.name + ".new"))
    target.with_name(target.name + ".new").replace(target)


def mark_due(var: Path = localdb.VAR) -> None:
    """The database is of an earlier time: deletions since may have to be done again."""
    if any((var / ERASURES).rglob(f"*{SEALED}")):
        (var / DUE).touch()


def refuse_while_due(var: Path = localdb.VAR) -> None:
    """Nobody is served from a database that may hold persons who were deleted since."""
    if deletions_due(var):
        raise DatabaseProblem(REFUSED)


def tables(url: str) -> int:
    with database.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return int(str(row[0])) if row else 0


def _copy_contents(folder: Path, var: Path) -> None:
    """Attachments and lake files never change: adding those that are missing never harms those that are there.

    An anchor that is there stays: going back to an older database is to show in `verify` until it is accepted.
    """
    for path in _contents(folder / "ledger"):
        anchor = var / path.relative_to(folder)
        if not anchor.exists():
            anchor.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, anchor)
    for name in CONTENTS:
        for path in _contents(folder / name):
            target = _place(name, var) / path.relative_to(folder / name)
            if not target.exists() or _digest(target) != _digest(path):
                _put(path, target)


def _load(url: str, dump: Path) -> None:
    script = subprocess.Popen(
        [_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(dump)],
        stdout=subprocess.PIPE, env=_environment(),
    )  # fmt: skip
    command = [_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", url]
    loader = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment()
    )
    assert script.stdout and loader.stdin and loader.stderr  # noqa: S101 - they are pipes
    try:
        _feed(script.stdout, loader.stdin)
    except BrokenPipeError:
        script.kill()
    said = loader.stderr.read().decode(errors="replace").strip()
    if loader.wait() or script.wait():
        why = "还有进程在使用数据库，请先执行 ./run down 或停止服务。" if "lock timeout" in said else ""
        raise DatabaseProblem(f"恢复失败，数据库保持原样。{why}\n{said}")


def _feed(script: IO[bytes], loader: IO[bytes]) -> None:
    loader.write(START_AGAIN.encode())
    for line in script:
        if line != UNKNOWN_BEFORE_17:
            loader.write(line)
    loader.write(AT_THE_END.encode())
    loader.close()
