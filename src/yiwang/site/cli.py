"""The commands of `./run`."""

import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DatabaseError

from yiwang.site import backups, checking, doctor, localdb, pointintime, preparation, scaffold, serving
from yiwang.site.console import fail, say

app = typer.Typer(help="一网：./run <命令>", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Arguments = Annotated[list[str] | None, typer.Argument()]
ADVICE = "演示数据可以丢弃时：./run down 之后删除 var/pg 与 var/ledger 再 ./run up；有正式数据时先 ./run backup，再按 docs/operations.md 处理。"
NEXT = "接着执行 ./run verify；回到了较早的时点时，由审计管理员用 ./run manage verify_ledger --accept-database '理由' 确认并记账。"
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def up(
    port: Annotated[int, typer.Option(help="端口")] = 8000,
    detach: Annotated[bool, typer.Option("--detach", help="在后台运行")] = False,
) -> None:
    """启动示范城市：数据库、迁移、示范数据、网页与后台任务。"""
    if os.environ.get("YIWANG_ENV") == "production":
        raise fail("./run up 只用于演示。生产环境用 ./run prepare 准备，再由 systemd 启动，见 docs/operations.md。")
    (serving.up_detached if detach else serving.up)(port)


@app.command()
def prepare() -> None:
    """生产环境安装或升级：迁移、静态文件、标准代码、角色、流程；不生成示范数据。"""
    preparation.prepare(preparation.database_url(), demonstration=False)
    say("准备完成。")


@app.command()
def down() -> None:
    """停止 up 启动的一切。"""
    serving.down()


@app.command()
def check() -> None:
    """静态检查：风格、类型、导入契约、迁移、结构。"""
    checking.check(checking.checks())


@app.command(context_settings=PASSED_ON)
def test(context: typer.Context) -> None:
    """全部测试，含浏览器；后面可跟 pytest 的参数以只跑一部分。"""
    checking.test(context.args)


@app.command(context_settings=PASSED_ON)
def manage(context: typer.Context) -> None:
    """Django 管理命令。"""
    preparation.database_url()
    raise SystemExit(subprocess.run([sys.executable, "-m", "yiwang.site", *context.args], check=False).returncode)


@app.command(context_settings=PASSED_ON)
def report(context: typer.Context) -> None:
    """编制报告：./run report hotline.bulletin 2026-03 --out 通报.pdf。"""
    preparation.database_url()
    raise SystemExit(
        subprocess.run([sys.executable, "-m", "yiwang.site", "report", *context.args], check=False).returncode
    )


@app.command(context_settings=PASSED_ON)
def bench(context: typer.Context) -> None:
    """性能基准：./run bench [名称…]。"""
    preparation.database_url()
    raise SystemExit(
        subprocess.run([sys.executable, "-m", "bench", *context.args], cwd=localdb.ROOT, check=False).returncode
    )


@app.command()
def spark() -> None:
    """规则在 Spark 集群（本机两个执行器）上与参考实现逐条对照；要有 Java 17。"""
    checking.spark()


@app.command("new-domain")
def new_domain(wing: str, code: str, name: str) -> None:
    """新建领域：./run new-domain city parking 停车。"""
    folder = scaffold.create(localdb.ROOT, wing, code, name)
    say(f"已建立 {folder.relative_to(localdb.ROOT)}，并写入 src/yiwang/site/domains.py。")
    say(f"接着：./run test {folder.relative_to(localdb.ROOT)} —— 红色的测试逐个说明下一步写什么。")


@app.command(context_settings=PASSED_ON)
def demo(context: typer.Context, what: Annotated[str, typer.Argument(help="data")] = "data") -> None:
    """大规模示范数据：先 ./run up 建好示范城市，再 ./run demo data --scale qiaokou（中断了再执行即接着做）；--verify 重算各项指标并比较。"""
    if what != "data":
        raise fail("只有 ./run demo data。")
    preparation.database_url()
    command = [sys.executable, "-m", "yiwang.site", "demo_data", *context.args]
    raise SystemExit(subprocess.run(command, check=False).returncode)


@app.command()
def backup(
    base: Annotated[bool, typer.Option("--base", help="内置数据库的基础备份，此后可恢复到任意时间点")] = False,
    keep: Annotated[int, typer.Option(help="保留几份基础备份", min=1)] = 2,
    to: Annotated[Path | None, typer.Option(help="备份目录，默认 var/backups")] = None,
) -> None:
    """备份数据库与附件，附摘要清单。"""
    if base:
        _refuse_external("backup --base")
        say(f"基础备份完成：{pointintime.base(localdb.LOCAL, keep=keep)}")
    else:
        say(f"备份完成：{backups.backup(preparation.database_url(), to=to.absolute() if to else None)}")


@app.command()
def restore(
    folder: Annotated[Path | None, typer.Argument(help="backup 打印的目录")] = None,
    to: Annotated[str, typer.Option(help="恢复到时间点，如 '2026-05-01 09:30:00'（北京时间）或 latest")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="清除目标库中已有数据")] = False,
) -> None:
    """从备份恢复，或把内置数据库恢复到某一时间点。先停止服务。"""
    with localdb.exclusive(serving.LOCK, "平台正在运行（进程 {holder}），请先执行 ./run down。"):
        if to:
            _refuse_external("restore --to")
            before = pointintime.restore(localdb.LOCAL, pointintime.instant(to))
            if brought := backups.bring_missing():
                say(f"· 从备份带回该时刻以后弃置的文件 {brought} 个")
            backups.mark_due()
            _delete_again()
            say(f"已恢复到 {to}。恢复前的数据保留在 {before}，确认无误后可以删除。{NEXT}")
        elif folder:
            backups.restore(preparation.database_url(), folder.absolute(), replace=replace)
            _delete_again()
            say(f"恢复完成。{NEXT}")
        else:
            raise fail("请给出备份目录，或用 --to 给出时间点。")


