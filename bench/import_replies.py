"""The whole of the real replies sheet through the register's own door: every row with its two instants.

`./run bench import_replies`; needs the shared data beside the repository and skips without it. One import, rolled back.
"""

import sys
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.management import call_command
from django.db import transaction

from bench.import_messages import holder
from bench.report import Row, write
from bench.scratch import database
from yiwang.city.hotline.models import Reply, Request
from yiwang.city.hotline.registers import REQUESTS
from yiwang.kernel.files import sheets
from yiwang.kernel.registers.importing import guess
from yiwang.kernel.registers.services.imports import rows_of
from yiwang.kernel.search.tests import shared
from yiwang.site import demo_city

NAME, SHANGHAI = "replies.xlsx", ZoneInfo("Asia/Shanghai")


def moment(written: object) -> datetime:
    """The instant as the sheet writes it, read here without the platform's own parser."""
    if isinstance(written, datetime):
        return written.replace(tzinfo=SHANGHAI)
    text = str(written).strip().replace("/", "-")
    form = "%Y-%m-%d %H:%M:%S" if ":" in text else "%Y-%m-%d"
    return datetime.strptime(text, form).replace(tzinfo=SHANGHAI)


def once(folder: Path) -> tuple[float, float, int, int, int]:
    """Wall seconds, CPU seconds, rows of the sheet, requests made, rows whose two instants are not the sheet's."""
    actor = holder("dispatcher")
    began, busy = time.perf_counter(), time.process_time()
    with transaction.atomic():
        with (folder / NAME).open("rb") as stream:
            table = sheets.read(stream, NAME)
        result = rows_of(actor, REQUESTS, table, guess(actor, REQUESTS, table.headers))
        seconds, cpu = time.perf_counter() - began, time.process_time() - busy
        assert not result.errors, dict(list(result.errors.items())[:5])
        stored = dict(Request.objects.values_list("external_number", "received_at"))
        replied = dict(Reply.objects.values_list("request__external_number", "replied_at"))
        at = {name: table.headers.index(name) for name in ("留言编号", "留言时间", "答复时间")}
        wrong = 0
        for row in table.rows:
            number = str(row[at["留言编号"]]).removesuffix(".0")
            wrong += (stored.get(number), replied.get(number)) != (
                moment(row[at["留言时间"]]),
                moment(row[at["答复时间"]]),
            )
        found = seconds, cpu, len(table.rows), result.created, wrong
        transaction.set_rollback(True)
    return found


def main() -> int:
    folder = shared.place()
    if folder is None or not (folder / NAME).exists():
        print("没有共享数据（replies.xlsx），跳过。可用 YIWANG_SHARED 指定所在目录。")
        return 0
    with database("import_replies"):
        for command in ("seed_standards", "declare_roles", "publish_flows"):
            call_command(command, verbosity=0)
        demo_city.build()
        seconds, cpu, rows, created, wrong = once(folder)
    met = write(
        "import_replies",
        [
            Row("import of replies.xlsx to closed cases", f"{seconds:.1f} s"),
            Row("CPU of the importing process", f"{cpu:.1f} s"),
            Row("rows of the sheet", f"{rows:,}"),
            Row("requests made", f"{created:,}", f"{rows:,}", created == rows),
            Row("rows whose two instants differ from the sheet", f"{wrong}", "0", wrong == 0),
        ],
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
