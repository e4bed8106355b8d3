"""Where a visitor comes from, as limits of pages and of streams count them: `address(peer, forwarded)`.

Behind a proxy of ours (`SHIGU_BEHIND_PROXY`) the last hop that it wrote, which nobody can forge; else the peer.
"""

from __future__ import annotations

from django.conf import settings

MOST = 45
"""Characters of the longest address."""


def address(peer: str, forwarded: str) -> str:
    """Of who is connected, and of what `X-Forwarded-For` says."""
    last = forwarded.rpartition(",")[2].strip() if settings.SECURE_PROXY_SSL_HEADER else ""
    return (last or peer)[:MOST]
