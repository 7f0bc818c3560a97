"""Fill the demonstration city's data foundation at the size of a whole district."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from yiwang.data.collection.demo import scale

SCALES = {"qiaokou": scale.ROWS, "small": 35_500}


class Command(BaseCommand):
    help = "按一个区一年的规模生成数据并全部走完归集（可重复执行）"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", choices=sorted(SCALES), default="qiaokou")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("生产环境（YIWANG_ENV=production）不得生成示范数据。")
        total = scale.run(self.stdout.write, SCALES[options["scale"]])
        self.stdout.write(
            f"资源 {total['resources']:,}，信息项 {total['items']:,}，读取 {total['rows']:,} 行，有效 {total['valid']:,}，"
            f"问题 {total['bad']:,}，预埋错误 {total['planted']:,}；已入库 {total['published']:,} 包"
        )
