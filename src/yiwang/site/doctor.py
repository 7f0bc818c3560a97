"""What is wrong with this machine, in words: each finding is good, a warning or a fault, with what to do."""

import os
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psycopg

from yiwang.kernel.files import private
from yiwang.site import checking, database, hardening, localdb, serving
from yiwang.site.localdb import DatabaseProblem

LEAST_MEMORY_MB, GOOD_MEMORY_MB = 1500, 4000
LEAST_DISK_GB, GOOD_DISK_GB = 2, 10
GOOD_OPENING_GB = 1
MOST_SKEW_SECONDS = 2.0
BEAT_SECONDS = 120


@dataclass(frozen=True)
class Finding:
    level: Literal["good", "warning", "fault"]
    subject: str
    message: str


def judged(subject: str, value: float, least: float, good: float, unit: str, advice: str) -> Finding:
    """Below `least` is a fault, below `good` a warning."""
    level: Literal["good", "warning", "fault"] = "fault" if value < least else "warning" if value < good else "good"
    return Finding(
        level, subject, f"{value:.1f} {unit}" + ("" if level == "good" else f"（建议至少 {good:g} {unit}）。{advice}")
    )


def python() -> Iterator[Finding]:
    yield Finding("good", "Python", ".".join(map(str, sys.version_info[:3])))


def memory() -> Iterator[Finding]:
    table = Path("/proc/meminfo")
    if not table.exists():
        yield Finding("warning", "内存", "此系统读不到可用内存。")
        return
    free = next(int(line.split()[1]) for line in table.read_text().splitlines() if line.startswith("MemAvailable"))
    yield judged("可用内存", free / 1024, LEAST_MEMORY_MB, GOOD_MEMORY_MB, "MB", "内存不足时数据库会被系统强杀。")


def disk() -> Iterator[Finding]:
    place = localdb.VAR if localdb.VAR.exists() else localdb.ROOT
    free = shutil.disk_usage(place).free / 2**30
    yield judged(f"磁盘 {place}", free, LEAST_DISK_GB, GOOD_DISK_GB, "GB", "请清理，或用 YIWANG_VAR 换一块磁盘。")


def lake() -> Iterator[Finding]:
    """A merge writes a table once more before it gives up the old files: twice the largest must fit."""
    chosen = os.environ.get("YIWANG_LAKE")
    place = Path(chosen) if chosen else localdb.VAR / "lake"
    if not place.exists():
        if chosen:
            yield Finding("fault", "湖目录", f"YIWANG_LAKE 指定的 {place} 不存在：请挂载磁盘或改正路径，湖表都读不到。")
        return
    sizes: Counter[str] = Counter()
    for path in place.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                sizes[path.relative_to(place).parts[0]] += path.stat().st_size
    free, used, largest = (
        shutil.disk_usage(place).free / 2**30,
        sizes.total() / 2**30,
        max(sizes.values(), default=0) / 2**30,
    )
    advice = "写入一张表要先写新文件再删旧文件：请换大盘（YIWANG_LAKE），或在“湖表”台账里减少保留的快照数。"
    yield judged(
        f"湖目录 {place}（已用 {used:.1f} GB，最大一张表 {largest:.1f} GB）",
        free, max(LEAST_DISK_GB, largest), max(GOOD_DISK_GB, 2 * largest), "GB", advice,
    )  # fmt: skip


def opening() -> Iterator[Finding]:
    """Where sealed files lie open while an engine reads them."""
    place = private.in_memory(os.environ.get("YIWANG_MEMORY", private.MEMORY), localdb.VAR)
    if place is None:
        yield Finding("warning", "密文的打开处", f"没有可用的内存文件系统：计算时解开的内容暂放 {localdb.VAR / 'opened'}（仅本账户可读，用完即删）。请挂载 tmpfs 并以 YIWANG_MEMORY 指定，或把该目录放在加密的磁盘卷上。")  # fmt: skip
        return
    free = private.free(place) / 2**30
    yield judged(
        f"密文的打开处 {place}（内存）", free, 0, GOOD_OPENING_GB, "GB",
        f"解开的内容放不下时改放 {localdb.VAR / 'opened'}（仅本账户可读，用完即删）；容器请加大 shm。",
    )  # fmt: skip


def port(number: int = 8000) -> Iterator[Finding]:
    if serving.healthy(number):
        yield Finding("good", "端口", f"{number} 上一网正在运行")
        return
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex((serving.HOST, number)) == 0
    if taken:
        yield Finding("warning", "端口", f"{number} 被其他程序占用，启动时请换端口：./run up --port {number + 1}")
    else:
        yield Finding("good", "端口", f"{number} 空闲")


def time_zone() -> Iterator[Finding]:
    if datetime.now(UTC).year < 2026:
        yield Finding("fault", "时钟", f"系统时间是 {datetime.now(UTC):%Y-%m-%d}，明显不对：请先校时（NTP）。")
    name = time.strftime("%Z %z")
    yield Finding("good", "时区", f"系统 {name}；平台一律存 UTC、显示北京时间")


