"""The second `./run up`: from the command to the first page a newcomer sees, with every process it starts.

`./run bench startup`. In a var folder of its own: one start that prepares everything, then RUNS starts of which each is
stopped again, database included. Processor time is read from /proc over the whole tree, PostgreSQL too. The peer is one
view that says hello under the same server and settings module style: what granian and Django cost by themselves.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.report import Row, write
from yiwang.site.localdb import ROOT, Cluster

RUNS, WALL_BAR, PROCESSOR_BAR, LONGEST = 5, 5.0, 4.0, 600.0
TICKS = os.sysconf("SC_CLK_TCK")
HELLO = """
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="hello")
django.setup()
urlpatterns = [path("sign-in/", lambda request: HttpResponse("hello"))]
from django.core.handlers.wsgi import WSGIHandler
application = WSGIHandler()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _processes() -> dict[int, tuple[int, int]]:
    """Every process: its parent and its ticks, those of ended children included."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = (int(fields[1]), sum(int(ticks) for ticks in fields[11:15]))
    return found


def processor_seconds(roots: set[int]) -> float:
    """Of the roots and all their descendants that live."""
    known, ours = _processes(), set(roots)
    while grown := {number for number, (parent, _) in known.items() if parent in ours} - ours:
        ours |= grown
    return sum(known[number][1] for number in ours if number in known) / TICKS


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def first_answer(command: list[str], port: int, environment: dict[str, str], cluster: Cluster | None = None) -> tuple[float, float, "subprocess.Popen[bytes]"]:  # fmt: skip
    """Wall and processor seconds from the command to the first 200; the process goes on."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    while not answers(port):
        assert process.poll() is None, f"{command} ended with {process.returncode}"
        assert time.perf_counter() - began < LONGEST, f"{command} does not answer"
        time.sleep(0.02)
    wall = time.perf_counter() - began
    server = cluster.server_process() if cluster else None
    return wall, processor_seconds({process.pid} | ({server} if server else set())), process


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(60)


@contextmanager
def house() -> Iterator[tuple[dict[str, str], Cluster]]:
    """An environment whose var folder is new and goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="yiwang-startup-", dir=ROOT / "var") as folder:
        # The environment's own stamps: installing is not what is measured.
        shutil.copytree(ROOT / "var" / "stamps", Path(folder) / "stamps", ignore=shutil.ignore_patterns("prepared*"))
        dropped = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "YIWANG_ENV", "PYTHONPYCACHEPREFIX")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        cluster = Cluster(Path(folder))
        yield {**kept, "YIWANG_VAR": folder}, cluster
        cluster.stop()
        for left in (cluster.socket, cluster.library):
            shutil.rmtree(left, ignore_errors=True)


def ours() -> list[tuple[float, float]]:
    with house() as (environment, cluster):
        found = []
        for _ in range(1 + RUNS):
            port = free_port()
            command = [str(ROOT / "run"), "up", "--port", str(port)]
            wall, processor, process = first_answer(command, port, environment, cluster)
            stop(process)
            found.append((wall, processor))
    return found


def peer() -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hello.py").write_text(HELLO)
        environment = {**os.environ, "PYTHONPATH": folder}
        found = []
        for _ in range(1 + RUNS):
            port = free_port()
            command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--port", str(port),
                       "--workers", "1", "--log-level", "warning", "hello:application"]  # fmt: skip
            wall, processor, process = first_answer(command, port, environment)
            stop(process)
            found.append((wall, processor))
    return found


def command_seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([str(ROOT / "run"), *arguments], cwd=ROOT, capture_output=True, check=False)
    return time.perf_counter() - began


def main() -> bool:
    (first, *second), (_, *hello) = ours(), peer()
    wall, processor = (statistics.median(run[index] for run in second) for index in (0, 1))
    helps = [command_seconds("--help") for _ in range(RUNS)]
    return write(
        "startup",
        [
            Row("second ./run up to the first 200 of /sign-in/: wall", f"{wall:.1f} s", f"≤ {WALL_BAR:.0f} s", wall <= WALL_BAR),
            Row("processor time of all its processes, PostgreSQL included", f"{processor:.1f} s", f"≤ {PROCESSOR_BAR:.0f} s",
                processor <= PROCESSOR_BAR),
            Row("the very first, with database and demonstration city", f"{first[0]:.0f} s"),
            Row("./run --help", f"{statistics.median(helps):.1f} s"),
            Row("peer: one hello view under granian: wall", f"{statistics.median(run[0] for run in hello):.1f} s"),
            Row("peer: its processor time", f"{statistics.median(run[1] for run in hello):.1f} s"),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
