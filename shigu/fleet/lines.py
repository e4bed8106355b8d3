"""The lines to broker and Redis, asked whether they stand; each within two seconds, or an error says why.

Neither is imported before it is configured: a small shop has neither.
"""

from __future__ import annotations

from django.conf import settings

from shigu.kit import shared

PATIENCE = 2.0


def ask_broker() -> None:
    """Connect to the broker and let go again; raises where it is away."""
    from kombu.connection import Connection  # noqa: PLC0415 - only where a broker is configured

    limits = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    given = limits if settings.CELERY_BROKER_URL.startswith(("redis", "rediss")) else {}
    url = settings.CELERY_BROKER_URL
    with Connection(url, connect_timeout=PATIENCE, transport_options=given) as broker:
        broker.ensure_connection(max_retries=1, timeout=PATIENCE, interval_start=0)
        broker.default_channel  # noqa: B018 - Redis is talked to only now


def ask_redis() -> None:
    """A word to Redis and back; raises where it is away."""
    import redis  # noqa: PLC0415 - only where a Redis is configured

    with redis.Redis.from_url(settings.REDIS_URL, **shared.quick()) as client:
        client.ping()
