"""A thousand pages that listen to one lot, in one process: bare sockets, each with when it heard what.

`listen` is a crew's role: it opens the streams, says in its answer how long after the machine's monotonic
clock each version was heard, and what each showed in the end. A stream that skips versions heard the later
one for them, too.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from shigu.bench.crew import Answer

EVENT = re.compile(rb'data: (\{[^\n]*"lot"[^\n]*\})\n')
VERSION = re.compile(rb'"version": (\d+)')
PRICE = re.compile(rb'"price": (\d+|null)')


class Page:
    """One stream: the moments at which it heard versions, and the price it shows."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, float]] = []
        self.price = b""

    @property
    def version(self) -> int:
        return self.heard[-1][0] if self.heard else -1

    def hear(self, chunk: bytes, at: float) -> None:
        """Everything that has arrived, at that moment."""
        for event in EVENT.findall(chunk):
            self.heard.append((int(VERSION.search(event)[1]), at))  # type: ignore[index]
            self.price = PRICE.search(event)[1]  # type: ignore[index]


async def _watch(page: Page, job: dict[str, Any]) -> None:
    reader, writer = await asyncio.open_connection(job["host"], job["port"])
    said = f"GET {job['path']} HTTP/1.1\r\nHost: {job['host']}\r\nAccept: text/event-stream\r\n\r\n"
    writer.write(said.encode())
    rest = b""
    while page.version < job["versions"]:
        chunk = await reader.read(65536)
        if not chunk:
            break
        at = time.monotonic()
        whole, gap, rest = (rest + chunk).rpartition(b"\n")
        page.hear(whole + gap, at)
    writer.close()


async def _all(job: dict[str, Any]) -> list[Page]:
    pages = [Page() for _ in range(job["streams"])]
    tasks = [asyncio.create_task(_watch(page, job)) for page in pages]
    _, late = await asyncio.wait(tasks, timeout=job["seconds"])
    for task in late:
        task.cancel()
    return pages


def listen(job: dict[str, Any]) -> Answer:
    """Open `streams` to `path`, until each has heard version `versions`, or `seconds` are over."""
    pages = asyncio.run(_all(job))
    return {
        "heard": [page.heard for page in pages],
        "prices": sorted({page.price.decode() for page in pages}),
        "right": sum(page.version >= job["versions"] for page in pages),
    }
