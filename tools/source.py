"""The tree as the checks see it: modules with their layer and room, and problems found in them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

WINGS = ("data", "hall", "city", "office", "infra")
SUFFIXES = ".py .md .html .css .js .toml .json .service .timer .conf .example .sql"
TEXT_SUFFIXES = {*SUFFIXES.split(), ""}


@dataclass(frozen=True, order=True)
class Problem:
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Module:
    """A Python file; `parts` are the folders below src/yiwang and the stem, e.g. (city, hotline, pages)."""

    root: Path
    path: Path

    @cached_property
    def name(self) -> str:
        return self.path.relative_to(self.root).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def filled_lines(self) -> int:
        """Lines that say something: what budgets count, so that air costs nothing."""
        return sum(1 for line in self.text.splitlines() if line.strip())

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def parts(self) -> tuple[str, ...]:
        inside = self.path.relative_to(self.root).with_suffix("").parts
        return inside[2:] if inside[:2] == ("src", "yiwang") else ()

    @property
    def is_test(self) -> bool:
        return "tests" in self.path.relative_to(self.root).parts or self.parts[2:3] == ("testing",)

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.parts

    @property
    def domain(self) -> tuple[str, str] | None:
        """(wing, code) of a module inside a domain."""
        return (self.parts[0], self.parts[1]) if len(self.parts) > 2 and self.parts[0] in WINGS else None

    @property
    def room(self) -> str:
        """The room inside a domain or a kernel room: services, models, pages …"""
        return self.parts[2] if len(self.parts) > 2 else ""

    def problem(self, node: ast.AST, message: str) -> Problem:
        return Problem(self.name, getattr(node, "lineno", 1), message)


def modules(root: Path) -> Iterator[Module]:
    for top in ("src", "tests", "tools", "bench"):
        for path in sorted((root / top).rglob("*.py")):
            yield Module(root, path)


def tracked(root: Path) -> list[Path]:
    """Every text file under version control; in an exported tree, every one outside hidden and var folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        hidden = {"var", "node_modules"}
        names = [
            path.relative_to(root).as_posix() for path in root.rglob("*")
            if path.is_file() and not any(p in hidden or p.startswith(".") for p in path.relative_to(root).parts)
        ]  # fmt: skip
    return [root / name for name in names if Path(name).suffix in TEXT_SUFFIXES and (root / name).is_file()]
