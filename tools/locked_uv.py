"""Put the `uv` that uv.lock names into a folder, for a Python that has neither venv nor pip.

Standard library only. Usage: locked_uv.py LOCK FOLDER
"""

import hashlib
import io
import platform
import stat
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path


class NoWheel(SystemExit):
    """No wheel of the lock fits this machine."""


def wheel(lock: Path, machine: str, system: str) -> tuple[str, str]:
    """The address and sha256 of the locked uv for this machine."""
    wanted = {"Linux": "manylinux", "Darwin": "macosx"}.get(system, system)
    for package in tomllib.loads(lock.read_text())["package"]:
        if package["name"] != "uv":
            continue
        for file in package["wheels"]:
            if wanted in file["url"] and machine in file["url"]:
                return file["url"], file["hash"].removeprefix("sha256:")
    raise NoWheel(f"uv.lock names no uv for {system} {machine}")


def install(address: str, digest: str, folder: Path) -> Path:
    """Fetch, compare the digest, unpack the program."""
    with urllib.request.urlopen(address, timeout=120) as answer:  # noqa: S310 - the address comes from uv.lock
        content = answer.read()
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise NoWheel(f"sha256 of {address} is {found}, the lock says {digest}")
    target = folder / "bin" / "uv"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        target.write_bytes(archive.read(member))
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return target


if __name__ == "__main__":
    install(*wheel(Path(sys.argv[1]), platform.machine(), platform.system()), Path(sys.argv[2]))
