"""`check` and `test`: what every change must pass."""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from yiwang.site import localdb, preparation
from yiwang.site.console import fail, progress, say

PROGRAMS = Path(sys.executable).parent
REPORTS = localdb.VAR / "reports"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FONT_PACKAGES = ("fonts-noto-cjk", "fonts-wqy-zenhei")
NO_TESTS_COLLECTED = 5


@dataclass(frozen=True)
class Check:
    name: str
    command: tuple[str, ...]


def checks() -> list[Check]:
    """The slow ones first: they run side by side."""
    tool = str(PROGRAMS)
    return [
        Check("类型（mypy --strict）", (f"{tool}/mypy", "src/yiwang", "tools")),
        Check("迁移齐全", (sys.executable, "-m", "yiwang.site", "makemigrations", "--check", "--dry-run")),
        Check("导入契约", (f"{tool}/lint-imports", "--no-cache")),
        Check("结构、行数、用词", (sys.executable, "tools/checks.py")),
        Check("静态检查（ruff）", (f"{tool}/ruff", "check", ".")),
        Check("排版（ruff format）", (f"{tool}/ruff", "format", "--check", "--quiet", ".")),
    ]


def _run(check: Check) -> tuple[Check, float, subprocess.CompletedProcess[str]]:
    began = time.monotonic()
    done = subprocess.run(check.command, cwd=localdb.ROOT, capture_output=True, text=True, check=False)
    return check, time.monotonic() - began, done


def check(todo: Sequence[Check]) -> None:
    began = time.monotonic()
    failed: list[tuple[Check, str]] = []
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool, progress() as bar:
        task = bar.add_task("检查", total=len(todo))
        for future in as_completed([pool.submit(_run, one) for one in todo]):
            one, seconds, done = future.result()
            bar.advance(task)
            good = done.returncode == 0
            say(f"{'✓' if good else '✗'} {one.name}（{seconds:.1f} 秒）", None if good else "bold red")
            if not good:
                failed.append((one, done.stdout + done.stderr))
    for one, output in failed:
        say(f"\n── {one.name} ──", "bold")
        say(output.strip())
    if failed:
        raise fail(f"{len(failed)} 项检查没有通过，用时 {time.monotonic() - began:.0f} 秒。")
    say(f"全部 {len(todo)} 项检查通过，用时 {time.monotonic() - began:.0f} 秒。", "bold green")


def chromium() -> str | None:
    found = os.environ.get("YIWANG_CHROMIUM")
    return found or next((path for name in CHROMIUMS if (path := shutil.which(name))), None)


def has_chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False).stdout)  # noqa: S607


def _install(packages: Sequence[str]) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log = localdb.VAR / "log" / "apt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]):
            if subprocess.run(command, env=quiet, stdout=output, stderr=output, check=False).returncode:
                raise fail(f"安装 {'、'.join(packages)} 没有成功，日志：{log}。")


def require_browser() -> bool:
    """Find or install Chromium and a Chinese font; False only when the caller has waived the journeys."""
    missing = ([] if chromium() else ["chromium"]) + ([] if has_chinese_font() else ["fontconfig", FONT_PACKAGES[0]])
    if not missing:
        return True
    if os.environ.get("YIWANG_SKIP_BROWSER") == "1":
        say("YIWANG_SKIP_BROWSER=1：没有浏览器，跳过浏览器测试。", "yellow")
        return False
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"· 安装 {'、'.join(missing)}，用于浏览器测试 …")
        _install(missing)
        return True
    raise fail(
        f"浏览器测试缺少：{'、'.join(missing)}。请由管理员安装（Debian：apt-get install chromium {FONT_PACKAGES[0]}），"
        "或用 YIWANG_CHROMIUM 指定浏览器路径；确实不测浏览器时设 YIWANG_SKIP_BROWSER=1。"
    )


def options(browser: bool, selection: Sequence[str]) -> list[str]:
    """Two processes for the whole and for folders of it; in which order they take the files says conftest.py.
    Files, single tests and whatever pytest itself is told go to one process, as they are."""
    two = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    if selection:
        return [*two, *selection] if all(Path(each).is_dir() for each in selection) else list(selection)
    return [*two, "-m", "not spark" if browser else "not spark and not journey"]


def test(selection: Sequence[str]) -> None:
    browser = require_browser()
    url = preparation.database_url()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "YIWANG_CHROMIUM": chromium() or "",
        "YIWANG_TEST_RUN": uuid4().hex,
    }
    began = time.monotonic()
    shutil.rmtree(REPORTS, ignore_errors=True)
    # Migrated while the tests are collected; whoever needs it first waits for it, or makes it anew.
    beside = [] if selection else [(sys.executable, "-m", "tests.databases")]
    started = [subprocess.Popen(command, cwd=localdb.ROOT, env=environment) for command in beside]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--junitxml={REPORTS / 'tests'}.xml", *options(browser, selection)],
        cwd=localdb.ROOT, env=environment, check=False,
    )  # fmt: skip
    failed = done.returncode not in (0, NO_TESTS_COLLECTED)
    for each in started:
        each.wait()
    counted = count(REPORTS)
    say(summary(counted, time.monotonic() - began), "bold red" if failed else "bold green")
    if failed or not counted["passed"]:
        raise SystemExit(1)


def spark() -> None:
    """The corpus of rules on a Spark cluster; a machine without Java is told so, not passed over."""
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise fail(
            "没有找到 Java 17，不能与 Spark 对照。Debian：apt-get install openjdk-17-jre-headless，或设 JAVA_HOME。"
        )
    test(["-rs", "src/yiwang/standards/tests/test_spark.py"])


def count(reports: Path) -> Counter[str]:
    """Outcomes, from the JUnit reports of a run."""
    found: Counter[str] = Counter()
    for report in sorted(reports.glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - see the import
            kinds = {child.tag for child in case}
            if "failure" in kinds:
                found["failed"] += 1
            elif "error" in kinds:
                found["errors"] += 1
            else:
                found["skipped" if "skipped" in kinds else "passed"] += 1
    return found


def summary(counted: Counter[str], seconds: float) -> str:
    parts = [f"{counted[kind]} {kind}" for kind in ("failed", "passed", "skipped", "errors") if counted[kind]]
    return f"==== {', '.join(parts) or 'no tests ran'} in {seconds:.2f}s ===="
