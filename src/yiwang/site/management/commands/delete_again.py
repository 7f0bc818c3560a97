"""Do the deletions of persons again that a restored backup knows nothing of: ./run manage delete_again"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from yiwang.data.protection import contract as protection
from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.crypto import CryptoProblem
from yiwang.kernel.files.restored import DUE


class Command(BaseCommand):
    help = "恢复较早的备份后，把备份之后依申请删除的个人信息重新删除；可中断，再执行即接着做。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", action="store_true", help="只列出，不删除")

    def handle(self, *args: Any, **options: Any) -> None:
        # A backup of an earlier release has an earlier schema.
        call_command("migrate", verbosity=0, interactive=False)
        try:
            cases = protection.deletions_due()
            if options["list"] or not cases:
                self.stdout.write(f"待重新删除：{'、'.join(cases)}" if cases else "没有要重新删除的个人信息。")
            else:
                for case, rows in protection.delete_again(SYSTEM):
                    self.stdout.write(f"{case}：已重新删除，数据表 {rows} 行；数据包、文件、已发出的副本一并处理。")
        except (Refused, CryptoProblem) as problem:
            said = problem.message if isinstance(problem, Refused) else str(problem)
            raise CommandError(f"没有重新删除完：{said}") from problem
        if not options["list"]:
            (Path(settings.VAR) / DUE).unlink(missing_ok=True)
