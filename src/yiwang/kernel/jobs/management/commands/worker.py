"""`python -m yiwang.site worker`: jobs, timers, outboxes and the ledger's sealer in one process."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.module_loading import autodiscover_modules

from yiwang.kernel.jobs.worker import WorkerProcess


class Command(BaseCommand):
    help = "运行后台任务进程（任务、计时、消息、审计封链）。收到 SIGTERM 后做完手头任务再退出。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=2, help="同时执行的任务数")

    def handle(self, *args: Any, **options: Any) -> None:
        autodiscover_modules("jobs", "domain")  # what a room runs here is declared in its jobs.py
        process = WorkerProcess(options["concurrency"])
        self.stdout.write(f"后台任务进程 {process.name} 已启动")
        process.run()
        self.stdout.write("后台任务进程已停止")
