"""`verify_ledger`: proves the ledger untouched, or names each row that is not."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from yiwang.kernel.ledger import queries, services
from yiwang.kernel.ledger.models import DailyBill, Link

SHOWN = 200


class Operator:
    """Who runs a command on the server."""

    def signature(self) -> dict[str, Any]:
        return {"person": None, "name": "服务器命令行"}


class Command(BaseCommand):
    help = "核对审计账：逐行校验码、链、日封账与库外链尾。有问题时逐条列出并以 1 退出。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--accept-database", metavar="理由", default="", help="有意恢复备份或更换数据库后使用：确认并记账"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accept_database"]:
            forgotten = services.accept_database(Operator(), options["accept_database"])
            self.stdout.write(f"已记账并忘记 {forgotten} 个旧链尾。")
        while services.seal(sweep=True):
            continue
        problems = queries.verify(self._progress if sys.stderr.isatty() else None)
        for problem in problems[:SHOWN]:
            self.stderr.write(problem.text)
        if problems:
            more = f"（仅列前 {SHOWN} 处）" if len(problems) > SHOWN else ""
            self.stderr.write(f"审计账核对发现 {len(problems)} 处问题{more}。请保全现场并报告安全、审计管理员。")
            sys.exit(1)
        self.stdout.write(f"审计账核对无误：{Link.objects.count()} 条记录，{DailyBill.objects.count()} 张日封账。")

    def _progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r核对 {done}/{total}", ending="\n" if done >= total else "")
