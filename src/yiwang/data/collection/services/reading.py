"""读原件：一次处理里认表头、读取、检查、做退回表共用一个计算进程，原件只打开、只读一次。"""

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import packages
from yiwang.data.governance import contract as governance
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import sealed
from yiwang.kernel.files.queries import plain
from yiwang.kernel.lake import engine

ROOM = "yiwang.kernel.tables.reading:"
LOOK, READ, KEEP = ROOM + "look", ROOM + "read", ROOM + "keep"
# Delimited files above this are read in bulk.
BULK_BYTES = 16 << 20
MEMORY_MB, SECONDS, LOOK_SECONDS = 2560, 1800.0, 120.0


class Reader:
    """One package's original and the process that reads it, both opened when first asked for."""

    def __init__(self, package: Package, job_id: int | None = None) -> None:
        self.package, self.job_id = package, job_id
        self._opened = ExitStack()
        self._session: engine.Session | None = None
        self._original: Path | None = None
        self._read = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    @property
    def session(self) -> engine.Session:
        if self._session is None:
            functions = (LOOK, *governance.FUNCTIONS)
            clear = self.package.size if self.package.file.sealed else 0
            begun = engine.session(functions, memory_mb=MEMORY_MB, seconds=SECONDS, clear=clear)
            self._session = self._opened.enter_context(begun)
        return self._session

    @property
    def original(self) -> Path:
        if self._original is None:
            self._original = self._opened.enter_context(plain(self.package.file))
        return self._original

    def look(self, facts: catalog.ResourceFacts) -> dict[str, Any]:
        """Where the header is and which column is which."""
        remembered = queries.memory(self.package.organisation_id, self.package.resource_id)
        expected = [
            {"name": item.name, "title": item.title, "remembered": remembered.get(item.name, []),
             "required": item.is_key or not item.nullable}
            for item in facts.items
        ]  # fmt: skip
        params = {
            "path": str(self.original), "name": self.package.file_name, "expected": expected,
            "template": {"code": facts.code, "version": facts.version},
        }  # fmt: skip
        found: dict[str, Any] = self.session.run(LOOK, params, seconds=LOOK_SECONDS)
        return found

    def read(self, package: Package, facts: catalog.ResourceFacts) -> dict[str, Any]:
        """Read the rows by the package's mapping; they stay in the process. A small package's are kept at once."""
        answer: dict[str, Any] = self.session.run(
            READ, _params(package, facts, self.original), seconds=SECONDS, job_id=self.job_id
        )
        self._read = True
        return answer

    def rows(self, package: Package, facts: catalog.ResourceFacts) -> engine.Session:
        """The process, with the rows read; they are read again when an earlier process had them."""
        if not self._read:
            self.read(package, facts)
        self._read = False  # whoever asks takes them
        return self.session

    def keep(self, package: Package) -> None:
        """Keep what was read as the package's Parquet."""
        self.session.run(KEEP, {}, seconds=SECONDS, job_id=self.job_id)
        packages.put_parsed(package, self.session.folder / packages.PARSED)


def _params(package: Package, facts: catalog.ResourceFacts, original: Path) -> dict[str, Any]:
    looked = package.looked
    return {
        "path": str(original), "name": package.file_name, "sheet": looked["sheet"], "row": looked["row"], "depth": looked["depth"],
        "width": looked["width"], "columns": package.mapping,
        "titles": {each["field"]: each["title"] for each in looked["columns"] if each["field"]},
        "fields": [item.name for item in facts.items], "bulk_bytes": BULK_BYTES,
    }  # fmt: skip


def digest_of(package: Package) -> str:
    """What was read, and how: SHA-256 over the original's digest and the mapping."""
    looked = package.looked
    how = [package.sha256, package.edition, looked["sheet"], looked["row"], looked["depth"], package.mapping]
    return hashlib.sha256(json.dumps(how, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def ensure_kept(package_id: int) -> bool:
    """Keep the rows of a package that was read and whose Parquet is not there; False when there is nothing to do.

    A large package's are kept after its data went on, or when somebody asks for them before.
    """
    package = Package.objects.select_related("file").get(pk=package_id)
    if not _lacking(package):
        return False
    with Reader(package) as reader:
        reader.read(package, catalog.resource(SYSTEM, package.resource_id))
        with transaction.atomic():
            # A removal or a sealing that ended meanwhile has the last word.
            package = Package.objects.select_for_update(of=("self",)).select_related("file").get(pk=package_id)
            if _lacking(package):
                reader.keep(package)
    return True


def _lacking(package: Package) -> bool:
    read = package.rows is not None and bool(package.mapping)
    there = sealed.exists(packages.parsed_path(package))
    return read and not there and package.file.erased_at is None and not package.removals.exists()
