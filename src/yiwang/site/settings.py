"""Settings. Everything a site may change comes from the environment (see docs/operations.md)."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from yiwang.kernel.files import private
from yiwang.site import domains, hardening, localdb, logs, starting

starting.begin()
ROOT = Path(__file__).resolve().parents[3]
VAR = localdb.VAR
PRODUCTION = os.environ.get("YIWANG_ENV", "demo") == "production"
DEBUG = os.environ.get("YIWANG_DEBUG") == "1"
SECRET_KEY = os.environ.get("YIWANG_SECRET_KEY") or hardening.DEMO_KEY
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("YIWANG_OLD_SECRET_KEYS", "").split(",") if key]
FILE_SIZE_LIMIT = int(os.environ.get("YIWANG_FILE_SIZE_LIMIT_MB", "50")) * 1024 * 1024
# Empty: VAR/lake. A disk of its own is fine; the path must not change while snapshots name files below it.
LAKE = os.environ.get("YIWANG_LAKE", "")
# Where what lies sealed is opened for an engine: a file system in memory. Empty, or without room: VAR/opened.
MEMORY = os.environ.get("YIWANG_MEMORY", private.MEMORY)
LAKE_MEMORY_MB = int(os.environ.get("YIWANG_LAKE_MEMORY_MB", "2048"))
LAKE_SECONDS = float(os.environ.get("YIWANG_LAKE_SECONDS", "3600"))
MESSAGE_CHANNELS = {
    "sms": {
        "adapter": os.environ.get("YIWANG_SMS_ADAPTER", "demo"),
        "url": os.environ.get("YIWANG_SMS_URL", ""),
        "secret": os.environ.get("YIWANG_SMS_SECRET", ""),
    },
    "mail": {"adapter": os.environ.get("YIWANG_MAIL_ADAPTER", "demo")},
}
MESSAGE_DEFAULT_CHANNELS = [name for name in os.environ.get("YIWANG_MESSAGE_CHANNELS", "sms").split(",") if name]
EMAIL_HOST = os.environ.get("YIWANG_SMTP_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("YIWANG_SMTP_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("YIWANG_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("YIWANG_SMTP_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("YIWANG_SMTP_TLS", "") == "1"
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = os.environ.get("YIWANG_MAIL_FROM", "yiwang@localhost")
ALLOWED_HOSTS = hardening.hosts(os.environ)


# Solid-state disks: PostgreSQL's default of 4 prefers reading whole tables; compiling a page's statement costs more
# than running it. An `options` in DATABASE_URL replaces this.
PLANNER = "-c random_page_cost=1.1 -c jit=off -c work_mem=16MB"


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
        # Only the statements of every act are prepared (kernel/bulk/statements.py). A pooler in front must keep
        # them apart by connection, as pgbouncer does from 1.21 on.
        "OPTIONS": {"prepare_threshold": 2, "options": PLANNER, **query, "application_name": "yiwang"},
    }


DATABASES = {"default": database(os.environ.get("DATABASE_URL") or localdb.url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

KERNEL = ["ledger", "keys", "access", "orgs", "people", "oidc", "jobs", "messages", "files", "lake", "search", "calendar", "clocks", "flow",
          "ui", "measures", "registers", "pages"]  # fmt: skip
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
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
SESSION_ENGINE = "yiwang.kernel.people.sessions"
SESSION_IDLE_MINUTES = int(os.environ.get("YIWANG_SESSION_IDLE_MINUTES", "30"))
SESSION_LONGEST_HOURS = int(os.environ.get("YIWANG_SESSION_LONGEST_HOURS", "12"))
SESSION_COOKIE_AGE = SESSION_LONGEST_HOURS * 3600
PASSWORD_MAX_AGE_DAYS = int(os.environ.get("YIWANG_PASSWORD_MAX_AGE_DAYS", "90"))
ONE_TIME_PASSWORD_HOURS = int(os.environ.get("YIWANG_ONE_TIME_PASSWORD_HOURS", "72"))
SIGN_IN_FAILURES = int(os.environ.get("YIWANG_SIGN_IN_FAILURES", "5"))
SIGN_IN_ADDRESS_FAILURES = int(os.environ.get("YIWANG_SIGN_IN_ADDRESS_FAILURES", "60"))
SIGN_IN_LOCK_MINUTES = int(os.environ.get("YIWANG_SIGN_IN_LOCK_MINUTES", "15"))
SECOND_FACTOR_REQUIRED = PRODUCTION
TRUSTED_PROXIES = int(os.environ.get("YIWANG_TRUSTED_PROXIES", "0"))
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "yiwang.kernel.ui.middleware.ContentSecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "yiwang.kernel.lake.engine.guard.NoEngineMiddleware",
    "yiwang.kernel.people.middleware.ActorMiddleware",
    "yiwang.kernel.registers.tokens.TokenMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "yiwang.kernel.people.middleware.DefaultDeny",
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
FORMAT_MODULE_PATH = "yiwang.site.formats"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
# Only the tests, which have no second server, push into and pull from the platform's own database.
OWN_DATABASE_IS_FOREIGN = False
WHITENOISE_USE_FINDERS = not PRODUCTION
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "yiwang.kernel.ui.errors.stale_form"
CITY_NAME = os.environ.get("YIWANG_CITY", "示例市")
DEMO_CITY = not PRODUCTION

# Transport. The proxy in front ends TLS and sets X-Forwarded-Proto (deploy/nginx.conf.example).
HTTPS = PRODUCTION and os.environ.get("YIWANG_HTTPS") != "off"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
CSRF_TRUSTED_ORIGINS = [origin.strip() for origin in os.environ.get("YIWANG_ORIGINS", "").split(",") if origin.strip()]
LOGGING = logs.configuration(os.environ.get("YIWANG_LOG_LEVEL", "INFO" if PRODUCTION else "WARNING"), PRODUCTION)
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

if _refused := hardening.refusals(os.environ, globals()):
    raise ImproperlyConfigured("配置不安全或不完整，拒绝启动：\n" + "\n".join(f"- {one}" for one in _refused))
