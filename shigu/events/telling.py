"""What every stream of events begins and carries: its headers, when to come again, that it is still here."""

from __future__ import annotations

import random

from starlette.requests import Request

HEARTBEAT = 15.0
STILL_HERE = ": still here\n\n"


def retry() -> str:
    """Pages that lost the stream come back one after the other."""
    return f"retry: {random.randint(1500, 4000)}\n\n"


def headers(origin: str) -> dict[str, str]:
    """For pages of `origin`; nothing is stored or held back on the way."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Vary": "Origin",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
    }


def next_number(request: Request) -> int:
    """Where the numbers of a client that comes back go on."""
    last = request.headers.get("last-event-id", "")
    return int(last) + 1 if last.isascii() and last.isdigit() and len(last) < 16 else 1
