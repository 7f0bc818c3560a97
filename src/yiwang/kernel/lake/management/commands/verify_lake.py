"""`verify_lake`: every current snapshot's files exist and hash to what PostgreSQL says; proofs of deletion hold."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from yiwang.kernel.lake.checking import problems
from yiwang.kernel.lake.models import LakeTable


class Command(BaseCommand):
    help = "核对湖表：现行快照的文件齐全且摘要相符，Iceberg 与之一致，个人信息删除证明成立；有问题逐条列出并以 1 退出。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="连同仍保留的历史快照一起核对")

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = 0
        for problem in problems(everything=options["all"]):
            wrong += 1
            self.stderr.write(problem)
        if wrong:
            self.stderr.write(f"湖表发现 {wrong} 处问题。请保全现场，从备份恢复湖目录后重新核对。")
            sys.exit(1)
        self.stdout.write(f"湖表核对无误，共 {LakeTable.objects.count()} 张。")
