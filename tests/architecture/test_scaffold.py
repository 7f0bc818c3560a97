"""A new domain: made in one command, within every rule, one line outside of its folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from yiwang.site import localdb, scaffold

from .test_checks import checks


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("src", "tools"):
        subprocess.run(["cp", "-r", str(localdb.ROOT / folder), str(tmp_path)], check=True)
    subprocess.run(["cp", str(localdb.ROOT / "pyproject.toml"), str(tmp_path)], check=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts)
    }


def test_新领域合规且只多改一行(copy: Path) -> None:
    before = contents(copy)
    folder = scaffold.create(copy, "city", "parking", "停车")
    after = contents(copy)
    own = folder.relative_to(copy).as_posix()
    changed = {name for name in after if before.get(name) != after[name] and not name.startswith(own)}
    assert changed == {"src/yiwang/site/domains.py"}
    assert (folder / "migrations" / "0001_initial.py").exists()
    assert [str(problem) for problem in checks.problems(copy) if problem.path.startswith(own)] == []
    ruff = str(Path(sys.executable).parent / "ruff")
    for command in ([ruff, "check", "--quiet", own], [ruff, "format", "--check", "--quiet", own]):
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert '"yiwang.city.parking",' in (copy / "src/yiwang/site/domains.py").read_text()


@pytest.mark.parametrize(
    ("wing", "code", "name", "said"),
    [
        ("town", "parking", "停车", "没有“town”这一翼"),
        ("city", "Parking", "停车", "不合规"),
        ("city", "a/../b", "停车", "不合规"),
        ("city", "class", "停车", "不合规"),
        ("city", "flow", "停车", "已经存在"),
        ("city", "parking", "parking", "中文名称"),
    ],
)
def test_不合规的领域被拒绝(wing: str, code: str, name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "src" / "yiwang" / "kernel" / "flow").mkdir(parents=True)
    assert said in scaffold.refuse(tmp_path, wing, code, name)
