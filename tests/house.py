"""A platform of its own for a test: a var folder, a port, and the commands of `./run` upon them."""

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from yiwang.site.localdb import Cluster

WAIT = 600


class House:
    """`port`: a free one when none is given."""

    def __init__(self, var: Path, port: int = 0) -> None:
        self.var, self.port = var, port or free_port()
        dropped = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        self.environment = {**kept, "YIWANG_VAR": str(var)}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "yiwang.site.cli", *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "yiwang.site.cli", *arguments],
            env=self.environment, capture_output=True, text=True, check=False, timeout=WAIT,
        )  # fmt: skip

    def up(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self.command("up", "--port", str(self.port), *more)

    def health(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/", timeout=10) as answer:
            return int(answer.status)

    def supervisor(self) -> int:
        return int((self.var / "up.lock").read_text())

    def clear(self) -> None:
        """End what a test, or a run that was killed, left behind."""
        if self.var.exists():
            self.command("down")
        cluster = Cluster(self.var)
        cluster.stop()
        for left in (cluster.socket, cluster.library):
            shutil.rmtree(left, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
