"""All settings in one file; every one that a place may want to change has an environment variable.

Durations in the environment are seconds. `SHIGU_PRODUCTION=1` demands real keys, real hosts and an
unshifted clock (`shigu check --deploy` and the checks in `shigu.ops.checks` hold that).
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _
from psycopg.conninfo import conninfo_to_dict

from shigu.kit import logs

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("SHIGU_VAR", BASE_DIR / "var"))


def env(name: str, default: str = "") -> str:
    """Text from the environment."""
    return os.environ.get(name, default)


def env_flag(name: str, default: bool = False) -> bool:
    """True for 1, true, yes, on."""
    return env(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: str = "") -> list[str]:
    """Comma separated values."""
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


def env_seconds(name: str, default: timedelta) -> timedelta:
    """A duration given in seconds."""
    return timedelta(seconds=float(env(name, str(default.total_seconds()))))


# -- what and where --------------------------------------------------------------------------
PRODUCTION = env_flag("SHIGU_PRODUCTION")
DEBUG = False
SECRET_KEY = env("SHIGU_SECRET_KEY") or (
    "" if PRODUCTION else "only-for-trying-out-on-this-machine"
)
ALLOWED_HOSTS = env_list(
    "SHIGU_HOSTS", "" if PRODUCTION else "127.0.0.1,localhost,[::1],testserver"
)
CSRF_TRUSTED_ORIGINS = env_list("SHIGU_ORIGINS")
SITE_URL = env("SHIGU_URL", "http://127.0.0.1:8000")  # how providers and mails reach the shop
EVENTS_URL = env("SHIGU_EVENTS_URL")  # where event streams are served; empty: same origin

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "shigu.clock",
    "shigu.accounts",
    "shigu.notices",
    "shigu.catalogue",
    "shigu.ledger",
    "shigu.payments",
    "shigu.promotions",
    "shigu.wallet",
    "shigu.orders",
    "shigu.learning",
    "shigu.auctions",
    "shigu.reporting",
    "shigu.ops",
    "shigu.fleet",
    "shigu.web",
]

METRICS_TOKEN = env("SHIGU_METRICS_TOKEN")  # who knows it may read /metrics from elsewhere
METRICS = env_flag("SHIGU_METRICS", default=bool(METRICS_TOKEN))

MIDDLEWARE = [
    "shigu.web.request_log.RequestLog",
    "shigu.fleet.probes.Probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "shigu.web.bodies.BoundedBodies",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "shigu.web.security.SecurityHeaders",
]

if METRICS:
    MIDDLEWARE.insert(2, "shigu.fleet.metering.Metering")

ROOT_URLCONF = "shigu.urls"
WSGI_APPLICATION = "shigu.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "shigu" / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shigu.web.context.shop",
            ],
        },
    }
]


# -- PostgreSQL ------------------------------------------------------------------------------
POOL = int(env("SHIGU_POOL", "20"))  # connections of one process, at most
PROCESSES = int(env("SHIGU_PROCESSES", "4"))  # processes of the whole shop that have a pool


def _database(url: str) -> dict[str, Any]:
    """Django's database entry for a PostgreSQL URL; every connection has time limits."""
    parts = conninfo_to_dict(url)
    limits = {
        "lock_timeout": env("SHIGU_LOCK_TIMEOUT", "10s"),
        "statement_timeout": env("SHIGU_STATEMENT_TIMEOUT", "60s"),
        "idle_in_transaction_session_timeout": "10s",
    }
    pool = {"min_size": 0, "max_size": POOL, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "shigu"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {
            **parts,
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
            **({"pool": pool} if env_flag("SHIGU_POOLED", default=True) else {}),
        },
    }


DATABASES = {"default": _database(env("DATABASE_URL", "postgresql:///shigu"))}

