"""What production refuses to start with: no keys, or a gateway that is not Alipay's.

`check_alipay` is Django's system check; `problems()` the same as sentences, for `shigu doctor`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

from shigu.payments.providers.alipay import keys

HOSTS = ("alipay.com", "alipaydev.com")


def check_alipay(**_: object) -> list[CheckMessage]:
    """Errors in production; elsewhere only what was configured and cannot be read."""
    return [Error(problem, id="shigu.payments.E001") for problem in problems()]


def problems() -> list[str]:
    """Everything wrong with what is configured, without secrets."""
    found = _gateway() if settings.PRODUCTION else []
    if not keys.from_simulator():
        try:
            keys.load()
        except keys.NoKeys as problem:
            found.append(f"Alipay: {problem}")
    return found


def _gateway() -> list[str]:
    parts = urlsplit(settings.ALIPAY_GATEWAY)
    host = parts.hostname or ""
    if parts.scheme != "https" or not any(
        host == name or host.endswith(f".{name}") for name in HOSTS
    ):
        return ["Alipay: ALIPAY_GATEWAY must be https on a host of alipay.com or alipaydev.com"]
    return []
