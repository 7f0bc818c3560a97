"""`verify_keys`: which values still need an old secret."""

from typing import Any

from django.core.management.base import BaseCommand

from yiwang.kernel.keys.queries import behind, sealed_columns


class Command(BaseCommand):
    help = "列出数据库中仍需旧密钥的密文与校验码。"

    def handle(self, *args: Any, **options: Any) -> None:
        found = behind()
        for column, count in found.items():
            self.stdout.write(f"{column}：{count} 个值仍需旧密钥")
        if found:
            self.stdout.write("换完之前不能弃用旧密钥；后台每天接着换，也可执行 ./run manage renew_keys。")
        else:
            self.stdout.write(f"密钥核对无误：{len(sealed_columns())} 个加密字段都在当前密钥下。")