def browser() -> Iterator[Finding]:
    found = checking.chromium()
    if found:
        yield Finding("good", "浏览器", found)
    else:
        yield Finding(
            "warning", "浏览器", "没有 Chromium：./run test 的浏览器测试不能进行（Debian：apt-get install chromium）。"
        )
    if checking.has_chinese_font():
        yield Finding("good", "中文字体", "有")
    else:
        yield Finding(
            "warning", "中文字体", "没有：截图与 PDF 里的汉字会变方框（Debian：apt-get install fonts-noto-cjk）。"
        )


def secrets() -> Iterator[Finding]:
    key = os.environ.get("YIWANG_SECRET_KEY") or hardening.DEMO_KEY
    if key == hardening.DEMO_KEY:
        yield Finding("warning", "密钥", "使用公开的演示密钥，只可在本机演示；上线须设 YIWANG_SECRET_KEY。")
    elif len(key) < hardening.SHORTEST_KEY:
        yield Finding("fault", "密钥", f"YIWANG_SECRET_KEY 只有 {len(key)} 个字符，至少 {hardening.SHORTEST_KEY} 个。")
    else:
        yield Finding("good", "密钥", "已设置")
    password = localdb.LOCAL.password_file
    if password.exists() and password.stat().st_mode & 0o077:
        yield Finding("fault", "口令文件", f"{password} 可被其他账户读取：请执行 chmod 600 {password}")


def embedded() -> Iterator[Finding]:
    """Whether the database can be asked at all."""
    url = os.environ.get("DATABASE_URL")
    if not url and not localdb.running():
        yield Finding("warning", "数据库", "内置数据库没有运行（./run up 会启动它），数据库各项未检查。")
        return
    yield from _database(url or localdb.url())


def _database(url: str) -> Iterator[Finding]:
    try:
        yield Finding("good", "数据库", database.assert_fit(url))
        with database.connect(url) as connection:
            yield _skew(connection)
            yield _migrations(connection)
            yield _worker(connection)
    except DatabaseProblem as problem:
        yield Finding("fault", "数据库", str(problem))


def _one(connection: psycopg.Connection[tuple[object, ...]], question: str) -> object:
    row = connection.execute(question).fetchone()
    return row[0] if row else None


def _skew(connection: psycopg.Connection[tuple[object, ...]]) -> Finding:
    before = time.time()
    theirs = float(str(_one(connection, "SELECT extract(epoch FROM clock_timestamp())")))
    skew = theirs - (before + time.time()) / 2
    if abs(skew) > MOST_SKEW_SECONDS:
        return Finding("fault", "时钟", f"数据库与本机相差 {skew:+.1f} 秒：时限会算错，请两边都用 NTP 校时。")
    return Finding("good", "时钟", f"与数据库相差 {abs(skew):.2f} 秒")


def _migrations(connection: psycopg.Connection[tuple[object, ...]]) -> Finding:
    if _one(connection, "SELECT to_regclass('django_migrations')") is None:
        return Finding("warning", "迁移", "数据库是空的，尚未迁移。执行 ./run up 或 ./run manage migrate。")
    applied = {
        f"{app}.{name}" for app, name in connection.execute("SELECT app, name FROM django_migrations").fetchall()
    }
    ours = {
        f"{path.parents[1].name}.{path.stem}" for path in (localdb.ROOT / "src").rglob("migrations/0*.py") if "tests" not in path.parts
    }  # fmt: skip
    pending = sorted(ours - applied)
    if pending:
        return Finding(
            "fault", "迁移", f"有 {len(pending)} 个未执行：{'、'.join(pending[:5])}。执行 ./run manage migrate。"
        )
    return Finding("good", "迁移", f"{len(applied)} 个，全部已执行")


def _worker(connection: psycopg.Connection[tuple[object, ...]]) -> Finding:
    missing = _one(connection, "SELECT to_regclass('jobs_heartbeat')") is None
    question = "SELECT extract(epoch FROM now() - max(beat_at)) FROM jobs_heartbeat WHERE stopped_at IS NULL"
    age = None if missing else _one(connection, question)
    if age is None:
        return Finding("warning", "后台任务", "没有运行中的后台进程：计时提醒、消息、导出不会执行。")
    if float(str(age)) > BEAT_SECONDS:
        return Finding("fault", "后台任务", f"最近一次心跳在 {float(str(age)) / 60:.0f} 分钟前：进程可能已停，请重启。")
    return Finding("good", "后台任务", f"心跳 {float(str(age)):.0f} 秒前")


EXAMINATIONS: tuple[Callable[[], Iterator[Finding]], ...] = (
    python, memory, disk, lake, opening, port, time_zone, embedded, secrets, browser,
)  # fmt: skip


def examine() -> list[Finding]:
    return [finding for examination in EXAMINATIONS for finding in examination()]
