"""A crowd sends errands to a server in stages; of each stage: how many, how long, how late, at what cost.

`Crowd.go` is one stage. It is a closed loop: so many people at once, each waiting for an answer before the next
ask, so that what they wait includes the queue before the server. `Stage` adds up over rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shigu.bench import surfing, usage
from shigu.bench.crew import Crew
from shigu.bench.errors import NotTheSame
from shigu.bench.rounds import quantile
from shigu.bench.servers import Served
from shigu.bench.surfing import Errand

End = dict[str, Any]
"""Of an errand's last answer: `location`, and the `fields` of its form."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Requests of one kind: the milliseconds of each, the seconds of all, CPU of the web processes."""

    waited: list[float]
    seconds: float
    cpu: float
    database: float
    """Seconds of CPU that PostgreSQL spent."""

    @property
    def requests(self) -> int:
        return len(self.waited)

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def __add__(self, other: Stage) -> Stage:
        return Stage(
            self.waited + other.waited,
            self.seconds + other.seconds,
            self.cpu + other.cpu,
            self.database + other.database,
        )

    def told(self) -> dict[str, float]:
        """For the report."""
        return {
            "requests": self.requests,
            "per_s": round(self.per_second, 1),
            "p50_ms": round(quantile(self.waited, 0.5), 1),
            "p99_ms": round(quantile(self.waited, 0.99), 1),
            "cpu_ms_each": round(self.cpu / self.requests * 1000, 2),
            "database_ms_each": round(self.database / self.requests * 1000, 2),
        }


class Crowd:
    """Everybody, in one process beside the servers."""

    def __init__(self, crew: Crew, clients: int) -> None:
        self._crew, self._clients = crew, clients

    def go(self, served: Served, errands: Sequence[Errand]) -> tuple[Stage, list[End]]:
        """One stage; fails where an answer was not the one expected."""
        job = {"port": served.port, "clients": self._clients, "errands": list(errands)}
        before = _spent(served)
        asks = sum(len(errand["asks"]) for errand in errands)
        found = self._crew.work([job], within=surfing.PATIENCE + asks)[0]
        pages, database = (now - then for now, then in zip(_spent(served), before, strict=True))
        if wrong := found["wrong"]:
            raise NotTheSame(f"{len(wrong)} of {len(errands)} errands failed: {wrong[0]}")
        seconds = found["ended"] - found["began"]
        return Stage(found["waited"], seconds, pages, database), found["ends"]


def _spent(served: Served) -> tuple[float, float]:
    return usage.cpu(served.pids), usage.cpu([usage.postgres()])
