"""What the commands say: one place for the console, so that a pipe gets plain lines and a terminal bars."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

console = Console(highlight=False, soft_wrap=True)
Step = tuple[str, Callable[[], Any]]


def fail(message: str, code: int = 1) -> SystemExit:
    """The exit of a command that can't go on; `raise fail("…")`."""
    console.print(f"✗ {message}", style="bold red", markup=False)
    return SystemExit(code)


def say(message: str = "", style: str | None = None) -> None:
    console.print(message, style=style, markup=False)


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True,
    )  # fmt: skip


def steps(todo: Sequence[Step]) -> None:
    """Run steps in order under a bar; every step leaves one line with its seconds."""
    with progress() as bar:
        task = bar.add_task("", total=len(todo))
        for name, work in todo:
            bar.update(task, description=name)
            began = time.monotonic()
            work()
            bar.advance(task)
            say(f"· {name}（{time.monotonic() - began:.1f} 秒）", "dim")
