"""Who may read the figures: somebody on this machine, or whoever knows `SHIGU_METRICS_TOKEN`.

A proxy on this machine brings visitors from everywhere in under its own address, so what came through one
is never taken for local.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from secrets import compare_digest

from django.conf import settings

PASSED_ON = (
    *("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"),
    *("x-real-ip", "via"),
)


def is_admitted(peer: str, headers: Mapping[str, str]) -> bool:
    """May this caller, with these headers (any case), read them?"""
    return _knows(headers) or _is_local(peer, headers)


def _knows(headers: Mapping[str, str]) -> bool:
    scheme, _, told = headers.get("authorization", "").partition(" ")
    wanted: str = settings.METRICS_TOKEN
    is_bearer = scheme.lower() == "bearer"
    return bool(wanted) and is_bearer and compare_digest(told.strip().encode(), wanted.encode())


def _is_local(peer: str, headers: Mapping[str, str]) -> bool:
    if any(name in headers for name in PASSED_ON):
        return False
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
