"""What one simulator was started with, and the rule that it never leaves this machine.

`Settings` is read once from the command line. `loopback(host)` is the rule behind the bind address,
the Host header, the allow-list of notify and return addresses, and who may use the control API.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DAY = 86_400.0
MAX_BODY = 256 * 1024
MAX_TERM = 15 * DAY  # Alipay's longest life of an unpaid trade


class Refused(Exception):
    """The simulator will not start like this."""


@dataclass(frozen=True)
class Settings:
    data: Path
    host: str = "127.0.0.1"
    port: int = 8003
    speed: float = 1.0
    notify_timeout: float = 5.0
    refund_window: float = 90 * DAY
    timestamp_tolerance: float = 600.0
    allowed_hosts: frozenset[str] = frozenset()
    app_id: str = ""
    seller_id: str = ""
    merchant_key: Path | None = None

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def loopback(host: str | None) -> bool:
    if not host:
        return False
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str | None:
    """The host of an absolute http(s) address, or None when it is anything else."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.username is not None:
        return None
    return parts.hostname


def reachable(settings: Settings, url: str) -> bool:
    """May this simulator send a browser or a notify there?"""
    host = host_of(url)
    return host is not None and (loopback(host) or host in settings.allowed_hosts)


def check(settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse to start in production, on a foreign address, or with a senseless speed."""
    if environ.get("SHIGU_PRODUCTION") == "1":
        raise Refused("SHIGU_PRODUCTION=1 is set: a simulated gateway has no place in production")
    if not loopback(settings.host):
        raise Refused(
            f"{settings.host} is not a loopback address; the simulator serves only its own machine"
        )
    if not 0 < settings.port < 65_536:
        raise Refused("the port must be between 1 and 65535")
    if settings.speed <= 0 or settings.notify_timeout <= 0 or settings.refund_window <= 0:
        raise Refused("speed, notify time-out and refund window must be above zero")
