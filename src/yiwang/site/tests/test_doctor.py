"""The doctor's sentences."""

import socket
from pathlib import Path

import psycopg
import pytest

from yiwang.site import doctor, localdb


def test_每项都有结论() -> None:
    found = doctor.examine()
    assert {"Python", "可用内存", "数据库", "密钥", "浏览器", "中文字体", "端口"} <= {
        finding.subject for finding in found
    }
    assert all(finding.message for finding in found)


@pytest.mark.parametrize(("value", "level"), [(1, "fault"), (3, "warning"), (12, "good")])
def test_不足分警告与故障(value: float, level: str) -> None:
    finding = doctor.judged("磁盘", value, 2, 10, "GB", "请清理。")
    assert finding.level == level
    assert ("请清理" in finding.message) is (level != "good")


def test_端口被占时建议换一个() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        (finding,) = doctor.port(number)
    assert finding.level == "warning" and f"--port {number + 1}" in finding.message


def test_弱密钥与可读口令文件是故障(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YIWANG_SECRET_KEY", "short")
    cluster = localdb.Cluster(tmp_path)
    cluster.password_file.write_text("x")
    cluster.password_file.chmod(0o644)
    monkeypatch.setattr(localdb, "LOCAL", cluster)
    assert [finding.level for finding in doctor.secrets()] == ["fault", "fault"]


def test_连不上的数据库是一句话(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@nowhere.invalid/x")
    (finding,) = doctor.embedded()
    assert finding.level == "fault" and "主机名无法解析" in finding.message


def test_空库说尚未迁移() -> None:
    with psycopg.connect(localdb.url("postgres")) as connection:
        finding = doctor._migrations(connection)
    assert finding.level == "warning" and "尚未迁移" in finding.message


def test_湖目录装不下最大一张表的重写是故障_指定的盘不在也是(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YIWANG_LAKE", str(tmp_path / "absent"))
    (finding,) = doctor.lake()
    assert finding.level == "fault" and "请挂载磁盘" in finding.message
    (tmp_path / "lake" / "people-01234567" / "data").mkdir(parents=True)
    with (tmp_path / "lake" / "people-01234567" / "data" / "a.parquet").open("wb") as sparse:
        sparse.truncate(1 << 43)
    monkeypatch.setenv("YIWANG_LAKE", str(tmp_path / "lake"))
    (finding,) = doctor.lake()
    assert finding.level == "fault" and "减少保留的快照数" in finding.message and "8192.0 GB" in finding.subject
