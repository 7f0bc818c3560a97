"""A production site refuses to start insecurely, each refusal naming its variable."""

import json
import logging
import os
import subprocess
import sys

import pytest

from yiwang.site.logs import JsonFormatter

KEY = "aA1bB2cC3dD4eE5fF6gG7hH8iI9jJ0kK-lLmMnNoOpPqQrRsStTuUvV"
SAFE = {
    "YIWANG_ENV": "production",
    "YIWANG_SECRET_KEY": KEY,
    "YIWANG_HOSTS": "yiwang.example.gov.cn",
    "DATABASE_URL": "postgresql://yiwang:x@db.example.gov.cn/yiwang",
}
READ = """
import django, json
from django.conf import settings
django.setup()
print(json.dumps({n: getattr(settings, n) for n in (
    "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SECURE_HSTS_SECONDS",
    "SECURE_SSL_REDIRECT", "DEBUG", "DEMO_CITY", "ALLOWED_HOSTS", "SECURE_PROXY_SSL_HEADER")}))
"""


def start(change: dict[str, str | None], code: str = READ) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("YIWANG_") and name != "DATABASE_URL"
    }
    wanted = {name: value for name, value in {**SAFE, **change}.items() if value is not None}
    environment = {**kept, **wanted, "DJANGO_SETTINGS_MODULE": "yiwang.site.settings"}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_生产环境配置齐全时启动并打开全部保护() -> None:
    done = start({})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["SESSION_COOKIE_SECURE"] and found["CSRF_COOKIE_SECURE"] and found["SESSION_COOKIE_HTTPONLY"]
    assert found["SECURE_HSTS_SECONDS"] >= 31_536_000 and found["SECURE_SSL_REDIRECT"]
    assert not found["DEBUG"] and not found["DEMO_CITY"]
    assert found["ALLOWED_HOSTS"] == ["yiwang.example.gov.cn"]
    assert found["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("YIWANG_SECRET_KEY", None),
        ("YIWANG_SECRET_KEY", "demo-only-not-secret"),
        ("YIWANG_SECRET_KEY", "short"),
        ("YIWANG_SECRET_KEY", "a" * 80),
        ("YIWANG_HOSTS", None),
        ("YIWANG_HOSTS", "*"),
        ("YIWANG_HOSTS", ".example.gov.cn"),
        ("DATABASE_URL", None),
        ("DATABASE_URL", "mysql://x/y"),
        ("YIWANG_DEBUG", "1"),
        ("YIWANG_HTTPS", "off"),
        ("YIWANG_ORIGINS", "http://yiwang.example.gov.cn"),
        ("YIWANG_ENV", "prod"),
    ],
)
def test_生产环境拒绝不安全的配置并指出变量(variable: str, value: str | None) -> None:
    done = start({variable: value})
    assert done.returncode != 0
    assert variable in done.stderr
    assert "拒绝启动" in done.stderr


def test_演示密钥只许本机访问() -> None:
    refused = start({"YIWANG_ENV": "demo", "YIWANG_SECRET_KEY": None, "YIWANG_HOSTS": "192.0.2.7"})
    assert refused.returncode != 0 and "YIWANG_SECRET_KEY" in refused.stderr
    assert start({"YIWANG_ENV": "demo", "YIWANG_SECRET_KEY": None, "YIWANG_HOSTS": None}).returncode == 0


def test_管理命令的拒绝没有调用栈() -> None:
    environment = {**os.environ, "YIWANG_ENV": "production", "YIWANG_SECRET_KEY": ""}
    command = [sys.executable, "-m", "yiwang.site", "check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "YIWANG_SECRET_KEY" in done.stderr


def test_日志每行一个JSON() -> None:
    record = logging.LogRecord("yiwang.web", logging.WARNING, __file__, 1, "办件 %s 超时", ("A1",), None)
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "办件 A1 超时" and line["level"] == "WARNING" and line["at"].endswith("+00:00")
