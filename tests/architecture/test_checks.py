"""The checks themselves: each refuses a bad sample and lets a good one pass."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import checks  # noqa: E402 - the tools are no package

DOMAIN = "src/yiwang/city/parking"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def found(root: Path, files: dict[str, str]) -> str:
    return "\n".join(str(problem) for problem in checks.problems(tree(root, files)))


BAD = {
    "语法错误": (f"{DOMAIN}/queries.py", "def a(:\n", "queries.py:1: 语法错误"),
    "函数内导入": (f"{DOMAIN}/queries.py", "def a() -> None:\n    import os\n", "函数 a 内有 import"),
    "掩盖循环": (
        f"{DOMAIN}/queries.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import os\n",
        "TYPE_CHECKING",
    ),
    "函数太长": (f"{DOMAIN}/queries.py", "def a() -> None:\n" + "    b()\n" * 61, "函数 a 62 行"),
    "模块太长": (f"{DOMAIN}/queries.py", "a = 1\n" * 501, "模块 501 行"),
    "豁免复杂度": (f"{DOMAIN}/queries.py", "def a() -> None:  # noqa: " + "C901\n    b()\n", "不得用 noqa"),
    "页面写库": (f"{DOMAIN}/pages.py", "def a(row) -> None:\n    row.save()\n", "只有 services 可以写库：row.save"),
    "保存部分字段": (
        f"{DOMAIN}/queries.py",
        "def a(row) -> None:\n    row.save(update_fields=['x'])\n",
        "只有 services",
    ),
    "管理器写库": (f"{DOMAIN}/queries.py", "Lot.objects.filter(id=1).update(n=2)\n", "只有 services"),
    "新建": (f"{DOMAIN}/jobs.py", "Lot.objects.create(n=2)\n", "只有 services"),
    "批量": (f"{DOMAIN}/measures.py", "x.bulk_create([])\n", "只有 services"),
    "成批写入": (f"{DOMAIN}/measures.py", "copying.insert(Lot, [])\n", "只有 services"),
    "删除": (f"{DOMAIN}/queries.py", "Lot.objects.filter(id=1).delete()\n", "只有 services"),
    "裸SQL写": (f"{DOMAIN}/queries.py", "cursor.execute('UPDATE lot SET n = 1')\n", "只有 services"),
    "没有操作人": (
        f"{DOMAIN}/services.py",
        "def open_lot(name: str) -> None:\n    b()\n",
        "open_lot 的第一个参数必须是 actor",
    ),
    "文件夹服务": (
        f"{DOMAIN}/services/lots.py",
        "def open_lot(*, actor) -> None:\n    b()\n",
        "第一个参数必须是 actor",
    ),
    "不转义": (
        f"{DOMAIN}/pages.py",
        "from django.utils.safestring import mark_safe\nx = mark_safe('<b>')\n",
        "mark_safe",
    ),
    "模板不转义": (f"{DOMAIN}/templates/parking/a.html", "{{ name|" + "safe }}", "只许出现在 kernel/ui"),
    "信号": (f"{DOMAIN}/services.py", "from django.db.models.signals import post_save\n", "不用 Django 信号"),
    "页面直接读": (f"{DOMAIN}/pages.py", "rows = Lot.objects.all()\n", "经 queries 读数"),
    "字段无名": (
        f"{DOMAIN}/models.py",
        "class Lot(models.Model):\n    n = models.IntegerField()\n",
        "Lot.n 没有中文 verbose_name",
    ),
    "关联无名": (
        f"{DOMAIN}/models.py",
        "class Lot(models.Model):\n    n = models.ForeignKey('a.B', models.PROTECT)\n",
        "Lot.n 没有",
    ),
    "走后门": (f"{DOMAIN}/services.py", "from yiwang.city.hotline.models import Order\n", "只能经它的 contract.py"),
    "走后门之二": (f"{DOMAIN}/services.py", "from yiwang.city import hotline\n", "只能经它的 contract.py"),
    "驾驶舱读模型": (
        "src/yiwang/cockpit/boards.py",
        "from yiwang.city.hotline import models\n",
        "只能经它的 contract.py",
    ),
    "多余房间": (f"{DOMAIN}/utils.py", "a = 1\n", "没有这个房间"),
    "本机路径": ("docs/a.md", "cd /wo" + "rk/x\n", "本机路径"),
    "软件源": ("docs/a.md", "https://py" + "pi.org/simple\n", "软件源主机名"),
    "未完成": ("docs/a.md", "TO" + "DO: later\n", "未完成标记"),
}


@pytest.mark.parametrize("sample", BAD, ids=list(BAD))
def test_坏样本被拒绝(sample: str, tmp_path: Path) -> None:
    path, text, said = BAD[sample]
    good = {f"{DOMAIN}/__init__.py": "", f"{DOMAIN}/README.md": "# 停车\n"}
    assert said in found(tmp_path, {**good, path: text})


GOOD = {
    f"{DOMAIN}/__init__.py": "",
    f"{DOMAIN}/README.md": "# 停车\n",
    f"{DOMAIN}/models.py": (
        "class Lot(models.Model):\n    n = models.IntegerField('车位数')\n"
        "    o = models.ForeignKey('a.B', models.PROTECT, verbose_name='机构')\n"
    ),
    f"{DOMAIN}/services.py": "def open_lot(actor, *, name: str) -> None:\n    Lot.objects.create(name=name)\n",
    f"{DOMAIN}/queries.py": (
        "def a(actor) -> None:\n    seen.update({1})\n    digest.update(b'')\n    path.write_text('')\n"
        "    document.save(path)\n    cursor.execute('SELECT 1')\n"
    ),
    f"{DOMAIN}/pages.py": "from yiwang.city.hotline.contract import orders\n",
    f"{DOMAIN}/tests/test_services.py": "Lot.objects.create(n=1)\n",
    f"{DOMAIN}/templates/parking/a.html": "{{ name }}",
    "src/yiwang/cockpit/boards.py": "from yiwang.city.hotline.measures import ON_TIME\n",
}


def test_服务文件夹只看它提供的动词(tmp_path: Path) -> None:
    verbs = "def open_lot(name: str) -> None:\n    b()\n\n\ndef shared(name: str) -> None:\n    b()\n"
    door = "from yiwang.city.parking.services.lots import open_lot\n"
    files = {f"{DOMAIN}/services/lots.py": verbs, f"{DOMAIN}/services/__init__.py": door}
    said = found(tmp_path, {f"{DOMAIN}/__init__.py": "", f"{DOMAIN}/README.md": "", **files})
    assert "open_lot" in said and "shared" not in said


def test_好样本通过(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == ""


def test_领域须有说明且模板不超过六个(tmp_path: Path) -> None:
    pages = {f"{DOMAIN}/templates/parking/{n}.html": "x" for n in range(7)}
    said = found(tmp_path, {f"{DOMAIN}/__init__.py": "", **pages})
    assert "缺 README.md" in said and "7 个模板，上限 6" in said


@pytest.mark.parametrize(("rooms", "most"), checks.BUDGETS)
def test_预算超出被指出(rooms: tuple[str, ...], most: int, tmp_path: Path) -> None:
    room = rooms[0] if rooms else "people"
    files = {f"src/yiwang/kernel/{room}/m{n}.py": "a = 1\n" * 500 for n in range(most // 500)}
    rest = {f"src/yiwang/kernel/{room}/rest.py": "a = 1\n" * (most % 500)}
    assert "行，预算" not in found(tmp_path, {**files, **rest})
    over = {f"src/yiwang/kernel/{room}/more.py": "a = 1\n"}
    assert f"{'+'.join(rooms) or 'kernel'} {most + 1} 行，预算 {most}" in found(tmp_path, {**files, **rest, **over})


def test_测试与迁移不计入预算(tmp_path: Path) -> None:
    files = {f"src/yiwang/kernel/flow/tests/test_{n}.py": "a = 1\n" * 500 for n in range(7)}
    assert found(tmp_path, files) == ""


def test_命令行给出位置与退出码(tmp_path: Path) -> None:
    tree(tmp_path, {f"{DOMAIN}/__init__.py": "", f"{DOMAIN}/README.md": "", f"{DOMAIN}/pages.py": "row.save()\n"})
    command = [sys.executable, str(ROOT / "tools" / "checks.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{DOMAIN}/pages.py:1: ")
