"""What a process counts of itself, for Prometheus: requests, how long they took, its pool, its memory.

Several pages processes stand behind one address, and a scrape reaches one of them: each keeps its counts in
small files in a folder of their server's own (`prometheus_client`'s multiprocess mode), which whoever is
asked reads together. The folder is named after the server's process, so a restart begins at zero, as
Prometheus expects; folders whose server is gone are removed. Import it where figures are wanted only.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from django.conf import settings

LASTING = "PROMETHEUS_MULTIPROC_DIR"
"""The library reads it once, when it is imported."""


def folder() -> Path:
    """Where the processes of this one's server count."""
    return Path(settings.VAR_DIR) / "metrics" / str(os.getppid())


def is_alive(pid: int) -> bool:
    """Is there such a process, whosever it is?"""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return True


def _prepare() -> None:
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    for other in place.parent.iterdir():
        if other.name.isdigit() and not is_alive(int(other.name)):
            shutil.rmtree(other, ignore_errors=True)  # another worker may be at it, too
    os.environ[LASTING] = str(place)


if LASTING not in os.environ:
    _prepare()

from prometheus_client import Counter, Gauge, Histogram  # noqa: E402 - after the folder is named

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter("shigu_http_requests", "Requests answered.", ["method", "route", "status"])
latency = Histogram(
    "shigu_http_request_seconds", "How long answering took.", ["route"], buckets=SECONDS
)
in_hand = Gauge("shigu_http_requests_in_hand", "Being answered now.", multiprocess_mode="liveall")
connections = Gauge(
    "shigu_database_pool_connections",
    "Connections of a process's pool: open, idle, most it may have.",
    ["state"],
    multiprocess_mode="liveall",
)
waiting = Gauge(
    "shigu_database_pool_waiting",
    "Threads that wait for a connection.",
    multiprocess_mode="liveall",
)
waited = Gauge(
    "shigu_database_pool_waited_seconds",
    "Waited for connections since the process began.",
    multiprocess_mode="liveall",
)
memory = Gauge("shigu_process_resident_bytes", "Memory of a process.", multiprocess_mode="liveall")
pushes = Gauge(
    "shigu_pushes",
    "Words about changed rows, said and lost, since the process began.",
    ["outcome"],
    multiprocess_mode="liveall",
)
redis_away = Gauge(
    "shigu_redis_away", "Times that Redis did not answer this process.", multiprocess_mode="liveall"
)


def forget_dead() -> None:
    """Live figures of processes that are no more; their counts stay."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - as above

    for file in Path(os.environ[LASTING]).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not is_alive(pid):
            with suppress(FileNotFoundError):
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
