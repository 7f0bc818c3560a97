"""Point-in-time recovery of the embedded cluster: a base backup and the archived write-ahead log since."""

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from yiwang.site import database
from yiwang.site.console import progress
from yiwang.site.localdb import Cluster, DatabaseProblem, own_folder, require_space

CITY_TIME = ZoneInfo("Asia/Shanghai")
STAMP = "%Y%m%dT%H%M%S.%fZ"
LATEST = "latest"
PATIENCE = 600.0
ARCHIVE_PATIENCE = 60.0


def bases(cluster: Cluster) -> Path:
    return cluster.data.parent / "base"


def finished(cluster: Cluster) -> dict[datetime, Path]:
    """Base backups by the instant they were complete, which is the earliest they can recover to."""
    folders = [path for path in sorted(bases(cluster).glob("*Z")) if path.is_dir()]
    return {datetime.strptime(path.name, STAMP).replace(tzinfo=UTC): path for path in folders}


def base(cluster: Cluster, *, keep: int = 2) -> Path:
    """Take a base backup, archive from now on, drop what only older backups needed."""
    cluster.ensure()
    require_space(cluster.data, 2 * sum(path.stat().st_size for path in cluster.data.rglob("*") if path.is_file()))
    own_folder(bases(cluster), 0o700)
    _give(cluster, cluster.archive / "on")
    unfinished = bases(cluster) / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    with progress() as bar:
        bar.add_task("基础备份", total=None)
        done = cluster.run(
            "pg_basebackup", "-h", str(cluster.socket), "-U", "yiwang", "-w", "-D", str(unfinished),
            "--format=plain", "--wal-method=stream", "--checkpoint=fast",
        )  # fmt: skip
    if done.returncode:
        raise DatabaseProblem(f"基础备份失败：{done.stderr.strip()}")
    target = bases(cluster) / datetime.now(UTC).strftime(STAMP)
    unfinished.rename(target)
    _forget(cluster, keep)
    return target


def _give(cluster: Cluster, path: Path) -> None:
    """A file the server may read and write."""
    path.touch(mode=0o600)
    owner = cluster.data.stat()
    os.chown(path, owner.st_uid, -1)


def _forget(cluster: Cluster, keep: int) -> None:
    kept = sorted(finished(cluster).values())
    for old in kept[:-keep]:
        shutil.rmtree(old)
    label = (kept[-keep:][0] / "backup_label").read_text()
    first = label.split("(file ", 1)[1].split(")", 1)[0]
    cluster.run("pg_archivecleanup", "-x", ".gz", str(cluster.archive), first)


def instant(text: str) -> datetime | None:
    """`--to` in city time unless it names a zone; None for the latest."""
    if text == LATEST:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise DatabaseProblem(f"时间“{text}”无法识别：请写成 2026-05-01 09:30:00（北京时间），或 latest。") from error
    return found if found.tzinfo else found.replace(tzinfo=CITY_TIME)


def restore(cluster: Cluster, moment: datetime | None) -> Path:
    """Bring the cluster to `moment`; the folder with what it held before is returned, not deleted."""
    source = _source(cluster, moment)
    if cluster.running():
        _archive_all(cluster)
    cluster.stop()
    stamp = datetime.now(UTC).strftime(STAMP)
    before = cluster.data.with_name(f"pg.before-{stamp}")
    require_space(cluster.data)
    cluster.data.rename(before)
    try:
        _lay(cluster, source, moment)
        cluster.start()
        _await_promotion(cluster)
    except DatabaseProblem as problem:
        cluster.stop()
        why = _reason(cluster.data / "server.log", str(problem))
        shutil.rmtree(cluster.data, ignore_errors=True)
        before.rename(cluster.data)
        cluster.start()
        raise DatabaseProblem(f"没有恢复到指定时间，数据库已退回原样。{why}") from problem
    _finish(cluster, source)
    return before


def _reason(log: Path, said: str) -> str:
    if log.exists() and "before configured recovery target" in log.read_text(errors="replace"):
        return "归档日志在该时间之前就结束了：请改用更早的时间，或 --to latest。"
    return said


def _source(cluster: Cluster, moment: datetime | None) -> Path:
    fitting = {at: path for at, path in finished(cluster).items() if moment is None or at <= moment}
    if not fitting:
        first = min(finished(cluster), default=None)
        known = f"最早可恢复到 {first.astimezone(CITY_TIME):%Y-%m-%d %H:%M:%S}" if first else "还没有做过基础备份"
        raise DatabaseProblem(f"没有早于该时间的基础备份（{known}）。用 ./run backup --base 建立。")
    return fitting[max(fitting)]


def _archive_all(cluster: Cluster) -> None:
    """Close the current log segment and wait until it is in the archive."""
    with database.connect(cluster.url("postgres")) as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    last = str(row[0]) if row else ""
    deadline = time.monotonic() + ARCHIVE_PATIENCE
    while not (cluster.archive / f"{last}.gz").exists():
        if time.monotonic() > deadline:
            raise DatabaseProblem(f"日志 {last} 没有进入归档目录 {cluster.archive}：请检查磁盘空间与 server.log。")
        time.sleep(0.1)


def _lay(cluster: Cluster, source: Path, moment: datetime | None) -> None:
    owner = source.stat().st_uid
    shutil.copytree(source, cluster.data, symlinks=True)
    for path in [cluster.data, *cluster.data.rglob("*")]:
        os.chown(path, owner, -1, follow_symlinks=False)
    (cluster.data / "server.log").unlink(missing_ok=True)
    target = f"recovery_target_time = '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'\n" if moment else ""
    with (cluster.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'gunzip -c {cluster.archive}/%f.gz > %p'\n{target}")
        settings.write("recovery_target_action = 'promote'\n")
    _give(cluster, cluster.data / "recovery.signal")


def _await_promotion(cluster: Cluster) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with database.connect(cluster.url("postgres")) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        if row and row[0] is False:
            return
        if time.monotonic() > deadline:
            raise DatabaseProblem(f"{PATIENCE:.0f} 秒内没有完成恢复，请看 {cluster.data / 'server.log'}。")
        time.sleep(0.2)


def _finish(cluster: Cluster, source: Path) -> None:
    """The recovery is over: its settings must not steer a later one."""
    shutil.copyfile(source / "postgresql.auto.conf", cluster.data / "postgresql.auto.conf")
