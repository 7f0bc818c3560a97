"""`new-domain`: the rooms of a domain from the blueprint, and its line in site/domains.py."""

import keyword
import os
import re
import subprocess
import sys
from pathlib import Path
from string import Template

from yiwang.site.console import fail

BLUEPRINT = Path(__file__).parent / "blueprint"
WINGS = {"data": "数据底座", "hall": "一网通办", "city": "一网统管", "office": "一网协同", "infra": "云网安全运维"}
CODE = re.compile(r"[a-z][a-z]{2,29}")


def refuse(root: Path, wing: str, code: str, name: str) -> str:
    """Why this domain can't be made; empty when it can."""
    if wing not in WINGS:
        known = "、".join(f"{key}（{value}）" for key, value in WINGS.items())
        return f"没有“{wing}”这一翼，可用：{known}。"
    if not CODE.fullmatch(code) or keyword.iskeyword(code):
        return f"领域代码“{code}”不合规：3 至 30 个小写英文字母，用行业英文词，不用拼音。"
    if not name.strip() or not re.search(r"[\u4e00-\u9fff]", name):
        return "请给出中文名称。"
    source = root / "src" / "yiwang"
    taken = {path.name for tower in ("kernel", *WINGS) for path in (source / tower).glob("*/")}
    if code in taken:
        return f"“{code}”已经存在，请换一个代码。"
    return ""


def create(root: Path, wing: str, code: str, name: str) -> Path:
    """Write the rooms, list the domain, make its first migration."""
    if why := refuse(root, wing, code, name):
        raise fail(why)
    folder = root / "src" / "yiwang" / wing / code
    words = {"wing": wing, "code": code, "name": name.strip(), "model": code.capitalize()}
    for room in sorted(BLUEPRINT.glob("*.txt")):
        target = folder / ("tests" if room.name.startswith("test_") else "") / room.stem
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(room.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
    for package in ("migrations", "tests"):
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").touch()
    _list(root / "src" / "yiwang" / "site" / "domains.py", f"yiwang.{wing}.{code}")
    _finish(root, folder, code)
    return folder


def _list(domains: Path, name: str) -> None:
    text = domains.read_text(encoding="utf-8")
    before, opening, after = text.partition("DOMAINS: list[str] = [")
    inner, closing, rest = after.partition("]")
    lines = sorted({*re.findall(r'"([\w.]+)"', inner), name})
    listed = "\n" + "".join(f'    "{line}",\n' for line in lines)
    domains.write_text(before + opening + listed + closing + rest, encoding="utf-8")


def _finish(root: Path, folder: Path, code: str) -> None:
    """Sort imports and lines as the checks want them, then write the migration."""
    ruff, own = Path(sys.executable).parent / "ruff", {**os.environ, "DJANGO_SETTINGS_MODULE": "yiwang.site.settings"}
    for command in (
        [str(ruff), "check", "--quiet", "--fix", "--select", "I", str(folder)],
        [str(ruff), "format", "--quiet", str(folder)],
        [sys.executable, "-m", "yiwang.site", "makemigrations", code, "--verbosity", "0"],
    ):
        done = subprocess.run(command, cwd=root, env=own, capture_output=True, text=True, check=False)
        if done.returncode:
            raise fail(f"{' '.join(command[1:4])} 没有成功：\n{done.stderr or done.stdout}")
