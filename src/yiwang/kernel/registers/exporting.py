"""Export through the same scope, masks and columns as the list, row by row and never as a formula."""

import csv
import datetime
import io
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO

import xlsxwriter
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.access.doors import scope_filter
from yiwang.kernel.files.doors import register_owner
from yiwang.kernel.files.services import store
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.queries import own
from yiwang.kernel.jobs.services import enqueue, progress
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.ledger.services import record as write_ledger
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.registers import queries, registry
from yiwang.kernel.registers.coercion import FORMULA
from yiwang.kernel.registers.declarations import Bound, Register
from yiwang.kernel.registers.importing import fields_of
from yiwang.kernel.registers.queries import Wish

DIRECT_ROWS, CHUNK = 5_000, 1_000
FORMATS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
NATURE = "数据性质"
OWNER = "registers.export"


def selected(actor: Actor, register: Register, asked: Wish) -> Any:
    """Rows the actor may both see and export, in list order."""
    if not register.export:
        raise Refused(f"“{register.name}”不提供导出。", rule="台账声明")
    actor.require(register.guard.code, "export")
    allowed = scope_filter(actor, register.guard, "export")
    found = queries.matching(actor, register, asked)
    found = found.none() if allowed is None else found.filter(allowed)
    return found.order_by(*queries.ordering(register, asked.sort))


def lines(actor: Actor, register: Register, asked: Wish) -> Iterator[list[object]]:
    """The header, then a line a record; a demonstration record says so in its last cell."""
    bounds = _bounds(register, asked)
    found = queries.fetching(register, selected(actor, register, asked), bounds)
    demo = settings.DEMO_CITY or hasattr(register.model, "is_demo")
    yield [*(bound.label for bound in bounds), *[NATURE] * demo]
    records = found.iterator(chunk_size=CHUNK)
    while chunk := list(islice(records, CHUNK)):
        plain = queries.unmasked_of(actor, register, chunk)
        for item in chunk:
            line = [_cell(bound, item, plain) for bound in bounds]
            marked = settings.DEMO_CITY or getattr(item, "is_demo", False)
            yield [*line, *["演示数据" if marked else ""] * demo]


def _bounds(register: Register, asked: Wish) -> tuple[Bound, ...]:
    """The columns shown; unless they were chosen, what an import of the register reads comes along, so that an export
    can be imported again without loss."""
    shown, spec = queries.columns_of(register, asked), register.importing
    if asked.columns or spec is None or spec.write is not None:
        return shown
    known = {bound.name for bound in shown}
    return (*shown, *(register.bind(name) for name in fields_of(register) if name not in known))


def _cell(bound: Bound, item: Any, plain: frozenset[int]) -> object:
    value = bound.value(item)
    if (bound.mask and item.pk not in plain) or (bound.path and bound.path.is_due):
        return safe(queries.shown(bound, item, plain))
    if isinstance(value, datetime.datetime):
        return timezone.localtime(value).replace(tzinfo=None)
    if isinstance(value, datetime.date | Decimal | int | float) and not isinstance(value, bool):
        return value if bound.path is None or bound.path.kind != "choice" else queries.shown(bound, item, plain)
    return safe(queries.shown(bound, item, plain))


def safe(text: str) -> str:
    """Text no spreadsheet takes for a formula, after blanks or with wide signs either; import takes the guard off again."""
    return f"'{text}" if FORMULA.match(text) else text


def write(stream: BinaryIO, found: Iterator[list[object]], kind: str, title: str) -> int:
    """Write the lines into `stream` without holding them in memory; return how many records."""
    if kind == "csv":
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="", write_through=True)
        count = sum(1 for _ in map(csv.writer(text).writerow, found)) - 1
        text.detach()
        return count
    book = xlsxwriter.Workbook(stream, {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet(title[:25])
    head = book.add_format({"bold": True, "bg_color": "#E8F0FA", "border": 1})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.freeze_panes(1, 1)
    count = -1
    for number, line in enumerate(found):
        count += 1
        for column, value in enumerate(line):
            _put(sheet, number, column, value, head if number == 0 else day if type(value) is datetime.date else None)
    sheet.set_column(0, 60, 16)
    book.close()
    return count


def _put(sheet: Any, row: int, column: int, value: object, style: Any) -> None:
    if isinstance(value, datetime.date):
        sheet.write_datetime(row, column, value, style)
    elif isinstance(value, Decimal | int | float) and len(str(value)) <= 15:
        sheet.write_number(row, column, float(value), style)
    elif value is not None:
        sheet.write_string(row, column, str(value)[:32_767], style)


def export(actor: Actor, register: Register, asked: Wish, kind: str) -> BinaryIO | Job:
    """A file at once, or for more than 5,000 rows a job that ends in one."""
    if kind not in FORMATS:
        raise Refused("只能导出为 xlsx 或 csv。", rule="导出格式")
    if selected(actor, register, asked).order_by()[: DIRECT_ROWS + 1].count() > DIRECT_ROWS:
        return enqueue(
            export_job, owner=actor.person_id, title=f"导出{register.name}", account_id=actor.account_id,
            register=register.code, query=asked.stored(), kind=kind,
        )  # fmt: skip
    stream: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    _written(actor, register, asked, kind, stream, lines(actor, register, asked))
    return stream


def _written(
    actor: Actor, register: Register, asked: Wish, kind: str, stream: BinaryIO, found: Iterator[list[object]]
) -> int:
    with transaction.atomic():
        count = write(stream, found, kind, register.name)
        write_ledger(actor, "export", (register.code, "*"), after={"rows": count, "query": asked.stored(), "as": kind})
    stream.seek(0)
    return count


def file_name(register: Register, kind: str) -> str:
    mark = "（演示数据）" if settings.DEMO_CITY else ""
    return f"{register.name}{mark}{timezone.localdate():%Y%m%d}.{kind}"


@job("registers.export", title="导出台账")
def export_job(*, job_id: int, account_id: int, register: str, query: dict[str, list[str]], kind: str) -> Outcome:
    """Runs with the permissions the account has when it runs, not when it was asked."""
    actor = actor_of(Account.objects.select_related("person").get(pk=account_id))
    declared = registry.find(register)
    asked = queries.wish(declared, query)
    total = selected(actor, declared, asked).count()

    def reported() -> Iterator[list[object]]:
        for number, line in enumerate(lines(actor, declared, asked)):
            if number % CHUNK == 0:
                progress(job_id, number, total + 1, f"已导出 {number:,} / {total:,} 行")
            yield line

    with tempfile.TemporaryFile() as stream:
        count = _written(actor, declared, asked, kind, stream, reported())
        kept = store(actor, file_name(declared, kind), stream, owner=(OWNER, job_id))
    return Outcome(f"共 {count:,} 行", kept.pk)


register_owner(OWNER, lambda actor, pk: own(actor).filter(pk=pk).exists())