def _delete_again() -> None:
    """Persons deleted since the backup was made are deleted again before anybody is served."""
    command = [sys.executable, "-m", "yiwang.site", "delete_again"]
    environment = {**os.environ, "DATABASE_URL": preparation.database_url()}
    if subprocess.run(command, env=environment, check=False).returncode:
        raise fail(
            "数据已恢复，但备份之后依申请删除的个人信息没有重新删除完。平台不会启动；请按上面的说明处理后执行 ./run manage delete_again。"
        )


def _refuse_external(command: str) -> None:
    if os.environ.get("DATABASE_URL"):
        raise fail(f"{command} 只用于内置数据库；外部数据库的时间点恢复由其自身工具完成，见 docs/operations.md。")


@app.command()
def verify() -> None:
    """核对审计台账、流程记录与附件，有改动、缺失或插入时指出是哪一条。"""
    preparation.database_url()
    preparation.setup()
    preparation.verify()


@app.command("doctor")
def examine() -> None:
    """检查这台机器：版本、内存、磁盘、端口、数据库、时钟、密钥、浏览器、字体。"""
    marks = {"good": ("✓", None), "warning": ("!", "yellow"), "fault": ("✗", "bold red")}
    found = doctor.examine()
    for finding in found:
        mark, style = marks[finding.level]
        say(f"{mark} {finding.subject}：{finding.message}", style)
    faults = sum(finding.level == "fault" for finding in found)
    if faults:
        raise fail(f"{faults} 项必须处理。")


def main() -> None:
    try:
        app()
    except (localdb.DatabaseProblem, CommandError, ImproperlyConfigured) as problem:
        raise fail(str(problem)) from None
    except DatabaseError as problem:
        raise fail(f"数据库拒绝了操作：{problem}\n详情见 {_kept(problem)}。{ADVICE}") from None


def _kept(problem: Exception) -> Path:
    """The trace goes to a file; the console gets the sentence."""
    log = localdb.VAR / "log" / "error.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as output:
        traceback.print_exception(problem, file=output)
    return log


if __name__ == "__main__":
    main()
