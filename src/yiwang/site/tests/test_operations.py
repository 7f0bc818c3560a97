"""The operations page and the deployment files say what the code does."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from yiwang.kernel.files.restored import DUE
from yiwang.site.localdb import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
READ = re.compile(r"""(?:environ(?:ment)?(?:\.get\(|\[)|getenv\()\s*["'](YIWANG_[A-Z_]+|DATABASE_URL)["']""")


def variables(*, tests: bool = False) -> set[str]:
    found: set[str] = set()
    for path in [*(ROOT / "src").rglob("*.py"), ROOT / "run"]:
        if tests or "tests" not in path.relative_to(ROOT).parts:
            text = path.read_text(encoding="utf-8")
            found |= set(READ.findall(text)) | set(re.findall(r"\$\{(YIWANG_[A-Z_]+)", text))
    return found


def test_每个环境变量都有说明() -> None:
    found = variables()
    assert {"YIWANG_SECRET_KEY", "DATABASE_URL", "YIWANG_PYTHON"} <= found
    assert not {name for name in found if f"`{name}`" not in PAGE and f"`{name}=" not in PAGE}


def test_说明里没有不存在的变量() -> None:
    assert set(re.findall(r"YIWANG_[A-Z_]+[A-Z]", PAGE)) <= variables(tests=True) | {"YIWANG_SHARED"}


def test_示例环境文件只用有的变量() -> None:
    lines = (ROOT / "deploy" / "yiwang.env.example").read_text(encoding="utf-8").splitlines()
    names = {line.split("=", 1)[0] for line in lines if line and not line.startswith("#")}
    assert names <= variables()
    assert {"YIWANG_ENV", "YIWANG_SECRET_KEY", "YIWANG_HOSTS", "DATABASE_URL"} <= names


@pytest.mark.parametrize("unit", sorted((ROOT / "deploy").glob("*.service")), ids=lambda path: path.name)
def test_服务单元以普通账户运行并限制权限(unit: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    service = parser["Service"]
    assert service["User"] == "yiwang"
    assert service["ProtectSystem"] == "strict" and service["NoNewPrivileges"] == "true"
    assert service["EnvironmentFile"] == "/etc/yiwang/yiwang.env"


@pytest.mark.parametrize("name", ["web", "worker", "gateway"])
def test_恢复后还欠删除时服务单元不启动_位置随设置(name: str, tmp_path: Path) -> None:
    """The condition itself, as systemd hands it to the shell, with the setting and without it."""
    text = (ROOT / "deploy" / f"yiwang-{name}.service").read_text(encoding="utf-8")
    (given,) = re.findall(r"^ExecCondition=(.+)$", text, re.M)
    assert DUE not in text.replace(given, "")
    command = shlex.split(given.replace("$$", "$"))
    for place, environment in (
        (tmp_path / "elsewhere", {"YIWANG_VAR": str(tmp_path / "elsewhere")}),
        (tmp_path / "var", {}),
    ):
        place.mkdir()
        assert subprocess.run(command, env=environment, cwd=tmp_path, check=False).returncode == 0
        (place / DUE).touch()
        assert subprocess.run(command, env=environment, cwd=tmp_path, check=False).returncode == 1


def test_每个架构决定都在目录里() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in folder.glob("0*.md")}
