"""Whether a sheet as it was handed in mentions somebody, also in columns and sheets that were not read."""

from pathlib import Path

from yiwang.kernel.lake.erasing import plain
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.tables import delimited
from yiwang.kernel.tables.guards import kind_of
from yiwang.kernel.tables.workbooks import Workbook


def search(task: Task, path: str, name: str, texts: list[str]) -> int:
    """Rows of any sheet that hold one of the texts."""
    file = Path(path)
    kind = kind_of(file, name)
    if kind == "text":
        sheets = [delimited.lines(file, delimited.dialect_of(file))]
    else:
        book = Workbook(file, kind)
        sheets = [iter(book.sheet(sheet).rows) for sheet, _ in book.sheets()]
    return sum(any(text in plain(cell) for cell in row for text in texts) for rows in sheets for row in rows)
