"""A workbook of 50,000 rows from the upload page to the verdict page and its coloured return sheet.

Wall clock of what a clerk waits for: the upload request, the job (header, reading, rules, repair, quarantine, return
sheet, commit, publication), the package's page with the verdict, the download of the sheet. The bench plays the worker.
Peer in the same run: calamine merely reading the workbook.
"""

import io
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import xlsxwriter
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from bench.collect import made, resource_of_persons
from bench.report import Row, write
from bench.scratch import database
from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import domain as collection
from yiwang.data.collection import queries
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import processing, sources
from yiwang.data.governance.services import running
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.services import declare
from yiwang.kernel.lake import engine
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.testing import PASSWORD, Town

ROWS, RUNS, BAR = 50_000, 3, 4.0


def workbook(path: Path, run: int) -> bytes:
    """The invented rows as a workbook; each run differs in its last row, for the same content is received once."""
    lines = duckdb.sql(f"SELECT * FROM read_csv('{path}', all_varchar=true, header=false)").fetchall()
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"constant_memory": True, "in_memory": True})
    page = book.add_worksheet("数据")
    for number, line in enumerate(lines):
        page.write_row(number, 0, [cell or "" for cell in line])
    page.write_row(len(lines), 0, [f"DJ9{run:08}", "末行", *[""] * (len(lines[0]) - 2)])
    book.close()
    return content.getvalue()


def clerk(facts: catalog.ResourceFacts) -> Client:
    town = Town()
    for spec in collection.DOMAIN.roles:
        declare(SYSTEM, spec, "bench")
    unit = Organisation.objects.get(pk=facts.organisation_id)
    town.organisations[unit.name] = unit
    account = town.account("报送员", town.post(unit.name, "报送", "collection.clerk"))
    client = Client(SERVER_NAME="localhost")
    client.post("/sign-in/", {"username": account.username, "password": PASSWORD})
    return client


def once(client: Client, facts: catalog.ResourceFacts, content: bytes) -> tuple[dict[str, float], Package, int]:
    """(seconds by step, the package, bytes of the return sheet)."""
    marks = [time.perf_counter()]
    given = SimpleUploadedFile("人口登记.xlsx", content)
    answer = client.post(reverse("collection_upload"), {"resource": facts.id, "file": given, "batch": ""})
    assert answer.status_code == 302, answer.status_code
    marks.append(time.perf_counter())
    package = processing.advance(Package.objects.latest("pk").pk)
    marks.append(time.perf_counter())
    page = client.get(answer["Location"])
    assert page.status_code == 200 and "下载标色的退回表" in page.content.decode(), package.message
    marks.append(time.perf_counter())
    returned = queries.returned(package)
    assert returned is not None
    sheet = b"".join(client.get(reverse("file", args=[returned.pk])).streaming_content)
    marks.append(time.perf_counter())
    steps = ("upload request", "job", "verdict page", "return sheet")
    return (
        dict(zip(steps, (after - before for before, after in pairwise(marks)), strict=True)),
        package,
        len(sheet),
    )


def measured() -> bool:
    facts = resource_of_persons()
    with TemporaryDirectory(dir=settings.VAR) as name:
        path, _ = made(facts, Path(name), ROWS - 1)
        books = [workbook(path, run) for run in range(RUNS)]
    source = sources.upload_source(SYSTEM, facts.id)
    source.least_valid, source.most_change = 0, 1000
    source.save(update_fields=["least_valid", "most_change"])
    client = clerk(facts)
    engine.warm([running.CHECK])
    found = []
    for content in books:
        with engine.observed() as used:
            found.append(once(client, facts, content))
        for each in used:
            print(f"  {each.function:50} {each.seconds:6.2f} s, {each.cpu_seconds:6.2f} s CPU, {each.rss_mb:,} MiB")
    begun = time.perf_counter()
    CalamineWorkbook.from_filelike(io.BytesIO(books[0])).get_sheet_by_index(0).to_python()
    reading = time.perf_counter() - begun
    whole = statistics.median(sum(steps.values()) for steps, _, _ in found)
    steps, package, size = found[-1]
    return write("upload", [
        Row(f"{package.rows:,} rows × 10 columns of xlsx, upload to verdict page with coloured return sheet, median of {RUNS}",
            f"{whole:.2f} s", f"≤{BAR:g} s", whole <= BAR),
        Row("its steps in the last run", ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps.items())),
        Row("rows kept back and returned; sheet", f"{package.bad:,}; {size >> 10} KB"),
        Row("peer: calamine merely reading the workbook", f"{reading:.2f} s"),
    ])  # fmt: skip


def main() -> int:
    with database("upload"), TemporaryDirectory(dir=settings.VAR) as name:
        settings.VAR = Path(name)
        return 0 if measured() else 1


if __name__ == "__main__":
    sys.exit(main())
