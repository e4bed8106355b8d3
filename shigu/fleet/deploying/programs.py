"""What runs on one machine of a fleet, as `Program`s: their commands come from `shigu.serving`.

`programs(place)` is the list that supervisor's and systemd's files are made of; the Compose file and
the manifests in `deploy/` are held to the same commands by a test. A smaller priority starts earlier
and ends later, so workers are there before the beats that wake them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shigu import serving
from shigu.fleet.deploying.files import NUMBER
from shigu.fleet.deploying.place import Place


@dataclass(frozen=True)
class Program:
    """One line of the list: so many `instances` of one command."""

    name: str
    says: str
    command: tuple[str, ...]
    priority: int
    startsecs: int = 5
    instances: int = 1

    @property
    def is_numbered(self) -> bool:
        """Are there, or may there be, several on one machine?"""
        return NUMBER in " ".join(self.command) or self.instances > 1


def programs(place: Place) -> list[Program]:
    """All of one machine: with a broker, or with the embedded clock instead of it."""
    ringing = [_clock(place)] if place.embedded else list(_ringing(place))
    window = [] if place.embedded else [_flower(place)]
    return [*ringing, _events(place), _pages(place), *window]


def _ringing(place: Place) -> Iterator[Program]:
    for group, queues in serving.QUEUES.items():
        part = serving.worker(group, node=NUMBER, processes=place.workers, python=place.python)
        yield Program(part.name, f"worker for {', '.join(queues)}", tuple(part.command), 100)
    part = serving.beat(python=place.python)
    yield Program(part.name, "wakes the workers", tuple(part.command), 200, instances=place.beats)


def _clock(place: Place) -> Program:
    part = serving.clock(python=place.python)
    return Program(part.name, "rings what is due", tuple(part.command), 100)


def _events(place: Place) -> Program:
    part = serving.events(place.host, place.port + 1, python=place.python)
    return Program(part.name, "event streams", tuple(part.command), 300)


def _pages(place: Place) -> Program:
    part = serving.pages(
        place.host, place.port, workers=place.pages, threads=place.threads, python=place.python
    )
    return Program(part.name, "the shop's pages", tuple(part.command), 400)


def _flower(place: Place) -> Program:
    part = serving.flower("127.0.0.1", place.flower_port, python=place.python)
    return Program(part.name, "the workers' window", tuple(part.command), 500)
