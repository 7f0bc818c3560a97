"""`renew_keys`: put everything sealed under the current secret."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yiwang.kernel.crypto import CryptoProblem
from yiwang.kernel.files.services import renew_keys


class Command(BaseCommand):
    help = "更换密钥后，把数据库各加密字段、校验码与全部加密文件换到当前密钥下；可随时中断，再执行即接着换。"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = renew_keys(lambda name, number: self.stdout.write(f"{name}：{number} 个"))
        except CryptoProblem as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"共换 {count} 个。执行 ./run verify 看还有没有需要旧密钥的。")
