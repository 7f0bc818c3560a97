"""Fill the demonstration city's data foundation at the size of a whole district."""

import os
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from yiwang.data.collection.demo import scale
from yiwang.kernel.lake import places
from yiwang.site import figures
from yiwang.site.console import console, progress

SCALES = {"qiaokou": scale.ROWS, "small": 35_500}
# Lines in a file or a pipe, where no bar is drawn.
STEPS = 20


class Command(BaseCommand):
    help = "按一个区一年的规模生成数据并全部走完归集；中断后再运行会接着做，做过的不再做"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--scale", choices=sorted(SCALES), default="qiaokou",
            help="qiaokou：一个区一年，355 个目录、5,756 个信息项、455 万行，两核约半小时；small：3.55 万行",
        )  # fmt: skip
        parser.add_argument(
            "--verify",
            action="store_true",
            help="不生成数据：用另写的语句重算数据各领域的指标，逐个比较，有不一致的以非零退出",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verify"]:
            self._verify()
            return
        if settings.PRODUCTION:
            raise CommandError("生产环境（YIWANG_ENV=production）不得生成示范数据。")
        begun = time.monotonic()
        wanted, there = len(scale.wanted()), scale.finished(SCALES[options["scale"]])
        self.stdout.write(f"共 {wanted:,} 个资源" + (f"，其中 {there:,} 个上次已经做完，接着做余下的" if there else ""))
        with progress() as bar:
            task = bar.add_task("生成并归集", total=None)

            def say(done: int, of: int, what: str) -> None:
                bar.update(task, completed=done, total=of, description=what)
                if not console.is_terminal and (done * STEPS // of > (done - 1) * STEPS // of):
                    self.stdout.write(f"{done:,}／{of:,}，{time.monotonic() - begun:,.0f} 秒")

            total = scale.run(say, SCALES[options["scale"]], at_once=min(2, os.cpu_count() or 1))
        size = sum(file.stat().st_size for file in places.root().rglob("*") if file.is_file())
        self.stdout.write(
            f"资源 {total['resources']:,}，信息项 {total['items']:,}，读取 {total['rows']:,} 行，有效 {total['valid']:,}，"
            f"问题 {total['bad']:,}，预埋错误 {total['planted']:,}；已入库 {total['published']:,} 包。"
            f"用时 {time.monotonic() - begun:,.0f} 秒，数据湖占 {size / (1 << 20):,.0f} MB"
        )
        if left := total["resources"] - total["published"]:
            self.stdout.write(f"有 {left} 个资源没有入库，请到“数据包”里查看原因。")

    def _verify(self) -> None:
        """One line a figure; the exit tells whether all agree."""
        lines = []
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for line in figures.compared(timezone.localdate()):
                lines.append(line)
                shown, counted = (
                    f"{first:,}" + (f"／{second:,}" if second is not None else "")
                    for first, second in (line.shown, line.counted)
                )
                self.stdout.write(
                    f"{'✓' if line.same else '✗'} {line.name}（{line.code}）：{shown}"
                    + ("" if line.same else f"，重算为 {counted}")
                )
        wrong = sum(not line.same for line in lines)
        if wrong:
            raise CommandError(f"{len(lines)} 个数中有 {wrong} 个不一致。")
        self.stdout.write(f"{len(lines)} 个数全部一致。")
