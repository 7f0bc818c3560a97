"""The commands of `./run`."""

import subprocess
import sys
from typing import Annotated

import typer
from django.core.management.base import CommandError

from yiwang.site import checking, localdb, preparation, serving
from yiwang.site.console import fail

app = typer.Typer(help="一网：./run <命令>", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Arguments = Annotated[list[str] | None, typer.Argument()]
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def up(
    port: Annotated[int, typer.Option(help="端口")] = 8000,
    detach: Annotated[bool, typer.Option("--detach", help="在后台运行")] = False,
) -> None:
    """启动示范城市：数据库、迁移、示范数据、网页与后台任务。"""
    (serving.up_detached if detach else serving.up)(port)


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
def bench(context: typer.Context) -> None:
    """性能基准：./run bench [名称…]。"""
    preparation.database_url()
    raise SystemExit(
        subprocess.run([sys.executable, "-m", "bench", *context.args], cwd=localdb.ROOT, check=False).returncode
    )


def main() -> None:
    try:
        app()
    except (localdb.DatabaseProblem, CommandError) as problem:
        raise fail(str(problem)) from None


if __name__ == "__main__":
    main()
