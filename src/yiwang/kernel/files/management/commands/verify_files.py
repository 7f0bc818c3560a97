"""`verify_files`: every stored content against its digest."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from yiwang.kernel.files import sealed
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.queries import damaged


class Command(BaseCommand):
    help = "核对全部附件内容与 SM3 摘要；有缺失或改动时逐个列出并以 1 退出。"

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for digest, problem in damaged():
            count += 1
            names = "、".join(f"#{file.pk} {file.name}" for file in StoredFile.objects.filter(digest=digest)[:5])
            self.stderr.write(f"{problem}：{digest[:16]}…（{names}）")
        if count:
            self.stderr.write(f"附件核对发现 {count} 处问题；请从备份恢复相应内容。")
            sys.exit(1)
        behind = sealed.behind()
        more = f"还有 {behind} 个加密文件需要旧密钥，后台换完之前不能弃用它。" if behind else ""
        self.stdout.write(f"附件核对无误。{more}")