# -- people ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_ADAPTER = "shigu.accounts.joining.JoiningAdapter"
ACCOUNT_FORMS = {"signup": "shigu.accounts.joining.JoiningForm"}
ACCOUNT_EMAIL_VERIFICATION = env("SHIGU_EMAIL_VERIFICATION", "optional")
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""  # the sender says whose letter it is
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
EMAIL_BACKEND = env("SHIGU_EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_HOST = env("SHIGU_SMTP_HOST", "localhost")
EMAIL_PORT = int(env("SHIGU_SMTP_PORT", "25"))
EMAIL_HOST_USER = env("SHIGU_SMTP_USER")
EMAIL_HOST_PASSWORD = env("SHIGU_SMTP_PASSWORD")
EMAIL_USE_TLS = env_flag("SHIGU_SMTP_TLS")
EMAIL_USE_SSL = env_flag("SHIGU_SMTP_SSL")
EMAIL_WAIT = env_seconds(
    "SHIGU_SMTP_TIMEOUT", timedelta(seconds=10)
)  # of each word with the server
EMAIL_TIMEOUT = EMAIL_WAIT.total_seconds()
DEFAULT_FROM_EMAIL = env("SHIGU_MAIL_FROM", "Shigu <shop@localhost>")

# -- logs --------------------------------------------------------------------------------------
LOG_JSON = env_flag("SHIGU_LOG_JSON", default=PRODUCTION)
logs.configure(json=LOG_JSON)
LOGGING = logs.stdlib(json=LOG_JSON)
OTEL = env_flag("SHIGU_OTEL")  # traces by OTLP, as the standard OTEL_* names say

# -- language and time -----------------------------------------------------------------------
LANGUAGE_CODE = env("SHIGU_LANGUAGE", "zh-hans")
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "shigu" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env("SHIGU_ZONE", "Asia/Shanghai")

# -- files -----------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
MEDIA_URL = "media/"
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "shigu.web.storage.StaticFiles"},
}
WHITENOISE_USE_FINDERS = env_flag("SHIGU_STATIC_FROM_SOURCE")
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # a table of lots, sent again as text
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# -- a fleet's broker --------------------------------------------------------------------------
CELERY_BROKER_URL = env("CELERY_BROKER_URL")  # redis:// or amqp://; empty: the embedded clock
CELERY_RESULT_BACKEND = env("CELERY_RESULT_BACKEND") or None  # for extensions that want results
CELERY_BEAT_SCHEDULE: dict[str, Any] = {}  # entries of extensions, which every scheduler sends once

# -- cache and sessions ----------------------------------------------------------------------
REDIS_URL = env("SHIGU_REDIS_URL")  # empty: each process keeps its own
REDIS_PREFIX = env("SHIGU_REDIS_PREFIX", "shigu")  # where several shops share one server


def _cache(name: str) -> dict[str, str]:
    """One of the shop's caches: in this process, or in the Redis that all of them share."""
    if not REDIS_URL:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
    backend = f"shigu.kit.caching.{name.title()}Cache"
    return {"BACKEND": backend, "LOCATION": REDIS_URL, "KEY_PREFIX": f"{REDIS_PREFIX}:{name}"}


def _built() -> dict[str, str]:
    """For what the clock's process builds and the pages' show: what one process keeps is no use here."""
    if REDIS_URL:
        return {**_cache("shared"), "KEY_PREFIX": f"{REDIS_PREFIX}:built"}
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    return {"BACKEND": backend, "LOCATION": str(VAR_DIR / "built")}


CACHES = {"default": _cache("shared"), "sessions": _cache("session"), "built": _built()}
SESSION_CACHE_ALIAS = "sessions"
# What one process remembers by itself would stay signed in there, after a sign-out at another.
SESSION_ENGINE = f"django.contrib.sessions.backends.{'cached_db' if REDIS_URL else 'db'}"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30

# -- security --------------------------------------------------------------------------------
SECURE_COOKIES = env_flag("SHIGU_HTTPS", default=PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = SECURE_COOKIES
SECURE_REDIRECT_EXEMPT = [r"^pay/notify/"]  # a redirected notify is a lost notify
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env_flag("SHIGU_BEHIND_PROXY") else None
)
SECURE_HSTS_SECONDS = 31536000 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_COOKIES
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# -- back office (colours are the tokens of shigu/web/static/web/css/tokens.css) ------------------
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Shigu back office"),
    "SITE_HEADER": _("Shigu"),
    "SITE_SUBHEADER": _("Back office"),
    "SITE_ICON": "shigu.ops.office.icon",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "shigu.ops.office.icon"},
    ],
    "SHOW_LANGUAGES": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "shigu.ops.office.dashboard",
    "SIDEBAR": {"navigation": "shigu.ops.office.navigation"},
    "STYLES": ["shigu.ops.office.style"],
    "COLORS": {
        "base": {
            "50": "#faf7f1",
            "100": "#f2ece1",
            "200": "#e6ddcd",
            "300": "#b3a797",
            "400": "#a09383",
            "500": "#6c6254",
            "600": "#5f5649",
            "700": "#383127",
            "800": "#2a251e",
            "900": "#1f1b16",
            "950": "#16130f",
        },
        "primary": {
            "50": "#f2ece1",
            "100": "#e6ddcd",
            "200": "#d3c7b3",
            "300": "#b3a797",
            "400": "#d3c7b3",
            "500": "#5f5649",
            "600": "#3a332a",
            "700": "#2a251e",
            "800": "#1f1b16",
            "900": "#1d1915",
            "950": "#16130f",
        },
    },
}

