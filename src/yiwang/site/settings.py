"""Settings. Everything a site may change comes from the environment (see docs/operations.md)."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from yiwang.site import domains, localdb

ROOT = Path(__file__).resolve().parents[3]
VAR = Path(os.environ.get("YIWANG_VAR", ROOT / "var"))
PRODUCTION = os.environ.get("YIWANG_ENV", "demo") == "production"
DEBUG = False
SECRET_KEY = os.environ.get("YIWANG_SECRET_KEY", "demo-only-not-secret")
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("YIWANG_OLD_SECRET_KEYS", "").split(",") if key]
FILE_SIZE_LIMIT = int(os.environ.get("YIWANG_FILE_SIZE_LIMIT_MB", "50")) * 1024 * 1024
ALLOWED_HOSTS = os.environ.get("YIWANG_HOSTS", "127.0.0.1,localhost,[::1]").split(",")


def database(url: str) -> dict[str, object]:
    """A Django DATABASES entry of a postgresql:// URL (query parameters become connection options)."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**query, "application_name": "yiwang"},
    }


DATABASES = {"default": database(os.environ.get("DATABASE_URL") or localdb.url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

KERNEL = ["ledger", "access", "orgs", "people", "jobs", "messages", "files", "search", "calendar", "clocks", "flow",
          "ui", "measures", "registers", "pages"]  # fmt: skip
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "procrastinate.contrib.django",
    *[f"yiwang.kernel.{room}" for room in KERNEL],
    "yiwang.standards",
    *domains.DOMAINS,
    "yiwang.site",
]
AUTH_USER_MODEL = "people.Account"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "yiwang.kernel.ui.middleware.ContentSecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "yiwang.kernel.ui.middleware.SentenceMiddleware",
]
ROOT_URLCONF = "yiwang.site.urls"
WSGI_APPLICATION = "yiwang.site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = True
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "yiwang.kernel.ui.errors.stale_form"
CITY_NAME = os.environ.get("YIWANG_CITY", "示例市")
DEMO_CITY = not PRODUCTION
