"""A production site refuses to start insecurely; each sentence names the variable to set."""

from collections.abc import Mapping
from urllib.parse import urlsplit

DEMO_KEY = "demo-only-not-secret"
SHORTEST_KEY, FEWEST_SYMBOLS = 50, 16
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_HTTPONLY")


def hosts(environment: Mapping[str, str]) -> list[str]:
    given = environment.get("YIWANG_HOSTS") or "127.0.0.1,localhost,[::1]"
    return [host.strip() for host in given.split(",") if host.strip()]


def refusals(environment: Mapping[str, str], settings: Mapping[str, object]) -> list[str]:
    """Why a site with this environment and these settings must not start; empty when it may."""
    mode = environment.get("YIWANG_ENV", "demo")
    if mode not in ("demo", "production"):
        return [f"YIWANG_ENV 只能是 demo 或 production，现在是“{mode}”。"]
    found = list(_key(environment, mode == "production"))
    if mode == "production":
        found += [*_hosts(environment), *_database(environment), *_transport(environment, settings)]
    return found


def _key(environment: Mapping[str, str], production: bool) -> list[str]:
    key = environment.get("YIWANG_SECRET_KEY") or DEMO_KEY
    make = (
        "用 python3 -c 'import secrets; print(secrets.token_urlsafe(64))' 生成，并妥善备份：台账校验码与密文都依赖它。"
    )
    if not production:
        beyond = sorted(set(hosts(environment)) - LOOPBACK - {"testserver"})
        if key == DEMO_KEY and beyond:
            named = "、".join(beyond)
            return [f"YIWANG_HOSTS 含本机以外的地址（{named}），不得使用演示密钥：请设 YIWANG_SECRET_KEY，{make}"]
        return []
    if key == DEMO_KEY:
        return [f"YIWANG_SECRET_KEY 没有设置：生产环境不得使用演示密钥。{make}"]
    if len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_SYMBOLS:
        return [f"YIWANG_SECRET_KEY 太弱：至少 {SHORTEST_KEY} 个字符、{FEWEST_SYMBOLS} 种不同字符。{make}"]
    return []


def _hosts(environment: Mapping[str, str]) -> list[str]:
    if not environment.get("YIWANG_HOSTS"):
        return ["YIWANG_HOSTS 没有设置：请写明对外域名，逗号分隔。"]
    wild = [host for host in hosts(environment) if host == "*" or host.startswith(".")]
    return [f"YIWANG_HOSTS 不得使用通配（{'、'.join(wild)}）：请逐个写明域名。"] if wild else []


def _database(environment: Mapping[str, str]) -> list[str]:
    url = environment.get("DATABASE_URL", "")
    if not url:
        return ["DATABASE_URL 没有设置：生产环境须用独立的 PostgreSQL（16 或更新），内置数据库只供演示。"]
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        return ["DATABASE_URL 须以 postgresql:// 开头，例如 postgresql://用户:口令@主机:5432/库名。"]
    return []


def _transport(environment: Mapping[str, str], settings: Mapping[str, object]) -> list[str]:
    found = []
    if settings.get("DEBUG"):
        found.append("YIWANG_DEBUG 已打开：生产环境不得打开调试，出错页会泄露代码与数据。")
    if environment.get("YIWANG_HTTPS") == "off":
        found.append("YIWANG_HTTPS=off：生产环境必须走 HTTPS，会话 Cookie 不得明文传输。")
    loose = [name for name in COOKIES if not settings.get(name)]
    if loose and environment.get("YIWANG_HTTPS") != "off":
        found.append(f"Cookie 保护没有全部打开：{'、'.join(loose)}。")
    origins = [origin.strip() for origin in environment.get("YIWANG_ORIGINS", "").split(",") if origin.strip()]
    found += [f"YIWANG_ORIGINS 中的 {one} 须以 https:// 开头。" for one in origins if not one.startswith("https://")]
    return found