# -- the shop's own times (seconds in the environment) -----------------------------------------
SHIGU_NAME = env("SHIGU_NAME")
PAY_WINDOW = env_seconds("SHIGU_PAY_WINDOW", timedelta(minutes=15))
ASK_BACKSTOP = env_seconds("SHIGU_ASK_BACKSTOP", timedelta(minutes=30))
ASK_MARGIN = env_seconds("SHIGU_ASK_MARGIN", timedelta(seconds=30))
REMIND_BEFORE = env_seconds(
    "SHIGU_REMIND_BEFORE", timedelta(minutes=5)
)  # the end of the time to pay
NOTICES_PATIENCE = env_seconds(
    "SHIGU_NOTICES_PATIENCE", timedelta(days=2)
)  # then a mail is given up
NOTICES_KEPT = env_seconds("SHIGU_NOTICES_KEPT", timedelta(days=180))
CLOCK_POLL = env_seconds("SHIGU_CLOCK_POLL", timedelta(seconds=1))
PERIODIC_RUNS_KEPT = env_seconds("SHIGU_PERIODIC_RUNS_KEPT", timedelta(days=30))
PROVIDER_NOTICES_KEPT = env_seconds("SHIGU_PROVIDER_NOTICES_KEPT", timedelta(days=180))
HOME_KEPT = env_seconds(
    "SHIGU_HOME_KEPT", timedelta(minutes=10)
)  # where nothing rebuilds it; 0: built anew for each reader
CLOCK_MAY_SHIFT = env_flag("SHIGU_CLOCK_MAY_SHIFT", default=not PRODUCTION)

# -- credits -----------------------------------------------------------------------------------
CREDITS_PER_YUAN = int(env("SHIGU_CREDITS_PER_YUAN", "10"))  # so many are worth ¥1; divides 100
CREDITS_ON_SIGN_UP = int(env("SHIGU_CREDITS_ON_SIGN_UP", "100"))
CREDITS_EARNED_PER_YUAN = int(env("SHIGU_CREDITS_EARNED_PER_YUAN", "1"))  # for each whole ¥1 paid

# -- balance (amounts in fen) -------------------------------------------------------------------
TOP_UP_LEAST = int(env("SHIGU_TOP_UP_LEAST", "100"))
TOP_UP_MOST = int(env("SHIGU_TOP_UP_MOST", "5000000"))

# -- auctions -----------------------------------------------------------------------------------
AUCTION_OUTAGE = env_seconds("SHIGU_AUCTION_OUTAGE", timedelta(seconds=15))  # longer is one
AUCTION_BAN = env_seconds("SHIGU_AUCTION_BAN", timedelta(days=30))  # for who did not pay
AUCTION_ENDING = env_seconds(
    "SHIGU_AUCTION_ENDING", timedelta(minutes=10)
)  # told before a lot ends
AUCTION_REMIND = env_seconds(
    "SHIGU_AUCTION_REMIND", timedelta(hours=2)
)  # and before it must be paid
STREAMS_PER_ADDRESS = int(
    env("SHIGU_STREAMS_PER_ADDRESS", "500")
)  # open pages of lots behind one address, of each event process: a whole hall
AUCTION_BIDS = int(env("SHIGU_AUCTION_BIDS", "20"))  # of one person on one lot in ten seconds

# -- Alipay (the simulator's own files by default, never in production) -------------------------
ALIPAY_GATEWAY = env("ALIPAY_GATEWAY", "http://127.0.0.1:8003/gateway.do")
ALIPAY_APP_ID = env("ALIPAY_APP_ID")
ALIPAY_SELLER_ID = env("ALIPAY_SELLER_ID")
ALIPAY_PRIVATE_KEY_FILE = env("ALIPAY_PRIVATE_KEY_FILE")
ALIPAY_PUBLIC_KEY_FILE = env("ALIPAY_PUBLIC_KEY_FILE")
ALIPAY_SIMULATOR_DIR = env("ALIPAY_SIMULATOR_DIR", str(VAR_DIR / "simulator"))
ALIPAY_TIMEOUT = env_seconds("ALIPAY_TIMEOUT", timedelta(seconds=8))
