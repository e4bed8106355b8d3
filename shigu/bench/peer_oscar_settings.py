"""A shop of django-oscar as its own guide sets one up, for the benchmark `http`; nothing of ours is in it.

Beside the guide, and all in its favour: pooled connections as our pages have, templates that stay in memory,
no mail server, no thumbnails, no search index. Sessions are in the database, Django's own default,
because two processes share them.
"""

from __future__ import annotations

import os

from oscar import INSTALLED_APPS as OSCAR_APPS
from oscar.defaults import *  # noqa: F403 - so its guide wants it
from psycopg.conninfo import conninfo_to_dict

SECRET_KEY = "only-for-a-benchmark-on-this-machine"
ALLOWED_HOSTS = ["127.0.0.1"]
DEBUG = False
SITE_ID = 1
ROOT_URLCONF = "shigu.bench.peer_oscar_site"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [*OSCAR_APPS]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ],
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"

_parts = conninfo_to_dict(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _parts["dbname"],
        "USER": _parts.get("user", ""),
        "HOST": _parts.get("host", ""),
        "PORT": _parts.get("port", ""),
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"pool": {"min_size": 0, "max_size": 20, "timeout": 10}},
    }
}
APPS_WITH_TABLES = (
    *("address", "admin", "analytics", "auth", "basket", "catalogue", "communication"),
    *("contenttypes", "customer", "flatpages", "offer", "order", "partner", "payment", "reviews"),
    *("sessions", "shipping", "sites", "voucher", "wishlists"),
)
MIGRATION_MODULES = dict.fromkeys(APPS_WITH_TABLES)  # tables come straight from the models
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
MEDIA_URL = "media/"
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {"Pending": ("Cancelled",), "Cancelled": ()}
