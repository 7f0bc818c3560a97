"""Fill the demonstration city's data foundation at the size of a whole district."""

import os
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from yiwang.data.collection.demo import scale
from yiwang.kernel.lake import places
from yiwang.site.console import progress

SCALES = {"qiaokou": scale.ROWS, "small": 35_500}


class Command(BaseCommand):
    help = "按一个区一年的规模生成数据并全部走完归集；中断后再运行会接着做，做过的不再做"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", choices=sorted(SCALES), default="qiaokou")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("生产环境（YIWANG_ENV=production）不得生成示范数据。")
        begun = time.monotonic()
        with progress() as bar:
            task = bar.add_task("生成并归集", total=None)

            def say(done: int, of: int, what: str) -> None:
                bar.update(task, completed=done, total=of, description=what)

            total = scale.run(say, SCALES[options["scale"]], at_once=min(2, os.cpu_count() or 1))
        size = sum(file.stat().st_size for file in places.root().rglob("*") if file.is_file())
        self.stdout.write(
            f"资源 {total['resources']:,}，信息项 {total['items']:,}，读取 {total['rows']:,} 行，有效 {total['valid']:,}，"
            f"问题 {total['bad']:,}，预埋错误 {total['planted']:,}；已入库 {total['published']:,} 包。"
            f"用时 {time.monotonic() - begun:,.0f} 秒，数据湖占 {size / (1 << 20):,.0f} MB"
        )
        if left := total["resources"] - total["published"]:
            self.stdout.write(f"有 {left} 个资源没有入库，请到“数据包”里查看原因。")
