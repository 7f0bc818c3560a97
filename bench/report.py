"""Figures of a benchmark: printed, and kept as its section of RESULTS.md."""

import os
import platform
import re
import time
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = "# Benchmarks\n\nEach section is replaced by its last run. Peers ran in the same run on the same machine.\n"


@dataclass(frozen=True)
class Row:
    """bar: what is asked, in words; met: None when the row is only a peer or a side figure."""

    what: str
    value: str
    bar: str = ""
    met: bool | None = None


def write(name: str, rows: list[Row]) -> bool:
    """True when every bar is met."""
    verdict = {True: "met", False: "**missed**", None: ""}
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
    lines = [
        f"## {name}",
        "",
        f"`./run bench {name}` ({machine})",
        "",
        "| what | measured | bar | |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row.what} | {row.value} | {row.bar} | {verdict[row.met]} |" for row in rows]
    section = "\n".join(lines) + "\n"
    print(section)
    text = RESULTS.read_text() if RESULTS.exists() else HEAD
    kept = [part for part in re.split(r"(?m)^(?=## )", text) if not part.startswith(f"## {name}\n")]
    body = sorted([part.rstrip() + "\n" for part in kept[1:]] + [section])
    RESULTS.write_text("\n".join([kept[0].rstrip() + "\n", *body]))
    return all(row.met is not False for row in rows)
