"""Compile a report on the command line: ./run report hotline.bulletin 2026-03 --out bulletin.pdf"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from yiwang.cockpit.reports import queries
from yiwang.cockpit.reports.rendering import mark_of, to_docx, to_pdf
from yiwang.kernel.access.actors import SYSTEM, Refused

FORMS = {".pdf": to_pdf, ".docx": to_docx}


class Command(BaseCommand):
    help = "编制一份报告草稿，存为 PDF 或 DOCX；不登记、不发布"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="模板代码，如 hotline.bulletin")
        parser.add_argument("period", help="2026-03 或 2026")
        parser.add_argument("--out", type=Path, required=True, help="文件名，以 .pdf 或 .docx 结尾")
        parser.add_argument("--organisation", default=settings.CITY_NAME, help="编制单位的名称")
        parser.add_argument("--origin", default="http://127.0.0.1:8000", help="数字链接指向的站点")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        render = FORMS.get(out.suffix.lower())
        if render is None:
            raise CommandError("文件名须以 .pdf 或 .docx 结尾。")
        try:
            document = queries.snapshot(SYSTEM, options["code"], options["period"], options["organisation"])
            content = render(document, origin=options["origin"], mark=mark_of(demo=settings.DEMO_CITY, draft=True))
        except Refused as problem:
            raise CommandError(problem.message) from problem
        try:
            out.write_bytes(content)
        except OSError as problem:
            raise CommandError(f"写不了文件 {out}：{problem.strerror}。请换个位置，或检查权限和磁盘空间。") from problem
        self.stdout.write(f"已写入 {out}（{len(document.notes)} 个数字）")
